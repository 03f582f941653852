#include "control/schedule.h"

#include "base/text.h"
#include "control/dispatch.h"
#include "control/jobs.h"
#include "core/load.h"
#include "core/session.h"
#include "tell/record.h"

// ---- one job

// One look of the scheduler at everything.
typedef struct Look {
        Controller *controller;
        Attention attention; // what it was asked to look at
        Rows jobs;
        Load *load; // the controller's
} Look;

// It is looked at again, with whatever changes next.
static int wait_for_room(const Look *look, const JobRow *job, LookWhy why)
{
        attention_add(&look->controller->attention, job->id, why);
        return 0;
}

static int send_task(Look *look, const JobRow *job, const Rows *tasks, TaskRow *task,
        TaskRowMode mode, Error *error)
{
        _cleanup_(finished_clear) Fleet__Finished *finished = NULL;
        _cleanup_error_ Error why = ERROR_EMPTY;
        bool heavy = load_is_heavy(task, mode);
        int r;

        if (!session_of_host(look->controller, job->host))
                return wait_for_room(look, job, LOOK_ROOM);
        if (task_takes_room(task) && !load_admits(look->load, job->host, heavy))
                return wait_for_room(look, job, heavy ? LOOK_ROOM_HEAVY : LOOK_ROOM);
        r = dispatch_task(look->controller, job, tasks, task, mode, &why, error);
        if (r <= 0)
                return r;
        finished = record_finished(&why);
        return jobs_task_finished(look->controller, task, finished, error);
}

// Whether all that a task depends on is met; these stand before it.
static bool is_ready(const TaskRow *tasks, const bool *met, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (!met[k] && task_depends_on(&tasks[i], tasks[k].label))
                        return false;
        return true;
}

// Sends what may begin. A skipped task is met as soon as all before it is: a dry run keeps its
// order.
static int send_ready(Look *look, const JobRow *job, const Rows *rows, Error *error)
{
        _cleanup_free_ bool *met = memory_new(rows->count * sizeof *met);
        TaskRow *tasks = rows->items;
        int r = 0;

        for (size_t i = 0; i < rows->count && r == 0; i++) {
                bool ready = is_ready(tasks, met, i);

                met[i] = tasks[i].state == TASK_DONE || (tasks[i].state == TASK_SKIPPED && ready);
                if (!ready || tasks[i].state != TASK_PENDING)
                        continue;
                r = send_task(look, job, rows, &tasks[i], TASK_RUN, error);
                if (tasks[i].state == TASK_FAILED) // it could not be sent: the job goes back
                        break;
        }
        return r;
}

// Those that only serve the others, when these are done.
static int end_aside(Look *look, const Rows *rows, Error *error)
{
        TaskRow *tasks = rows->items;
        int r = 0;

        for (size_t i = 0; i < rows->count && r == 0; i++)
                if (task_is_aside(&tasks[i]) && tasks[i].state == TASK_RUNNING && !tasks[i].cancel)
                        r = dispatch_cancel(look->controller, &tasks[i], error);
        return r;
}

static int go_on(Look *look, JobRow *job, const Rows *rows, Error *error)
{
        TaskRow *tasks = rows->items;
        size_t under_way = 0, pending = 0, aside = 0;
        bool gate = false;

        for (size_t i = 0; i < rows->count; i++) {
                if (task_is_aside(&tasks[i]))
                        aside += task_is_under_way(&tasks[i]);
                else
                        under_way += task_is_under_way(&tasks[i]);
                pending += tasks[i].state == TASK_PENDING;
                gate |= tasks[i].state == TASK_DONE && tasks[i].gate == GATE_CLOSED;
        }
        if (under_way == 0 && pending == 0 && aside > 0)
                return end_aside(look, rows, error);
        if (under_way == 0 && pending == 0)
                return jobs_complete(look->controller, job, rows, error);
        if (gate)
                return under_way ? 0 : jobs_wait(look->controller, job, error);
        return send_ready(look, job, rows, error);
}

static int go_back(Look *look, JobRow *job, const Rows *rows, Error *error)
{
        TaskRow *tasks = rows->items;
        TaskRow *next;

        for (size_t i = 0; i < rows->count; i++)
                if (task_is_under_way(&tasks[i]))
                        return 0;
        if (jobs_is_done_after_all(job, rows))
                return jobs_complete(look->controller, job, rows, error);
        next = jobs_next_undo(job, rows);
        return next ? send_task(look, job, rows, next, TASK_UNDO, error)
                    : jobs_end(look->controller, job, job->ending, error);
}

// Its tasks are read only if one of them may move.
static bool is_worth_it(const Look *look, const JobRow *job)
{
        LookWhy why = attention_to(&look->attention, job->id);

        if (why != LOOK_ROOM_HEAVY || load_admits(look->load, job->host, true))
                return why != LOOK_NOT;
        wait_for_room(look, job, why);
        return false;
}

// Is an earlier job of the same series, or host, still under way?
static bool is_series_free(const JobRow *jobs, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (!job_is_over(&jobs[k]) && job_excludes(&jobs[k], &jobs[i]))
                        return false;
        return true;
}

// The end of another job of an attempt may have left it nothing to do, since this look began.
static int read_again(Look *look, JobRow *job, Error *error)
{
        int64_t id = job->id;
        int r;

        if (!job->attempt)
                return 0;
        job_clear(job);
        r = job_get(look->controller->store, id, job, error);
        return r < 0 ? r : 0;
}

static int look_at(Look *look, size_t i, Error *error)
{
        JobRow *jobs = look->jobs.items, *job = &jobs[i];
        bool queued = job->state == JOB_QUEUED;
        _cleanup_rows_ Rows tasks = {0};
        int r = queued ? read_again(look, job, error) : 0;

        if (r == 0 && job->state == JOB_QUEUED && is_series_free(jobs, i) &&
                session_of_host(look->controller, job->host))
                r = jobs_start(look->controller, job, error);
        if (r < 0 || (job->state != JOB_RUNNING && job->state != JOB_UNDOING))
                return r;
        if (!queued && !is_worth_it(look, job))
                return 0;
        r = tasks_of_job(look->controller->store, job->id, &tasks, error);
        if (r < 0)
                return r;
        return job->state == JOB_RUNNING ? go_on(look, job, &tasks, error)
                                         : go_back(look, job, &tasks, error);
}

// ---- all of them

static int look_open(Look *look, Error *error)
{
        Store *store = look->controller->store;

        look->attention = TAKE(look->controller->attention, (Attention){0});
        return jobs_under_way(store, &look->jobs, error)
                       ?: load_of(look->controller, &look->load, error);
}

static void look_close(Look *look)
{
        attention_clear(&look->attention);
        rows_clear(&look->jobs);
}

int schedule_run(Controller *controller, Error *error)
{
        _cleanup_(look_close) Look look = {.controller = controller};
        int r = look_open(&look, error);

        for (size_t i = 0; i < look.jobs.count && r == 0; i++)
                r = look_at(&look, i, error);
        return r;
}
