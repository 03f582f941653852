#include "base/text.h"
#include "core/load.h"
#include "core/session.h"
#include "tell/view.h"
#include "tell/words.h"

static int away(Controller *controller, const char *name, char **ret, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        _cleanup_free_ char *seen = NULL;
        int r = host_get(controller->store, name, &host, error);

        if (r < 0)
                return r;
        seen = words_time(host.last_seen_us);
        *ret = text_format("waiting for host %s, last seen %s", name, seen);
        return 0;
}

static int queued(Controller *controller, const JobRow *job, char **ret, Error *error)
{
        _cleanup_job_ JobRow before = {0};
        int r = job_before(controller->store, job, &before, error);

        if (r < 0)
                return r;
        if (r > 0) {
                *ret = text_format("waiting for job %lld of the same %s", (long long)before.id,
                        text_blank(job->series) ? "host" : "series");
                return 0;
        }
        return session_of_host(controller, job->host) ? 0 : away(controller, job->host, ret, error);
}

static int running(
        Controller *controller, const JobRow *job, const Rows *tasks, char **ret, Error *error)
{
        const TaskRow *rows = tasks->items;
        bool full = false;
        int r;

        if (!session_of_host(controller, job->host))
                return away(controller, job->host, ret, error);
        for (size_t i = 0; i < tasks->count; i++)
                if (task_is_under_way(&rows[i]))
                        return 0;
        r = load_is_full(controller, job->host, &full, error);
        if (full)
                *ret = text_format("waiting for a free place on host %s", job->host);
        return r;
}

static const TaskRow *failed_task(const Rows *tasks, TaskRowMode mode)
{
        const TaskRow *rows = tasks->items;

        for (size_t i = 0; i < tasks->count; i++)
                if (rows[i].state == TASK_FAILED && rows[i].mode == mode)
                        return &rows[i];
        return NULL;
}

// What the failure says is to be done comes first; a hint only adds what it cannot know.
static char *failed(const JobRow *job, const Rows *tasks)
{
        long long id = (long long)job->id;
        const TaskRow *undo = failed_task(tasks, TASK_UNDO);
        const TaskRow *task = failed_task(tasks, TASK_RUN);

        if (undo)
                return text_format("'%s' could not be taken back: understudyctl job retry %lld "
                                   "tries it again",
                        undo->label, id);
        if (!task || job->dry_run)
                return NULL;
        if (job->kind == JOB_PREPARE)
                return text_format("understudyctl job retry %lld goes on from '%s', understudyctl "
                                   "job cancel %lld takes everything back",
                        id, task->label, id);
        return text_format("understudyctl job retry %lld keeps what need not be done again", id);
}

static char *waiting(const JobRow *job, const Rows *tasks)
{
        const TaskRow *rows = tasks->items;
        const char *label = "";

        for (size_t i = 0; i < tasks->count; i++)
                if (rows[i].gate == GATE_CLOSED)
                        label = rows[i].label;
        return text_format("look at what '%s' did, then: understudyctl job resume %lld, or "
                           "understudyctl job cancel %lld",
                label, (long long)job->id, (long long)job->id);
}

int hint_of_job(
        Controller *controller, const JobRow *job, const Rows *tasks, char **ret, Error *error)
{
        *ret = NULL;
        switch (job->state) {
        case JOB_QUEUED:
                return queued(controller, job, ret, error);
        case JOB_RUNNING:
        case JOB_UNDOING:
                return running(controller, job, tasks, ret, error);
        case JOB_WAITING:
                *ret = waiting(job, tasks);
                return 0;
        case JOB_FAILED:
                *ret = failed(job, tasks);
                return 0;
        default:
                return 0;
        }
}
