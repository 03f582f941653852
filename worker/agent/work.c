// From an accepted task to its Finished: runners are started, followed and, when they die,
// replaced.
#include "agent/tasks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "agent/lock.h"
#include "base/clock.h"
#include "base/log.h"

#define RETRY_MS    5000 // after a runner could not even be started
#define STDERR_TAIL 2048

// Before the first replacement; five times as long before each further one.
#define DEATH_WAIT_MS 100

static void set_timer(WorkerTask *task, unsigned ms);

// What waits alone takes no other's place.
static void count_running(const WorkerTask *task, int change)
{
        if (!task->alone)
                task->agent->running += (unsigned)change;
}

static void set_state(WorkerTask *task, TaskState state)
{
        if (task->state == TASK_RUNNING)
                count_running(task, -1);
        if (state == TASK_RUNNING)
                count_running(task, 1);
        task->state = state;
}

// ---------------------------------------------------------------- an end without a runner

// The last words of the runner that died, if any.
static char *read_last_words(const WorkerTask *task)
{
        _cleanup_free_ char *path = text_format("%s/stderr", task->directory);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        char words[STDERR_TAIL];
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return text_copy("");
        n = pread(fd, words, sizeof(words),
                st.st_size > (off_t)sizeof(words) ? st.st_size - (off_t)sizeof(words) : 0);
        while (n > 0 && words[n - 1] == '\n')
                n--;
        return text_to_utf8(words, n > 0 ? (size_t)n : 0);
}

static int append_finished(const WorkerTask *task, Fleet__Outcome outcome, Fleet__Failure *failure)
{
        _cleanup_close_ int dirfd = open(task->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int lock = -EBADF;
        _cleanup_(spool_closep) Spool *spool = NULL;
        Fleet__Finished finished = FLEET__FINISHED__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;
        int r = dirfd < 0 ? -errno : lock_take(dirfd, "lock", &lock);

        if (r == 0)
                r = spool_open(dirfd, "events", &spool);
        if (r < 0)
                return r;
        if (spool_summary(spool)->finished)
                return 0;
        finished.outcome = outcome;
        finished.failure = failure;
        event.task = task->id;
        event.at_us = clock_now_us();
        event.body_case = FLEET__EVENT__BODY_FINISHED;
        event.finished = &finished;
        return spool_append(spool, &event);
}

static int finish_in_place(WorkerTask *task, RunnerEnd end, const char *how)
{
        _cleanup_free_ char *words = read_last_words(task);
        _cleanup_free_ char *why =
                text_format("%s%s%s", how, *words ? ". Its last words: " : "", words);
        _cleanup_free_ char *what = NULL;
        _cleanup_free_ char *next =
                text_format("See the task's log, then: understudyctl job retry %llu",
                        (unsigned long long)task->job);
        Fleet__Failure failure = FLEET__FAILURE__INIT;
        bool canceled = end == RUNNER_KILLED_CANCELED;

        if (end == RUNNER_ENDED) {
                failure.code = "runner-died";
                what = text_format("the task's runner died %u times", task->deaths);
        } else {
                failure.code = canceled ? "canceled" : "deadline";
                what = text_format("%s, and it had to be killed",
                        canceled ? "the task was canceled" : "the task took longer than it may");
        }
        failure.what = what;
        failure.where = task->directory;
        failure.why = why;
        failure.next = next;
        return append_finished(
                task, canceled ? FLEET__OUTCOME__CANCELED : FLEET__OUTCOME__FAILED, &failure);
}

// ---------------------------------------------------------------- an end of a runner

static void forget_when_committed(WorkerTask *task)
{
        if (task->committed >= task->summary.end.number)
                work_forget(task);
}

static bool settle_if_finished(WorkerTask *task)
{
        task_summarize(task);
        ship_task(task);
        if (!task->summary.finished)
                return false;
        set_state(task, TASK_ENDED);
        forget_when_committed(task);
        return true;
}

static void finish_or_wait(WorkerTask *task, RunnerEnd end, const char *how)
{
        int r = finish_in_place(task, end, how);

        if (r < 0)
                log_error("cannot record a task's end task=%s: %s", task->id, strerror(-r));
        if (r < 0 || !settle_if_finished(task))
                set_timer(task, RETRY_MS);
}

static void replace_runner(WorkerTask *task, const char *how)
{
        unsigned wait_ms = DEATH_WAIT_MS;

        task->deaths =
                task->deaths + 1 > task->summary.runs ? task->deaths + 1 : task->summary.runs;
        log_warning("runner died task=%s deaths=%u: %s", task->id, task->deaths, how);
        if (task->deaths > TASK_RESTARTS) {
                finish_or_wait(task, RUNNER_ENDED, how);
                return;
        }
        for (unsigned i = 1; i < task->deaths; i++)
                wait_ms *= 5;
        set_timer(task, wait_ms);
}

static int find_runner(WorkerTask *task);

static void on_runner_ended(void *userdata, RunnerEnd end, const char *how)
{
        WorkerTask *task = userdata;
        Agent *agent = task->agent;

        task->runner = NULL;
        if (task->state == TASK_FORGOTTEN) {
                count_running(task, -1);
                agent_sweep(agent);
        } else if (!settle_if_finished(task)) {
                // Another one may have the task: a spare that an earlier daemon gave it to.
                set_state(task, TASK_WAITING);
                if (find_runner(task) == 1)
                        log_info("runner found task=%s", task->id);
                else if (end != RUNNER_ENDED)
                        finish_or_wait(task, end, how);
                else
                        replace_runner(task, how);
        }
        work_start(agent);
}

// ---------------------------------------------------------------- starting

static RunnerTask runner_task(WorkerTask *task)
{
        return (RunnerTask){.directory = task->directory,
                .canceled = task->canceled,
                .deadline_us = (int64_t)task->deadline_seconds * US_PER_SECOND,
                .ended = on_runner_ended,
                .userdata = task};
}

static int find_runner(WorkerTask *task)
{
        RunnerTask spec = runner_task(task);
        _cleanup_error_ Error error = ERROR_EMPTY;
        int64_t since = clock_now_us() - task->summary.run_at_us;
        int r;

        if (spec.deadline_us > 0 && since > 0)
                spec.deadline_us = since < spec.deadline_us ? spec.deadline_us - since : 1;
        r = runner_find(task->agent->runners, &spec, &task->runner, &error);
        if (r < 0)
                log_failure(LOG_ERR, &error);
        if (r != 1)
                return r;
        set_state(task, TASK_RUNNING);
        if (task->canceled)
                runner_cancel(task->runner);
        return 1;
}

static void start_runner(WorkerTask *task)
{
        RunnerTask spec = runner_task(task);
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r = task_prepare(task, &error);

        if (r == 0)
                r = runner_start(task->agent->runners, &spec, &task->runner, &error);
        if (r == 0) {
                set_state(task, TASK_RUNNING);
                return;
        }
        log_failure(LOG_ERR, &error);
        set_timer(task, RETRY_MS);
}

void work_start(Agent *agent)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                if (task->state == TASK_READY &&
                        (agent->running < agent->config->tasks || task->canceled || task->alone))
                        start_runner(task);
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
        WorkerTask *task = userdata;

        (void)fd, (void)what;
        if (task->state != TASK_WAITING)
                return;
        set_state(task, TASK_READY);
        work_start(task->agent);
}

static void set_timer(WorkerTask *task, unsigned ms)
{
        struct timeval wait = {ms / 1000, (ms % 1000) * US_PER_MS};

        set_state(task, TASK_WAITING);
        if (!task->timer)
                task->timer = evtimer_new(task->agent->base, on_timer, task);
        if (!task->timer)
                abort();
        evtimer_add(task->timer, &wait);
}

// ---------------------------------------------------------------- from outside

void work_resume(WorkerTask *task)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        set_state(task, TASK_HELD);
        if (task_prepare(task, &error) < 0) {
                log_failure(LOG_ERR, &error);
                return;
        }
        task_summarize(task);
        if (find_runner(task) == 1)
                log_info("runner found task=%s", task->id);
        else if (settle_if_finished(task))
                log_info("events kept task=%s", task->id);
        else
                task->deaths = task->summary.runs;
        if (task->alone && task->state == TASK_HELD) {
                set_state(task, TASK_READY);
                work_start(task->agent);
        }
}

void work_cancel(WorkerTask *task)
{
        if (task->runner)
                runner_cancel(task->runner);
        if (task->state == TASK_WAITING)
                set_state(task, TASK_READY);
        work_start(task->agent);
}

void work_forget(WorkerTask *task)
{
        if (task->state == TASK_FORGOTTEN)
                return;
        if (task->runner) {
                runner_cancel(task->runner);
                task->state = TASK_FORGOTTEN; // it counts among the running until it has ended
        } else {
                set_state(task, TASK_FORGOTTEN);
        }
        agent_sweep(task->agent);
}

void work_release(WorkerTask *task)
{
        if (task->state == TASK_HELD)
                set_state(task, TASK_READY);
        if (task->state == TASK_ENDED)
                forget_when_committed(task);
}
