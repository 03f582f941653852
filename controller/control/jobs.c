#include "control/jobs.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/attempts.h"
#include "control/dispatch.h"
#include "control/planning.h"
#include "control/registry.h"
#include "control/rehearsals.h"
#include "core/load.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

int jobs_save(Controller *controller, const JobRow *job, Error *error)
{
        controller_look_at(controller, job->id);
        return row_update(controller->store, &job_table, job, error)
                       ?: record_job(controller, job, error);
}

// ---- planning

static int add_tasks(Controller *controller, const JobRow *job, const Plan *plan, Error *error)
{
        int r = 0;

        for (size_t i = 0; i < plan->count && r == 0; i++) {
                const PlanNode *node = &plan->nodes[i];
                TaskRow task = {
                        .job = job->id,
                        .node = (int64_t)i,
                        .label = node->label,
                        .step = (char *)node->info->name,
                        .depends = node->depends,
                        .host = job->host,
                        .gate = node->gate_after ? GATE_CLOSED : GATE_NONE,
                        .state = node->skipped ? TASK_SKIPPED : TASK_PENDING,
                };

                blob_set(&task.arguments, node->arguments);
                r = row_insert(controller->store, &task_table, &task, error);
                free(task.arguments.data);
        }
        return r;
}

// Settings of the series that came in meanwhile may ask for other steps.
static bool same_graph(const TaskRow *tasks, size_t count, const Plan *plan)
{
        bool same = count == plan->count;

        for (size_t i = 0; i < count && same; i++)
                same = text_equal(tasks[i].label, plan->nodes[i].label);
        return same;
}

static int refuse_other_graph(Error *why)
{
        int r = error_set(why, -ESTALE, "settings-changed", "the job cannot begin any more");

        error_why(why, "the settings of its series have changed since it was asked for");
        error_next(why, "Ask for it again.");
        return r;
}

// The graph of a job never changes; what its tasks are told does, as the series does. A refusal is
// 1, with `why`.
static int refresh_tasks(
        Controller *controller, const JobRow *job, const Plan *plan, Error *why, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = tasks_of_job(controller->store, job->id, &rows, error);
        TaskRow *tasks = rows.items;

        if (r == 0 && !same_graph(tasks, rows.count, plan))
                return refuse_other_graph(why) < 0;
        for (size_t i = 0; i < rows.count && r == 0; i++) {
                if (tasks[i].state != TASK_PENDING)
                        continue;
                blob_set(&tasks[i].arguments, plan->nodes[tasks[i].node].arguments);
                r = row_update(controller->store, &task_table, &tasks[i], error);
        }
        return r;
}

int jobs_create(Controller *controller, JobRow *job, Error *error)
{
        _cleanup_plan_ Plan plan = {0};
        _cleanup_free_ char *event = text_format("%s asked for", job_words[job->kind].noun);
        bool refused;
        int r = planning_make(controller->store, job, &plan, &refused, error);

        if (r < 0)
                return r;
        job->state = JOB_QUEUED;
        job->ending = JOB_FAILED;
        job->created_us = job->queued_us = clock_now_us();
        controller->attention.wanted = true;
        return row_insert(controller->store, &job_table, job, error)
                       ?: add_tasks(controller, job, &plan, error)
                       ?: record_job(controller, job, error)
                       ?: record_history(controller, job, job->who, event, error, "%s",
                                  job->request);
}

// ---- endings

static void set_failure(JobRow *job, const Error *why)
{
        Fleet__Failure *failure = record_failure(why);

        blob_set(&job->failure, &failure->base);
        fleet__failure__free_unpacked(failure, NULL);
}

// What never began is canceled with its job.
static int cancel_pending(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = tasks_of_job(controller->store, job->id, &rows, error);
        TaskRow *tasks = rows.items;

        for (size_t i = 0; i < rows.count && r == 0; i++) {
                if (tasks[i].state != TASK_PENDING)
                        continue;
                tasks[i].state = TASK_CANCELED;
                r = row_update(controller->store, &task_table, &tasks[i], error)
                            ?: record_task(controller, &tasks[i], error);
        }
        return r;
}

static int tell_end(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_free_ char *event =
                text_format("%s %s", job_words[job->kind].noun, job_state_names[job->state]);
        _cleanup_free_ char *why = record_failure_line(&job->failure);
        double seconds = (double)(job->ended_us - job->started_us) / US_PER_SECOND;

        if (job->state == JOB_CANCELED)
                return record_history(controller, job, job->who, event, error, "job %lld%s",
                        (long long)job->id,
                        job->kind == JOB_STANDBY ? ": it has done nothing"
                        : job->started_us        ? ": what it had made was taken back"
                                                 : ": it had not begun");
        return record_history(controller, job, job->who, event, error, "job %lld after %.1f s: %s",
                (long long)job->id, seconds, why);
}

int jobs_end(Controller *controller, JobRow *job, JobState state, Error *error)
{
        int r = 0;

        job->state = state;
        job->ended_us = clock_now_us();
        if (state == JOB_CANCELED)
                r = cancel_pending(controller, job, error);
        // How a job ended well is told by the registry, with what it found.
        if (r == 0 && state != JOB_DONE)
                r = tell_end(controller, job, error);
        return r ?: rehearsals_job_ended(controller, job, error)
                       ?: announce_sync(controller, job, error)
                       ?: announce_retirement(controller, job, error)
                       ?: attempts_job_ended(controller, job, error)
                       ?: jobs_save(controller, job, error);
}

int jobs_start(Controller *controller, JobRow *job, Error *error)
{
        _cleanup_plan_ Plan plan = {0};
        _cleanup_error_ Error why = ERROR_EMPTY;
        bool refused = false;
        int r = planning_make(controller->store, job, &plan, &refused, &why);

        if (!job->started_us)
                job->started_us = clock_now_us();
        if (r < 0 && !refused) {
                error_move(error, &why);
                return r;
        }
        if (!refused)
                r = refresh_tasks(controller, job, &plan, &why, error);
        if (refused || r > 0) {
                set_failure(job, &why);
                return jobs_end(controller, job, JOB_FAILED, error);
        }
        job->state = JOB_RUNNING;
        return r ?: jobs_save(controller, job, error);
}

int jobs_complete(Controller *controller, JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_error_ Error why = ERROR_EMPTY;
        int r = registry_check(controller, job, tasks, &why, error);

        if (r < 0)
                return r;
        if (r > 0) {
                set_failure(job, &why);
                return jobs_end(controller, job, JOB_FAILED, error);
        }
        return registry_apply(controller, job, tasks, error)
                       ?: jobs_end(controller, job, JOB_DONE, error);
}

int jobs_wait(Controller *controller, JobRow *job, Error *error)
{
        _cleanup_free_ char *event = text_format("%s waits", job_words[job->kind].noun);

        job->state = JOB_WAITING;
        return record_history(controller, job, job->who, event, error,
                       "job %lld waits for a person to look at it", (long long)job->id)
                       ?: jobs_save(controller, job, error);
}

// ---- taking back

static bool executed(const TaskRow *task)
{
        return task->execution > 0 && (task->state == TASK_DONE || task->state == TASK_FAILED ||
                                              task->state == TASK_CANCELED);
}

static bool gave_up(const Rows *tasks)
{
        const TaskRow *rows = tasks->items;

        for (size_t i = 0; i < tasks->count; i++)
                if (rows[i].execution > 0 && step_info_find(rows[i].step)->flags & STEP_FINAL)
                        return true;
        return false;
}

bool jobs_is_final(const JobRow *job, const Rows *tasks)
{
        return job->kind != JOB_OPEN && gave_up(tasks);
}

bool jobs_is_done_after_all(const JobRow *job, const Rows *tasks)
{
        const TaskRow *rows = tasks->items;
        bool done = job->kind == JOB_STANDBY;

        for (size_t i = 0; i < tasks->count; i++)
                done &= rows[i].state == TASK_DONE;
        return done;
}

// A preparation is left as it is when it fails, so that it can go on, and taken back as a whole
// when it is canceled. Everything else goes back at once to what answered before.
static bool is_undone(const JobRow *job, const TaskRow *task)
{
        unsigned flags = step_info_find(task->step)->flags;

        if (job->dry_run || !executed(task))
                return false;
        if (job->kind == JOB_PREPARE)
                return job->ending == JOB_CANCELED && !(flags & STEP_READS);
        return flags & STEP_UNDO_AT_FAILURE;
}

TaskRow *jobs_next_undo(const JobRow *job, const Rows *tasks)
{
        TaskRow *rows = tasks->items;
        bool given_up = gave_up(tasks);

        if (jobs_is_final(job, tasks))
                return NULL;
        for (size_t i = tasks->count; i > 0; i--)
                if (is_undone(job, &rows[i - 1]) &&
                        !(given_up && step_info_find(rows[i - 1].step)->flags & STEP_DESTROYS))
                        return &rows[i - 1];
        return NULL;
}

// From here on no task begins; those under way are asked to end, and then the taking back begins.
int jobs_turn_back(Controller *controller, JobRow *job, JobState ending, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = tasks_of_job(controller->store, job->id, &rows, error);
        TaskRow *tasks = rows.items;

        for (size_t i = 0; i < rows.count && r == 0; i++)
                if (tasks[i].state == TASK_RUNNING && !tasks[i].cancel)
                        r = dispatch_cancel(controller, &tasks[i], error);
        job->state = JOB_UNDOING;
        job->ending = ending;
        return r ?: jobs_save(controller, job, error);
}

// ---- the end of a task

static void take_result(TaskRow *task, const Fleet__Finished *finished)
{
        const StepInfo *info = step_info_find(task->step);
        ProtobufCMessage *result = finished->result ? step_result_message(finished->result) : NULL;

        // A step without anything to tell may leave its result out.
        _cleanup_message_ ProtobufCMessage *none = message_new(info->result);
        blob_set(&task->result, result && result->descriptor == info->result ? result : none);
}

static void take_end(TaskRow *task, const Fleet__Finished *finished)
{
        bool done = finished->outcome == FLEET__OUTCOME__DONE;

        task->ended_us = clock_now_us();
        task->already = finished->already;
        task->cancel = 0;
        blob_set(&task->message, NULL);
        blob_set(&task->failure, NULL);
        if (!done && finished->failure)
                blob_set(&task->failure, &finished->failure->base);
        if (task->mode == TASK_UNDO) {
                task->state = done ? TASK_UNDONE : TASK_FAILED;
        } else if (done) {
                task->state = TASK_DONE;
                take_result(task, finished);
        } else {
                task->state =
                        finished->outcome == FLEET__OUTCOME__CANCELED ? TASK_CANCELED : TASK_FAILED;
        }
}

// The first failure is the job's; what fails later, while it is taken back, is the task's alone.
static void take_failure(JobRow *job, const TaskRow *task)
{
        ProtobufCMessage *why = blob_message(&task->failure, &fleet__failure__descriptor);

        if (why && !job->failure.data)
                blob_set(&job->failure, why);
        if (why)
                protobuf_c_message_free_unpacked(why, NULL);
}

int jobs_task_finished(
        Controller *controller, TaskRow *task, const Fleet__Finished *finished, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        Fleet__Finished end = *finished;
        int found = job_get(controller->store, task->job, &job, error);
        int r;

        if (found < 0)
                return found;
        // What only serves the others is ended when they are done, and cannot fail their job.
        if (task_is_aside(task) && task->mode == TASK_RUN && job.state == JOB_RUNNING)
                end.outcome = FLEET__OUTCOME__DONE;
        take_end(task, &end);
        load_task_ended(controller, task);
        controller_look_at(controller, task->job);
        r = row_update(controller->store, &task_table, task, error)
                    ?: record_task(controller, task, error);
        if (r < 0 || !found)
                return r;
        if (task->state == TASK_DONE || task->state == TASK_UNDONE)
                return registry_learn(controller, &job, task, error)
                               ?: attempts_task_ended(controller, &job, error);
        if (task->mode == TASK_UNDO && task->state == TASK_FAILED) {
                take_failure(&job, task);
                return jobs_end(controller, &job, JOB_FAILED, error);
        }
        if (task->mode == TASK_UNDO || job.state != JOB_RUNNING)
                return 0;
        take_failure(&job, task);
        return jobs_turn_back(controller, &job, JOB_FAILED, error);
}
