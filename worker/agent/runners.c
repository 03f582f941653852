#include "agent/runners.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/lock.h"
#include "agent/place.h"
#include "agent/runner.h"
#include "base/clock.h"
#include "base/log.h"
#include "step/context.h"

// After a start, before the next spare: the task just begun comes first.
#define SPARE_DELAY_MS 20

struct Runner {
        Runners *runners;
        Runner *next;
        pid_t pid;
        bool own; // a child of this daemon
        int pidfd;
        int socket;      // of a spare; -EBADF: it is told nothing any more
        char *directory; // where a spare is ready; NULL: nowhere
        struct event *exited;
        struct event *limit; // when it goes off, the runner is killed
        int64_t limit_us;    // CLOCK_MONOTONIC; 0: none
        RunnerEnd reason;    // for which the limit was set
        RunnerEnd end;
        RunnerTask task;
};

struct Runners {
        struct event_base *base;
        char *const *program;
        int64_t grace_us;
        Runner *first; // with a task
        Runner *spare;
        char *place; // the directory that lies ready for it
        struct event *refill;
};

// ---------------------------------------------------------------- a runner's life

static void runner_free(Runner *runner)
{
        if (runner->exited)
                event_free(runner->exited);
        if (runner->limit)
                event_free(runner->limit);
        if (runner->socket >= 0)
                close(runner->socket);
        if (runner->pidfd >= 0)
                close(runner->pidfd);
        free(runner->directory);
        free(runner);
}
DEFINE_CLEANUP(Runner *, runner_free)

static void unlink_runner(Runner *runner)
{
        Runner **at = &runner->runners->first;

        if (runner->runners->spare == runner)
                runner->runners->spare = NULL;
        while (*at && *at != runner)
                at = &(*at)->next;
        if (*at)
                *at = runner->next;
}

static void refill_soon(Runners *runners)
{
        static const struct timeval soon = {.tv_usec = SPARE_DELAY_MS * US_PER_MS};

        evtimer_add(runners->refill, &soon);
}

static char *end_text(const Runner *runner)
{
        int status;

        if (!runner->own)
                return text_copy("how it ended is not known: an earlier daemon had started it");
        if (waitpid(runner->pid, &status, WNOHANG) != runner->pid)
                return text_copy("how it ended is not known");
        if (WIFSIGNALED(status))
                return text_format("it was killed by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        return text_format("it ended with exit status %d", WEXITSTATUS(status));
}

static void on_exit_of(evutil_socket_t fd, short what, void *userdata)
{
        _cleanup_(runner_freep) Runner *runner = userdata;
        _cleanup_free_ char *how = end_text(runner);

        (void)fd, (void)what;
        if (runner == runner->runners->spare && runner->socket < 0) // dismissed
                refill_soon(runner->runners);
        unlink_runner(runner);
        if (runner->task.ended)
                runner->task.ended(runner->task.userdata, runner->end, how);
        else if (runner->socket >= 0)
                log_warning("a spare runner ended: %s", how);
}

static bool goes_to_its_end(const Runner *runner)
{
        _cleanup_free_ char *mark = text_format("%s/work/" STEP_BOUND_MARK, runner->task.directory);

        return access(mark, F_OK) == 0;
}

static void on_limit(evutil_socket_t fd, short what, void *userdata)
{
        Runner *runner = userdata;

        (void)fd, (void)what;
        if (goes_to_its_end(runner)) {
                runner->limit_us = 0;
                return;
        }
        log_warning("runner killed task=%s reason=%s", runner->task.directory,
                runner->reason == RUNNER_KILLED_DEADLINE ? "deadline" : "cancel");
        runner->end = runner->reason;
        (void)!pidfd_send_signal(runner->pidfd, SIGKILL, NULL, 0);
}

static int runner_watch(Runner *runner)
{
        runner->pidfd = pidfd_open(runner->pid, 0);
        if (runner->pidfd < 0)
                return -errno;
        runner->exited =
                event_new(runner->runners->base, runner->pidfd, EV_READ, on_exit_of, runner);
        runner->limit = evtimer_new(runner->runners->base, on_limit, runner);
        if (!runner->exited || !runner->limit || event_add(runner->exited, NULL) < 0)
                return -ENOMEM;
        return 0;
}

static Runner *runner_new(Runners *runners, pid_t pid, bool own)
{
        Runner *runner = memory_new(sizeof(*runner));

        *runner = (Runner){
                .runners = runners, .pid = pid, .own = own, .pidfd = -EBADF, .socket = -EBADF};
        return runner;
}

// An earlier limit stays.
static void set_limit(Runner *runner, int64_t from_now_us, RunnerEnd reason)
{
        int64_t at = clock_monotonic_us() + from_now_us;
        struct timeval wait = {from_now_us / US_PER_SECOND, from_now_us % US_PER_SECOND};

        if (runner->limit_us && runner->limit_us <= at)
                return;
        runner->limit_us = at;
        runner->reason = reason;
        evtimer_add(runner->limit, &wait);
}

static void give_task(Runner *runner, const RunnerTask *task)
{
        runner->task = *task;
        runner->next = runner->runners->first;
        runner->runners->first = runner;
        if (task->deadline_us > 0)
                set_limit(runner, task->deadline_us + runner->runners->grace_us,
                        RUNNER_KILLED_DEADLINE);
}

void runner_cancel(Runner *runner)
{
        (void)!pidfd_send_signal(runner->pidfd, SIGTERM, NULL, 0);
        set_limit(runner, runner->runners->grace_us, RUNNER_KILLED_CANCELED);
}

// ---------------------------------------------------------------- spares

static int spawn_process(char *const *program, int input, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        r = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, program, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        return -r;
}

// NULL, with errno, when it cannot be started.
static Runner *runner_spawn(Runners *runners)
{
        _cleanup_(runner_freep) Runner *runner = NULL;
        _cleanup_close_ int input = -EBADF, output = -EBADF;
        int ends[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return NULL;
        input = ends[0];
        output = ends[1];
        r = spawn_process(runners->program, input, &pid);
        if (r == 0) {
                runner = runner_new(runners, pid, true);
                runner->socket = TAKE_FD(output);
                r = runner_watch(runner);
        }
        if (r == 0)
                return TAKE_PTR(runner);
        errno = -r;
        return NULL;
}

static int copy_path(char to[PATH_MAX], const char *path)
{
        size_t size = strlen(path) + 1;

        if (size > PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(to, path, size);
        return 0;
}

static int send_order(Runner *runner, const char *directory)
{
        RunnerOrder order = {0};
        int r = copy_path(order.directory, directory);

        if (r < 0)
                return r;
        if (send(runner->socket, &order, sizeof(order), MSG_NOSIGNAL) < 0)
                return -errno;
        runner->directory = text_copy(directory);
        return 0;
}

// Without a place it is none the worse: a task brings its own.
static int spare_new(Runners *runners)
{
        Runner *spare = runner_spawn(runners);

        runners->spare = spare;
        if (!spare)
                return -errno;
        return place_make_spare(runners->place) < 0 ? 0 : send_order(spare, runners->place);
}

static void on_refill(evutil_socket_t fd, short what, void *userdata)
{
        Runners *runners = userdata;
        int r = runners->spare ? 0 : spare_new(runners);

        (void)fd, (void)what;
        if (r < 0)
                log_warning("cannot start a spare runner: %s", strerror(-r));
}

bool runner_lend(Runners *runners, const char *directory, const uint8_t *task, size_t size)
{
        Runner *spare = runners->spare;

        if (!spare || !text_equal(spare->directory, runners->place) ||
                place_take_spare(runners->place, directory, task, size) < 0)
                return false;
        free(spare->directory);
        spare->directory = text_copy(directory);
        return true;
}

static int send_start(Runner *runner, const RunnerTask *task)
{
        RunnerStart start = {.canceled = task->canceled};
        _cleanup_close_ int socket = TAKE_FD(runner->socket);
        int r = copy_path(start.directory, task->directory);

        if (r < 0)
                return r;
        return send(socket, &start, sizeof(start), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool is_ready_in(const Runner *runner, const char *directory)
{
        return runner->socket >= 0 && text_equal(runner->directory, directory);
}

// One that is ready elsewhere, where nothing has come of it, ends; the next spare comes then.
static void dismiss(Runner *spare)
{
        if (spare->socket >= 0)
                close(TAKE_FD(spare->socket));
}

// A spare that has just died says so by its pidfd, and is not missed.
static Runner *start_spare(Runners *runners, const RunnerTask *task)
{
        Runner *spare = runners->spare;

        if (spare && is_ready_in(spare, task->directory)) {
                runners->spare = NULL;
                return send_start(spare, task) == 0 ? spare : NULL;
        }
        if (spare && !text_equal(spare->directory, runners->place))
                dismiss(spare);
        return NULL;
}

static int start_another(Runners *runners, const RunnerTask *task, Runner **ret)
{
        Runner *runner = runner_spawn(runners);

        *ret = runner;
        if (!runner)
                return -errno;
        return send_order(runner, task->directory) ?: send_start(runner, task);
}

int runner_start(Runners *runners, const RunnerTask *task, Runner **ret, Error *error)
{
        Runner *runner = start_spare(runners, task);
        int r = runner ? 0 : start_another(runners, task, &runner);

        if (r < 0) {
                error_set(error, r, "runner", "cannot start a runner");
                error_where(error, "%s", task->directory);
                return r;
        }
        refill_soon(runners);
        give_task(runner, task);
        *ret = runner;
        return 0;
}

// ---------------------------------------------------------------- runners of an earlier daemon

// Leaves `ret` NULL when nobody holds it.
static int find_holder(Runners *runners, const char *directory, Runner **ret)
{
        _cleanup_close_ int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(runner_freep) Runner *runner = NULL;
        pid_t pid = 0, still = 0;
        int r = dirfd < 0 ? -errno : lock_holder(dirfd, "lock", &pid);

        if (r < 0 || pid <= 0)
                return r;
        runner = runner_new(runners, pid, false);
        r = runner_watch(runner);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        // The pidfd is the holder's only if the lock was held all the time.
        r = lock_holder(dirfd, "lock", &still);
        if (r < 0 || still != pid)
                return r;
        *ret = TAKE_PTR(runner);
        return 0;
}

int runner_find(Runners *runners, const RunnerTask *task, Runner **ret, Error *error)
{
        Runner *runner = NULL;
        int r = find_holder(runners, task->directory, &runner);

        if (runner) {
                give_task(runner, task);
                *ret = runner;
                return 1;
        }
        if (r == 0 || r == -ENOENT)
                return 0;
        error_set(error, r, "runner", "cannot tell whether a runner is alive");
        error_where(error, "%s", task->directory);
        return r;
}

// ---------------------------------------------------------------- all of them

int runners_new(struct event_base *base, const Config *config, char *const *program, Runners **ret,
        Error *error)
{
        _cleanup_(runners_freep) Runners *runners = memory_new(sizeof(*runners));
        int r;

        runners->base = base;
        runners->program = program;
        runners->grace_us = (int64_t)config->grace_seconds * US_PER_SECOND;
        runners->refill = evtimer_new(base, on_refill, runners);
        runners->place = text_format("%s/tasks/" PLACE_SPARE, config->directory);
        r = runners->refill ? spare_new(runners) : -ENOMEM;
        if (r < 0)
                return error_set(error, r, "runner", "cannot start a runner");
        *ret = TAKE_PTR(runners);
        return 0;
}

void runners_free(Runners *runners)
{
        while (runners->first) {
                Runner *runner = runners->first;

                runners->first = runner->next;
                runner_free(runner);
        }
        if (runners->spare)
                runner_free(runners->spare);
        if (runners->refill)
                event_free(runners->refill);
        free(runners->place);
        free(runners);
}
