#include "rehearsal/learn.h"

#include "base/text.h"
#include "steps.h"

bool rehearsal_is(const JobRow *job)
{
        return !job->dry_run && job->started_us && (job->kind == JOB_SYNC || job->kind == JOB_OPEN);
}

static const char *way_word(Fleet__Way way)
{
        static const char *const words[] = {
                [FLEET__WAY__FULL] = "full",
                [FLEET__WAY__DELTA] = "delta",
                [FLEET__WAY__NATIVE] = "native",
                [FLEET__WAY__NOTHING] = "nothing",
        };

        return (size_t)way < ELEMENTS(words) ? words[way] : ""; // a worker may send any number
}

static void learn_way(const Rows *tasks, RehearsalRow *rehearsal)
{
        _cleanup_message_ ProtobufCMessage *choose = tasks_result(tasks, "choose");
        _cleanup_message_ ProtobufCMessage *dump = tasks_result(tasks, "dump");
        _cleanup_message_ ProtobufCMessage *restore = tasks_result(tasks, "restore");
        _cleanup_message_ ProtobufCMessage *ledger = tasks_result(tasks, "ledger");
        const Fleet__RestoreResult *restored = (Fleet__RestoreResult *)restore;

        rehearsal->way = text_copy(restored ? way_word(restored->way)
                                   : choose ? way_word(((Fleet__ChooseResult *)choose)->way)
                                            : "");
        if (dump)
                rehearsal->dump_bytes = (int64_t)((Fleet__DumpResult *)dump)->bytes;
        if (restored) {
                rehearsal->objects = (int64_t)restored->loaded;
                rehearsal->database_bytes = (int64_t)restored->database_bytes;
        }
        if (ledger && ((Fleet__LedgerResult *)ledger)->found)
                rehearsal->objects = (int64_t)((Fleet__LedgerResult *)ledger)->found;
}

static void learn_script(const JobRow *job, const Rows *tasks, RehearsalRow *rehearsal)
{
        _cleanup_message_ ProtobufCMessage *script = tasks_result(tasks, "script");
        _cleanup_message_ ProtobufCMessage *failure =
                blob_message(&job->failure, &fleet__failure__descriptor);
        const Fleet__ScriptResult *result = (Fleet__ScriptResult *)script;

        if (result) {
                rehearsal->script_made = result->created;
                rehearsal->script_taken = result->units_taken;
                rehearsal->script_kept = result->units_kept;
                rehearsal->script_merged = result->units_merged;
        }
        rehearsal->conflict =
                failure && text_equal(((Fleet__Failure *)failure)->code, "script-conflict");
}

static void learn_steps(const Rows *tasks, RehearsalRow *rehearsal)
{
        const TaskRow *rows = tasks->items;

        for (size_t i = 0; i < tasks->count; i++)
                if (rows[i].state == TASK_DONE && rows[i].started_us && !task_is_aside(&rows[i]))
                        rehearsal_add_step(
                                rehearsal, rows[i].label, rows[i].ended_us - rows[i].started_us);
        if (!rehearsal->steps)
                rehearsal->steps = text_copy("");
}

void rehearsal_learn(const JobRow *job, const Rows *tasks, RehearsalRow *ret)
{
        *ret = (RehearsalRow){
                .series = text_copy(job->series),
                .job = job->id,
                .kind = job->kind,
                .state = job->state,
                .started_us = job->started_us,
                .ended_us = job->ended_us,
                .why = text_copy(""),
        };
        learn_way(tasks, ret);
        learn_script(job, tasks, ret);
        learn_steps(tasks, ret);
}
