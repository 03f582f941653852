#include "agent/runner.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "agent/lock.h"
#include "base/clock.h"
#include "step/context.h"

// linux/ioprio.h: class 3 is idle, in the upper bits.
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE        (3 << 13)

// For the signal handlers; a process runs one task.
static int cancel_fd = -EBADF;
static bool canceled, deadline_over;

static void end_task(void)
{
        int saved = errno;

        (void)!eventfd_write(cancel_fd, 1);
        errno = saved;
}

static void on_terminate(int signal_number)
{
        (void)signal_number;
        canceled = true;
        end_task();
}

// What comes first is the reason.
static void on_alarm(int signal_number)
{
        (void)signal_number;
        deadline_over = !canceled;
        end_task();
}

static void handle(int signal_number, void (*handler)(int))
{
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

        sigfillset(&action.sa_mask);
        sigaction(signal_number, &action, NULL);
}

static int prepare_signals(void)
{
        cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (cancel_fd < 0)
                return -errno;
        handle(SIGTERM, on_terminate);
        handle(SIGINT, on_terminate);
        handle(SIGALRM, on_alarm);
        handle(SIGPIPE, SIG_IGN);
        return 0;
}

// 1: the packet came; 0: the daemon is gone, or wants nothing any more.
static int read_packet(void *packet, size_t size)
{
        ssize_t n;

        do
                n = read(STDIN_FILENO, packet, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n == 0 ? 0 : n == (ssize_t)size ? 1 : -EBADMSG;
}

// ---------------------------------------------------------------- the task's directory

typedef struct Place {
        char path[PATH_MAX];
        int directory, lock, errors, null;
} Place;

#define PLACE_EMPTY                                                                                \
        {                                                                                          \
                .directory = -EBADF, .lock = -EBADF, .errors = -EBADF, .null = -EBADF              \
        }

static void place_close(Place *place)
{
        int *fds[] = {&place->directory, &place->lock, &place->errors, &place->null};

        for (size_t i = 0; i < ELEMENTS(fds); i++)
                if (*fds[i] >= 0)
                        close(TAKE_FD(*fds[i]));
}
#define _cleanup_place_ _cleanup_(place_close)

// Opens what a start will need. Another runner may still hold the lock, so that nothing is changed.
static int place_open(Place *place)
{
        place->directory = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (place->directory < 0)
                return -errno;
        place->lock = lock_open(place->directory, "lock");
        if (place->lock < 0)
                return place->lock;
        place->errors = openat(
                place->directory, "stderr", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        place->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return place->errors < 0 || place->null < 0 ? -errno : 0;
}

// Opened by its former name before it had it, it may be another one: the next spare's.
static bool place_is_right(const Place *place)
{
        struct stat opened, named;

        return place->null >= 0 && fstat(place->directory, &opened) == 0 &&
               stat(place->path, &named) == 0 && opened.st_ino == named.st_ino &&
               opened.st_dev == named.st_dev;
}

// What a dying runner prints is the reason that people are told.
static int redirect(const Place *place)
{
        if (ftruncate(place->errors, 0) < 0 || dup2(place->null, STDIN_FILENO) < 0 ||
                dup2(place->errors, STDOUT_FILENO) < 0 || dup2(place->errors, STDERR_FILENO) < 0)
                return -errno;
        return 0;
}

// Without the right to be less nice, or without I/O classes, it runs as it is.
static void set_priority(const Fleet__Task *task, const Config *config)
{
        int nice = task->nice > (int)config->nice ? task->nice : (int)config->nice;

        if (nice > 0)
                (void)!setpriority(PRIO_PROCESS, 0, nice > 19 ? 19 : nice);
        if (task->idle_io)
                (void)!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

// ---------------------------------------------------------------- the step

typedef struct Outcome {
        int result;
        bool already;
        ProtobufCMessage *message;
} Outcome;

static int refuse_unknown(Error *error)
{
        error_set(error, -EOPNOTSUPP, "unknown-step", "this worker does not know the operation");
        error_why(error, "it is version %s, and the controller is newer", UNDERSTUDY_VERSION);
        error_next(error, "Upgrade understudy-worker on this host, then retry the job.");
        return -EOPNOTSUPP;
}

static int do_task(StepContext *context, StepTable table, Outcome *outcome, Error *error)
{
        const Fleet__Task *task = context_task(context);
        const StepInfo *info = step_info_of_task(task);
        const StepOps *ops = info ? table(info) : NULL;
        const ProtobufCMessage *arguments = step_task_arguments(task);

        if (!ops || !arguments)
                return refuse_unknown(error);
        // Canceled before its first run: there is nothing to take back.
        if (step_canceled(context) && context_runs(context) == 1)
                return step_canceled_error(context, error);
        if (task->mode == FLEET__TASK_MODE__UNDO)
                return ops->undo ? ops->undo(context, arguments, error) : 0;
        return step_do(context, info, ops, arguments, &outcome->message, &outcome->already, error);
}

// ---------------------------------------------------------------- its end

static char *part(char *text)
{
        return text ? text : "";
}

static void fill_failure(Fleet__Failure *failure, const Error *error)
{
        fleet__failure__init(failure);
        failure->code = error->code ? error->code : "failed";
        failure->what = error->what ? error->what : "the step failed without saying why";
        failure->where = part(error->where);
        failure->why = part(error->why);
        failure->next = part(error->next);
}

// The texts come from anywhere, and a string of protobuf must be UTF-8.
static void clean_error(Error *error)
{
        char **parts[] = {&error->code, &error->what, &error->where, &error->why, &error->next};

        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                char *text = *parts[i];

                if (text)
                        *parts[i] = text_to_utf8(text, strlen(text));
                free(text);
        }
}

// Puts `value` in the place of `word` wherever it follows `command` and one more word.
static void fill_in(char **text, const char *command, const char *word, const char *value)
{
        size_t from = 0;
        const char *at;

        while (*text && (at = strstr(*text + from, command))) {
                const char *place = at + strlen(command);
                _cleanup_free_ char *before = NULL;
                char *filled;

                place += strspn(place, "abcdefghijklmnopqrstuvwxyz-");
                from = (size_t)(place - *text);
                if (!text_starts(place, word) || isalnum((unsigned char)place[strlen(word)]))
                        continue;
                before = text_copy_n(*text, from);
                filled = text_format("%s %s%s", before, value, place + strlen(word));
                free(*text);
                *text = filled;
        }
}

// What to do is said where neither the job's number nor the series is known; people type it as it
// stands.
static void name_job(Error *error, const Fleet__Task *task)
{
        _cleanup_free_ char *job = text_format("%llu", (unsigned long long)task->job);
        char **parts[] = {&error->why, &error->next}; // a cause may have its own advice

        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                fill_in(parts[i], "understudyctl job ", " ID", job);
                fill_in(parts[i], "understudyctl preview ", " SERIES", task->series);
        }
}

static int finish(
        StepContext *context, const Outcome *outcome, int64_t wall_us, Error *why, Error *error)
{
        Fleet__Finished finished = FLEET__FINISHED__INIT;
        Fleet__Result result = FLEET__RESULT__INIT;
        Fleet__Failure failure;

        finished.wall_us = (uint64_t)wall_us;
        finished.already = outcome->already;
        if (outcome->result < 0) {
                name_job(why, context_task(context));
                clean_error(why);
                fill_failure(&failure, why);
                finished.failure = &failure;
                finished.outcome = step_canceled(context) && !deadline_over
                                           ? FLEET__OUTCOME__CANCELED
                                           : FLEET__OUTCOME__FAILED;
        } else if (outcome->message) {
                step_result_set_message(
                        &result, step_info_of_task(context_task(context)), outcome->message);
                finished.result = &result;
        }
        return context_finish(context, &finished, error);
}

static int do_whole_task(StepContext *context, StepTable table, Error *error)
{
        const Fleet__Task *task = context_task(context);
        Outcome outcome = {0};
        int64_t begin = clock_monotonic_us();
        _cleanup_error_ Error why = ERROR_EMPTY;
        int r = context_start(context, error);

        if (r < 0)
                return r;
        if (task->deadline_seconds)
                alarm(task->deadline_seconds);
        outcome.result = do_task(context, table, &outcome, &why);
        alarm(0);
        r = finish(context, &outcome, clock_monotonic_us() - begin, &why, error);
        messagep(&outcome.message);
        return r;
}

static int cannot_begin(const Place *place, int r, Error *error)
{
        error_set(error, r, "runner", "the runner cannot begin");
        error_where(error, "%s", place->path);
        return r;
}

static int run_in(const Config *config, const Place *place, const RunnerStart *start,
        StepTable table, Error *error)
{
        _cleanup_(context_freep) StepContext *context = NULL;
        int r = lock_hold(place->lock);

        if (r == -EWOULDBLOCK)
                return r;
        if (r == 0)
                r = redirect(place);
        if (r == 0)
                r = prepare_signals();
        if (r < 0)
                return cannot_begin(place, r, error);
        if (start->canceled)
                on_terminate(SIGTERM);
        r = context_open(place->path, &config->policy, cancel_fd, &deadline_over, &context, error);
        if (r < 0 || context_finished(context))
                return r;
        prctl(PR_SET_NAME, context_task(context)->id);
        set_priority(context_task(context), config);
        return do_whole_task(context, table, error);
}

static int run_task(const Config *config, const char *directory, StepTable table, Error *error)
{
        Place place _cleanup_place_ = PLACE_EMPTY;
        const RunnerStart start = {.canceled = false};
        int r;

        snprintf(place.path, sizeof(place.path), "%s", directory);
        r = place_open(&place);
        return r < 0 ? cannot_begin(&place, r, error)
                     : run_in(config, &place, &start, table, error);
}

static void name_place(Place *place, const char directory[PATH_MAX])
{
        snprintf(place->path, sizeof(place->path), "%.*s", PATH_MAX - 1, directory);
}

static int run_as_told(const Config *config, StepTable table, Error *error)
{
        Place place _cleanup_place_ = PLACE_EMPTY;
        RunnerOrder order;
        RunnerStart start;
        int r = read_packet(&order, sizeof(order));

        if (r == 1) {
                name_place(&place, order.directory);
                (void)!place_open(&place); // its start finds out
                r = read_packet(&start, sizeof(start));
        }
        if (r == 1) {
                name_place(&place, start.directory);
                if (!place_is_right(&place)) {
                        place_close(&place);
                        r = place_open(&place) ?: 1;
                }
        }
        if (r != 1)
                return r < 0 ? cannot_begin(&place, r, error) : 0;
        return run_in(config, &place, &start, table, error);
}

int runner_run(const char *worker_directory, const char *task_directory, StepTable table)
{
        _cleanup_config_ Config config = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r = config_read(worker_directory, &config, &error);

        if (r == 0)
                r = task_directory ? run_task(&config, task_directory, table, &error)
                                   : run_as_told(&config, table, &error);
        if (r == 0)
                return 0;
        if (r == -EWOULDBLOCK)
                return RUNNER_BUSY;
        _cleanup_free_ char *line = error_line(&error);
        fprintf(stderr, "%s\n", line);
        return 1;
}
