#include "control/report.h"

#include "base/text.h"
#include "control/jobs.h"
#include "tell/record.h"

static int refuse_state(const AttemptRow *attempt, Error *error)
{
        int r;

        if (attempt->state == ATTEMPT_OPEN || attempt->state == ATTEMPT_CANCELED)
                return 0;
        r = error_set(error, -EPERM, "attempt-state", "there is nothing to report");
        error_why(error, "the attempt is %s, and nothing of what users did is lost",
                attempt_state_names[attempt->state]);
        error_next(error, "Look at it: understudyctl attempt show %s", attempt->series);
        return r;
}

int report_ask(Controller *controller, const AttemptRow *attempt, const char *who, int64_t *ret_job,
        Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_job_ JobRow job = {.kind = JOB_REPORT, .attempt = attempt->id};
        int r = refuse_state(attempt, error)
                        ?: series_get(controller->store, attempt->series, &series, error);

        if (r < 0)
                return r;
        job.series = text_copy(attempt->series);
        job.host = text_copy(series.host);
        job.site = text_copy(attempt->site);
        job.who = text_copy(who);
        job.request = text_format("attempt report %s", attempt->series);
        r = jobs_create(controller, &job, error);
        *ret_job = job.id;
        return r;
}

static Fleet__LossResult *find_result(const Rows *tasks)
{
        const TaskRow *rows = tasks->items;

        for (size_t i = 0; i < tasks->count; i++)
                if (text_equal(rows[i].step, "loss"))
                        return (Fleet__LossResult *)blob_message(
                                &rows[i].result, &fleet__loss_result__descriptor);
        return NULL;
}

// "contacts.Person 2 added; notes.Note 1 changed".
static char *told(const Fleet__LossResult *loss)
{
        char *text = text_copy("");

        for (size_t i = 0; i < loss->n_tables; i++) {
                const Fleet__LossTable *table = loss->tables[i];
                const struct {
                        uint64_t count;
                        const char *what;
                } counts[] = {{table->added, "added"}, {table->changed, "changed"},
                        {table->deleted, "deleted"}};

                for (size_t k = 0; k < ELEMENTS(counts); k++) {
                        _cleanup_free_ char *before = text;

                        if (!counts[k].count) {
                                before = NULL;
                                continue;
                        }
                        text = text_format("%s%s%s %llu %s", before, *before ? "; " : "",
                                table->table, (unsigned long long)counts[k].count, counts[k].what);
                }
        }
        return text;
}

int report_keep(Controller *controller, const JobRow *job, AttemptRow *attempt, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        _cleanup_message_ ProtobufCMessage *message = NULL;
        _cleanup_free_ char *text = NULL;
        int r = tasks_of_job(controller->store, job->id, &tasks, error);

        if (r < 0)
                return r;
        message = (ProtobufCMessage *)find_result(&tasks);
        if (!message)
                return 0;
        blob_set(&attempt->loss, message);
        text = told((const Fleet__LossResult *)message);
        return row_update(controller->store, &attempt_table, attempt, error)
                       ?: record_history(controller, job, job->who,
                                  attempt->state == ATTEMPT_OPEN ? "a cancel would lose"
                                                                 : "the cancel lost",
                                  error, "%s", *text ? text : "nothing");
}

int report_forget_old(Controller *controller, int64_t now_us, Error *error)
{
        return store_run(controller->store, error,
                "UPDATE attempt SET loss = NULL WHERE loss IS NOT NULL AND ended_us > 0 AND "
                "ended_us < ?",
                "i", now_us - REPORT_KEEP_US);
}
