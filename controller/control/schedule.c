#include "control/schedule.h"

#include "base/text.h"
#include "control/dispatch.h"
#include "control/fleet.h"
#include "control/jobs.h"

// ---- counting

void load_add(Load *load, const char *host, bool heavy)
{
        load->entries = memory_grow(load->entries, (load->count + 1) * sizeof *load->entries);
        load->entries[load->count++] = (LoadEntry){host, heavy};
}

bool load_admits(const Load *load, const char *host, bool heavy)
{
        uint64_t tasks = 0;
        uint64_t heavy_tasks = 0;

        for (size_t i = 0; i < load->count; i++)
                if (text_equal(load->entries[i].host, host)) {
                        tasks++;
                        heavy_tasks += load->entries[i].heavy;
                }
        return load->count < load->limits->fleet_tasks && tasks < load->limits->host_tasks &&
               (!heavy || heavy_tasks < load->limits->host_heavy);
}

void load_clear(Load *load)
{
        free(load->entries);
        *load = (Load){0};
}

// Taking back is never heavy: it renames and removes.
static bool is_heavy(const TaskRow *task, TaskRowMode mode)
{
        return mode == TASK_RUN && step_info_find(task->step)->flags & STEP_HEAVY;
}

// ---- one job

// One look of the scheduler at everything.
typedef struct Look {
        Controller *controller;
        Rows jobs;
        Rows under_way; // tasks
        Load load;
} Look;

static int send_task(Look *look, const JobRow *job, const Rows *tasks, TaskRow *task,
        TaskRowMode mode, Error *error)
{
        if (!session_of_host(look->controller, job->host) ||
                !load_admits(&look->load, job->host, is_heavy(task, mode)))
                return 0;
        load_add(&look->load, job->host, is_heavy(task, mode));
        return dispatch_task(look->controller, job, tasks, task, mode, error);
}

static bool is_label(const TaskRow *task, const char *label, size_t length)
{
        return strlen(task->label) == length && strncmp(task->label, label, length) == 0;
}

// Whether all that a task depends on is met; these stand before it.
static bool is_ready(const TaskRow *tasks, const bool *met, size_t i)
{
        const char *at = tasks[i].depends ? tasks[i].depends : "";

        for (; *at; at += strspn(at, " ")) {
                size_t length = strcspn(at, " ");

                for (size_t k = 0; k < i; k++)
                        if (is_label(&tasks[k], at, length) && !met[k])
                                return false;
                at += length;
        }
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

static int go_on(Look *look, JobRow *job, const Rows *rows, Error *error)
{
        TaskRow *tasks = rows->items;
        size_t under_way = 0;
        size_t pending = 0;
        bool gate = false;

        for (size_t i = 0; i < rows->count; i++) {
                under_way += task_is_under_way(&tasks[i]);
                pending += tasks[i].state == TASK_PENDING;
                gate |= tasks[i].state == TASK_DONE && tasks[i].gate == GATE_CLOSED;
        }
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
        next = jobs_next_undo(job, rows);
        return next ? send_task(look, job, rows, next, TASK_UNDO, error)
                    : jobs_end(look->controller, job, job->ending, error);
}

static int look_at(Look *look, JobRow *job, bool series_free, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        int r = 0;

        if (job->state == JOB_QUEUED && series_free && session_of_host(look->controller, job->host))
                r = jobs_start(look->controller, job, error);
        if (r < 0 || (job->state != JOB_RUNNING && job->state != JOB_UNDOING))
                return r;
        r = tasks_of_job(look->controller->store, job->id, &tasks, error);
        if (r < 0)
                return r;
        return job->state == JOB_RUNNING ? go_on(look, job, &tasks, error)
                                         : go_back(look, job, &tasks, error);
}

// ---- all of them

static void load_count(Controller *controller, const Rows *under_way, Load *ret)
{
        const TaskRow *tasks = under_way->items;

        *ret = (Load){.limits = &controller->setup->limits};
        for (size_t i = 0; i < under_way->count; i++)
                load_add(ret, tasks[i].host, is_heavy(&tasks[i], tasks[i].mode));
}

int schedule_is_full(Controller *controller, const char *host, bool *ret, Error *error)
{
        _cleanup_rows_ Rows under_way = {0};
        _cleanup_(load_clear) Load load = {0};
        int r = tasks_under_way(controller->store, NULL, &under_way, error);

        if (r < 0)
                return r;
        load_count(controller, &under_way, &load);
        *ret = !load_admits(&load, host, true);
        return 0;
}

static int look_open(Look *look, Error *error)
{
        Store *store = look->controller->store;
        int r = jobs_under_way(store, &look->jobs, error)
                        ?: tasks_under_way(store, NULL, &look->under_way, error);

        if (r == 0)
                load_count(look->controller, &look->under_way, &look->load);
        return r;
}

static void look_close(Look *look)
{
        rows_clear(&look->jobs);
        rows_clear(&look->under_way);
        load_clear(&look->load);
}

// Is an earlier job of the same series still under way?
static bool is_series_free(const JobRow *jobs, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (!job_is_over(&jobs[k]) && text_equal(jobs[k].series, jobs[i].series))
                        return false;
        return true;
}

int schedule_run(Controller *controller, Error *error)
{
        _cleanup_(look_close) Look look = {.controller = controller};
        int r = look_open(&look, error);
        JobRow *jobs = look.jobs.items;

        for (size_t i = 0; i < look.jobs.count && r == 0; i++)
                r = look_at(&look, &jobs[i], is_series_free(jobs, i), error);
        return r;
}
