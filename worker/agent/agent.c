#include "agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "agent/identity.h"
#include "agent/lock.h"
#include "agent/protocol.h"
#include "agent/tasks.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"

#define JOURNAL_RETRY_MS 5000

static void set_timer(struct event *timer, unsigned ms)
{
        struct timeval wait = {ms / 1000, (ms % 1000) * US_PER_MS};

        evtimer_add(timer, &wait);
}

// ---------------------------------------------------------------- the journal

static int record_task(Agent *agent, const WorkerTask *task, Error *error)
{
        int r = 0;

        if (task->state == TASK_NEW)
                r = journal_add(agent->journal, task->id, task->packed, task->packed_size, error);
        if (r == 0 && task->canceled && !task->cancel_recorded)
                r = journal_cancel(agent->journal, task->id, error);
        return r;
}

static int record_changes(Agent *agent, Error *error)
{
        int r = 0;

        for (WorkerTask *task = agent->tasks; task && r == 0; task = task->next)
                r = record_task(agent, task, error);
        return r < 0 ? r : journal_commit(agent->journal, error);
}

// What is durable now takes effect.
static void apply_change(WorkerTask *task)
{
        if (task->state == TASK_NEW) {
                task->state = TASK_READY;
                task->unanswered = true;
        }
        if (task->canceled && !task->cancel_recorded) {
                task->cancel_recorded = true;
                work_cancel(task);
        }
}

static void accept_new(const Agent *agent)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                ship_answer(task);
}

// A cancel that could not be recorded still ends what runs now; only a later run would not know it.
static void cancel_anyway(Agent *agent)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                if (task->canceled && !task->cancel_recorded && task->runner)
                        runner_cancel(task->runner);
        set_timer(agent->turn, JOURNAL_RETRY_MS);
}

// What could not be recorded was not accepted: the controller sends it again on the next link.
static void refuse_new(Agent *agent)
{
        bool refused = false;

        for (WorkerTask *task = agent->tasks, *next; task; task = next) {
                next = task->next;
                if (task->state != TASK_NEW)
                        continue;
                task_drop(task);
                refused = true;
        }
        if (refused && agent->link)
                link_close(agent->link, "journal", "the worker cannot write its journal");
}

static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
        Agent *agent = userdata;
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)fd, (void)what;
        if (record_changes(agent, &error) < 0) {
                log_failure(LOG_ERR, &error);
                refuse_new(agent);
                cancel_anyway(agent);
                return;
        }
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                apply_change(task);
        work_start(agent);
        accept_new(agent);
}

// ---------------------------------------------------------------- forgetting

static bool is_gone(const WorkerTask *task)
{
        return task->state == TASK_FORGOTTEN && !task->runner;
}

static int record_gone(Agent *agent, Error *error)
{
        int r = 0;

        for (WorkerTask *task = agent->tasks; task && r == 0; task = task->next)
                if (is_gone(task))
                        r = journal_forget(agent->journal, task->id, error);
        return r < 0 ? r : journal_commit(agent->journal, error);
}

static void on_sweep(evutil_socket_t fd, short what, void *userdata)
{
        Agent *agent = userdata;
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)fd, (void)what;
        if (record_gone(agent, &error) < 0) {
                log_failure(LOG_ERR, &error);
                set_timer(agent->sweep, JOURNAL_RETRY_MS);
                return;
        }
        for (WorkerTask *task = agent->tasks, *next; task; task = next) {
                next = task->next;
                if (is_gone(task))
                        task_remove(task);
        }
}

// ---------------------------------------------------------------- signs of life

static void ship_watched(Agent *agent, int watch)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                if (watch < 0 || task->watch == watch) // -1: the kernel's queue was too short
                        ship_task(task);
}

static void on_inotify(evutil_socket_t fd, short what, void *userdata)
{
        Agent *agent = userdata;
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(fd, buffer, sizeof(buffer));

        (void)what;
        for (char *at = buffer; n > 0 && at < buffer + n;) {
                const struct inotify_event *event = (const struct inotify_event *)at;

                ship_watched(agent, event->wd);
                at += sizeof(*event) + event->len;
        }
}

static void on_soon(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd, (void)what;
        ship_all(userdata);
}

static void on_report(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd, (void)what;
        hello_send_facts(userdata);
}

static void on_signal(evutil_socket_t signal_number, short what, void *userdata)
{
        Agent *agent = userdata;

        (void)what;
        log_info("stopping signal=%d tasks_running=%u", (int)signal_number, agent->running);
        event_base_loopbreak(agent->base);
}

// ---------------------------------------------------------------- start and end

static int load_task(void *userdata, const char *id, const uint8_t *packed, size_t size,
        bool canceled, Error *error)
{
        Agent *agent = userdata;
        WorkerTask *task;
        int r = task_add(agent, id, packed, size, &task);

        if (r < 0)
                return error_set(error, r, "journal", "the journal's task %s cannot be read", id);
        task->canceled = task->cancel_recorded = canceled;
        return 0;
}

static int load_tasks(Agent *agent, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/tasks", agent->config->directory);
        int r = file_make_directories(path, 0700);

        if (r < 0) {
                error_set(error, r, "directory", "cannot make the directory of tasks");
                error_where(error, "%s", path);
                return r;
        }
        r = journal_each(agent->journal, load_task, agent, error);
        if (r < 0)
                return r;
        tasks_sweep(agent);
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                work_resume(task);
        return 0;
}

static int open_journal(Agent *agent, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/journal.db", agent->config->directory);

        return journal_open(path, &agent->journal, error);
}

static int prepare_loop(Agent *agent, Error *error)
{
        const struct timeval every = {.tv_sec = (time_t)agent->config->report_seconds};

        agent->base = event_base_new();
        agent->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (!agent->base || agent->inotify_fd < 0)
                return error_set(error, -errno, "loop", "cannot prepare the event loop");
        agent->turn = evtimer_new(agent->base, on_turn, agent);
        agent->sweep = evtimer_new(agent->base, on_sweep, agent);
        agent->soon = evtimer_new(agent->base, on_soon, agent);
        agent->inotify =
                event_new(agent->base, agent->inotify_fd, EV_READ | EV_PERSIST, on_inotify, agent);
        agent->terminate = evsignal_new(agent->base, SIGTERM, on_signal, agent);
        agent->interrupt = evsignal_new(agent->base, SIGINT, on_signal, agent);
        if (!agent->turn || !agent->sweep || !agent->soon || !agent->inotify || !agent->terminate ||
                !agent->interrupt || event_add(agent->inotify, NULL) < 0 ||
                event_add(agent->terminate, NULL) < 0 || event_add(agent->interrupt, NULL) < 0)
                return error_set(error, -ENOMEM, "loop", "cannot prepare the event loop");
        agent->report = event_new(agent->base, -1, EV_PERSIST, on_report, agent);
        if (!agent->report || event_add(agent->report, &every) < 0)
                return error_set(error, -ENOMEM, "loop", "cannot prepare the event loop");
        signal(SIGPIPE, SIG_IGN);
        return 0;
}

static void agent_clear(Agent *agent)
{
        struct event *events[] = {agent->turn, agent->sweep, agent->soon, agent->inotify,
                agent->terminate, agent->interrupt, agent->report};

        if (agent->wire)
                wire_free(agent->wire);
        if (agent->runners)
                runners_free(agent->runners);
        tasks_free(agent);
        if (agent->journal)
                journal_close(agent->journal);
        for (size_t i = 0; i < ELEMENTS(events); i++)
                if (events[i])
                        event_free(events[i]);
        if (agent->inotify_fd >= 0)
                close(agent->inotify_fd);
        if (agent->base)
                event_base_free(agent->base);
}

static int lock_directory(const char *directory, int *ret_fd, Error *error)
{
        _cleanup_close_ int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pid_t holder = 0;
        int r = dirfd < 0 ? -errno : lock_take(dirfd, "lock", ret_fd);

        if (r == 0)
                return 0;
        if (r == -EWOULDBLOCK && lock_holder(dirfd, "lock", &holder) == 0) {
                error_set(
                        error, r, "running", "an understudy-worker runs in this directory already");
                error_why(error, "process %d holds its lock", holder);
                error_next(error, "Stop that one first, or give this one another --dir.");
        } else {
                error_set(error, r, "directory", "cannot lock the worker's directory");
        }
        error_where(error, "%s", directory);
        return r;
}

int agent_run(const Config *config, char *const *runner_program, Error *error)
{
        _cleanup_close_ int lock = -EBADF;
        _cleanup_(agent_clear) Agent agent = {.config = config, .inotify_fd = -EBADF};
        int r = lock_directory(config->directory, &lock, error);

        if (r == 0)
                r = prepare_loop(&agent, error);
        if (r == 0)
                r = open_journal(&agent, error);
        if (r == 0)
                r = runners_new(agent.base, config, runner_program, &agent.runners, error);
        if (r == 0)
                r = load_tasks(&agent, error);
        if (r == 0)
                r = protocol_connect(&agent, error);
        if (r < 0)
                return r;
        notify_send("READY=1");
        log_info("worker started directory=%s controller=%s", config->directory, config->address);
        event_base_dispatch(agent.base);
        notify_send("STOPPING=1");
        return 0;
}
