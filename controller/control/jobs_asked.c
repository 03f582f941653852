// What people may ask of a job that is there: cancel, retry, resume.
#include "base/clock.h"
#include "base/text.h"
#include "control/jobs.h"
#include "control/planning.h"
#include "tell/record.h"
#include "tell/words.h"

static int tell(
        Controller *controller, const JobRow *job, const char *who, const char *what, Error *error)
{
        _cleanup_free_ char *event = text_format("%s %s", job_words[job->kind].noun, what);

        return record_history(
                controller, job, who, event, error, "job %lld, by %s", (long long)job->id, who);
}

static int refuse_state(const JobRow *job, const char *doing, const char *only, Error *error)
{
        int r = error_set(
                error, -EBUSY, "job-state", "job %lld cannot be %s", (long long)job->id, doing);

        error_why(error, "it is %s, and only %s can be", job_state_names[job->state], only);
        error_next(error, "Look at it: understudyctl job show %lld", (long long)job->id);
        return r;
}

// Going on with a job, or back, is right only as long as no other has changed its series since.
static int refuse_followed(
        Controller *controller, const JobRow *job, const char *doing, Error *error)
{
        _cleanup_job_ JobRow next = {0};
        int r = job_following(controller->store, job, &next, error);

        if (r <= 0)
                return r;
        r = error_set(error, -EBUSY, "job-followed", "job %lld cannot be %s any more",
                (long long)job->id, doing);
        error_why(error, "job %lld (%s) of series '%s' came after it", (long long)next.id,
                job_kind_names[next.kind], job->series);
        error_next(error, "Ask for a new one instead, once that has ended.");
        return r;
}

static int refuse_final(const JobRow *job, Error *error)
{
        int r = error_set(error, -EBUSY, "job-final", "job %lld cannot be canceled any more",
                (long long)job->id);

        error_why(error, "its last step has begun, and what that gives up does not come back");
        if (job->state == JOB_FAILED)
                error_next(error, "Let it go on: understudyctl job retry %lld", (long long)job->id);
        else
                error_next(error, "Watch it: understudyctl job watch %lld", (long long)job->id);
        return r;
}

int jobs_cancel(Controller *controller, JobRow *job, const char *who, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        int r;

        if (job->state == JOB_DONE || job->state == JOB_CANCELED)
                return refuse_state(job, "canceled", "one that has not ended well", error);
        if (job->state == JOB_FAILED) {
                r = refuse_followed(controller, job, "canceled", error);
                if (r < 0)
                        return r;
        }
        r = tasks_of_job(controller->store, job->id, &tasks, error);
        if (r < 0)
                return r;
        if (jobs_is_final(job, &tasks))
                return refuse_final(job, error);
        r = tell(controller, job, who, "is to be canceled", error);
        if (r < 0)
                return r;
        if (job->state == JOB_QUEUED && !job->started_us)
                return jobs_end(controller, job, JOB_CANCELED, error);
        job->ended_us = 0;
        return jobs_turn_back(controller, job, JOB_CANCELED, error);
}

// Not done, or after one that is not: to be executed again. Nodes stand in an order in which each
// comes after what it depends on, so one pass finds them all.
static bool is_again(const TaskRow *tasks, const bool *again, size_t i)
{
        if (tasks[i].state == TASK_SKIPPED)
                return false;
        if (tasks[i].state != TASK_DONE)
                return true;
        for (size_t k = 0; k < i; k++)
                if (again[k] && task_depends_on(&tasks[i], tasks[k].label))
                        return true;
        return false;
}

// `plan` is the job's, made anew: its nodes are the job's tasks, in the same order.
// What people may have changed is read again, unless there is no way back any more.
static int reset_tasks(
        Controller *controller, const JobRow *job, const Plan *plan, const Rows *rows, Error *error)
{
        _cleanup_free_ bool *again = memory_new(rows->count * sizeof *again);
        bool final = jobs_is_final(job, rows);
        TaskRow *tasks = rows->items;
        int r = 0;

        for (size_t i = 0; i < rows->count && r == 0; i++) {
                again[i] = (plan->nodes[i].again && !final) || is_again(tasks, again, i);
                if (!again[i])
                        continue;
                tasks[i].state = TASK_PENDING;
                tasks[i].mode = TASK_RUN;
                tasks[i].started_us = tasks[i].ended_us = 0;
                blob_set(&tasks[i].result, NULL);
                blob_set(&tasks[i].failure, NULL);
                r = row_update(controller->store, &task_table, &tasks[i], error)
                            ?: record_task(controller, &tasks[i], error);
        }
        return r;
}

// A taking back that failed is finished first: going on over half of it would be guesswork.
static bool is_undo_failed(const Rows *rows)
{
        const TaskRow *tasks = rows->items;

        for (size_t i = 0; i < rows->count; i++)
                if (tasks[i].state == TASK_FAILED && tasks[i].mode == TASK_UNDO)
                        return true;
        return false;
}

// Its time is over, and production was given back.
static int refuse_opening(const JobRow *job, Error *error)
{
        error_set(error, -EPERM, "attempt", "an attempt that did not open is not opened later");
        error_where(error, "job %lld", (long long)job->id);
        error_why(error, "its users were told another time");
        error_next(error,
                "Plan another one: understudyctl attempt plan %s --at WHEN --lapse DURATION",
                job->series);
        return -EPERM;
}

int jobs_retry(Controller *controller, JobRow *job, const char *who, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        _cleanup_plan_ Plan plan = {0};
        bool refused;
        int r;

        if (job->state != JOB_FAILED)
                return refuse_state(job, "retried", "one that has failed", error);
        if (job->kind == JOB_OPEN)
                return refuse_opening(job, error);
        r = refuse_followed(controller, job, "retried", error)
                    ?: tasks_of_job(controller->store, job->id, &tasks, error);
        if (r < 0)
                return r;
        if (is_undo_failed(&tasks)) {
                job->ended_us = 0;
                return tell(controller, job, who, "is to be taken back further", error)
                               ?: jobs_turn_back(controller, job, job->ending, error);
        }
        r = planning_make(controller->store, job, &plan, &refused, error);
        if (r < 0)
                return r;
        job->state = JOB_QUEUED;
        job->ending = JOB_FAILED;
        job->queued_us = clock_now_us();
        job->ended_us = 0;
        blob_set(&job->failure, NULL);
        return reset_tasks(controller, job, &plan, &tasks, error)
                       ?: tell(controller, job, who, "is retried", error)
                       ?: jobs_save(controller, job, error);
}

int jobs_resume(Controller *controller, JobRow *job, const char *who, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        TaskRow *tasks;
        int r;

        if (job->state != JOB_WAITING)
                return refuse_state(job, "resumed", "one that waits", error);
        r = tasks_of_job(controller->store, job->id, &rows, error);
        tasks = rows.items;
        for (size_t i = 0; i < rows.count && r == 0; i++) {
                if (tasks[i].gate != GATE_CLOSED || tasks[i].state != TASK_DONE)
                        continue;
                tasks[i].gate = GATE_OPENED;
                r = row_update(controller->store, &task_table, &tasks[i], error);
        }
        job->state = JOB_RUNNING;
        return r ?: tell(controller, job, who, "goes on", error)
                       ?: jobs_save(controller, job, error);
}
