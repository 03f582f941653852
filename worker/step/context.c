#include "step/context.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "step/spool.h"

#define TASK_BYTES_MAX     (4U << 20)
#define TEXT_BYTES_MAX     4096U
#define LOG_BYTES_MAX      (16U << 20) // of one run; what a program says beyond is left out
#define PROGRESS_PERIOD_US (100 * US_PER_MS)

struct StepContext {
        char *directory; // work/
        Fleet__Task *task;
        const Policy *policy;
        int cancel_fd;
        const bool *deadline_over;

        // A step has one thread; the other one here sends the progress that came too soon after the
        // one before. The mutex guards all below.
        pthread_mutex_t mutex;
        pthread_cond_t wake;
        pthread_t sender;
        bool sending; // the sender was started
        bool closing;
        Spool *spool;
        uint64_t log_bytes;
        uint64_t lost;            // events the disk had no space for
        Fleet__Progress progress; // waits to be sent, its note allocated
        bool waiting;
        int64_t next_us; // progress may be sent from then on, CLOCK_MONOTONIC
};

// ---------------------------------------------------------------- opening

static int read_task(int dirfd, Fleet__Task **ret)
{
        _cleanup_free_ char *packed = NULL;
        size_t size;
        int r = file_read_at(dirfd, "task", TASK_BYTES_MAX, &packed, &size);

        if (r < 0)
                return r;
        *ret = fleet__task__unpack(NULL, size, (const uint8_t *)packed);
        return *ret ? 0 : -EBADMSG;
}

static int open_parts(StepContext *context, const char *directory)
{
        _cleanup_close_ int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (dirfd < 0)
                return -errno;
        r = read_task(dirfd, &context->task);
        if (r < 0)
                return r;
        return spool_open(dirfd, "events", &context->spool);
}

static void prepare_wake(pthread_cond_t *wake)
{
        pthread_condattr_t attributes;

        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(wake, &attributes);
        pthread_condattr_destroy(&attributes);
}

int context_open(const char *directory, const Policy *policy, int cancel_fd,
        const bool *deadline_over, StepContext **ret, Error *error)
{
        _cleanup_(context_freep) StepContext *context = memory_new(sizeof(*context));
        int r;

        context->policy = policy;
        context->cancel_fd = cancel_fd;
        context->deadline_over = deadline_over;
        context->directory = text_format("%s/work", directory);
        pthread_mutex_init(&context->mutex, NULL);
        prepare_wake(&context->wake);
        fleet__progress__init(&context->progress);
        context->progress.note = text_copy("");
        r = open_parts(context, directory);
        if (r < 0) {
                error_set(error, r, "task-directory", "cannot open the task");
                error_where(error, "%s", directory);
                return r;
        }
        *ret = TAKE_PTR(context);
        return 0;
}

static void stop_sender(StepContext *context)
{
        if (!context->sending)
                return;
        pthread_mutex_lock(&context->mutex);
        context->closing = true;
        pthread_cond_signal(&context->wake);
        pthread_mutex_unlock(&context->mutex);
        pthread_join(context->sender, NULL);
        context->sending = false;
}

void context_free(StepContext *context)
{
        stop_sender(context);
        if (context->spool)
                spool_close(context->spool);
        if (context->task)
                fleet__task__free_unpacked(context->task, NULL);
        free(context->progress.note);
        free(context->directory);
        pthread_cond_destroy(&context->wake);
        pthread_mutex_destroy(&context->mutex);
        free(context);
}

const Fleet__Task *context_task(const StepContext *context)
{
        return context->task;
}

uint32_t context_runs(const StepContext *context)
{
        return spool_summary(context->spool)->runs;
}

bool context_finished(const StepContext *context)
{
        return spool_summary(context->spool)->finished;
}

const Policy *step_policy(const StepContext *context)
{
        return context->policy;
}

const char *step_task_id(const StepContext *context)
{
        return context->task->id;
}

const char *step_directory(const StepContext *context)
{
        // Most steps want none. Whoever cannot write into it says why.
        (void)!mkdir(context->directory, 0700);
        return context->directory;
}

// ---------------------------------------------------------------- events; the mutex is held

static int append(StepContext *context, Fleet__Event *event)
{
        event->task = context->task->id;
        event->at_us = clock_now_us();
        return spool_append(context->spool, event);
}

static int append_log(StepContext *context, Fleet__LogLine__Stream stream, char *text)
{
        Fleet__LogLine line = FLEET__LOG_LINE__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;

        line.stream = stream;
        line.text = text;
        event.body_case = FLEET__EVENT__BODY_LOG;
        event.log = &line;
        return append(context, &event);
}

// Says how many events a full disk has cost, once there is space again.
static void confess(StepContext *context)
{
        _cleanup_free_ char *text = NULL;

        if (context->lost == 0)
                return;
        text = text_format("%llu lines and progress reports were lost: the disk of the worker's "
                           "directory was full",
                (unsigned long long)context->lost);
        if (append_log(context, FLEET__LOG_LINE__STREAM__NOTE, text) == 0)
                context->lost = 0;
}

static void send_progress(StepContext *context)
{
        Fleet__Event event = FLEET__EVENT__INIT;

        event.body_case = FLEET__EVENT__BODY_PROGRESS;
        event.progress = &context->progress;
        confess(context);
        if (append(context, &event) < 0)
                context->lost++;
        context->waiting = false;
        context->next_us = clock_monotonic_us() + PROGRESS_PERIOD_US;
}

// ---------------------------------------------------------------- progress

static void *sender_run(void *userdata)
{
        StepContext *context = userdata;

        pthread_mutex_lock(&context->mutex);
        while (!context->closing) {
                struct timespec until = {context->next_us / US_PER_SECOND,
                        (context->next_us % US_PER_SECOND) * 1000};

                if (!context->waiting)
                        pthread_cond_wait(&context->wake, &context->mutex);
                else if (clock_monotonic_us() >= context->next_us)
                        send_progress(context);
                else
                        pthread_cond_timedwait(&context->wake, &context->mutex, &until);
        }
        pthread_mutex_unlock(&context->mutex);
        return NULL;
}

// Without a thread the latest progress waits for the next call or for the end; that is no failure.
static void wake_sender(StepContext *context)
{
        if (context->sending)
                pthread_cond_signal(&context->wake);
        else
                context->sending = pthread_create(&context->sender, NULL, sender_run, context) == 0;
}

void step_progress_bytes(StepContext *context, Fleet__Unit unit, uint64_t done, uint64_t total,
        uint64_t done_bytes, uint64_t total_bytes, const char *note)
{
        Fleet__Progress *progress = &context->progress;

        pthread_mutex_lock(&context->mutex);
        free(progress->note);
        progress->note = note ? text_to_utf8(note, strnlen(note, TEXT_BYTES_MAX)) : text_copy("");
        progress->unit = unit;
        progress->done = done;
        progress->total = total;
        progress->done_bytes = done_bytes;
        progress->total_bytes = total_bytes;
        if (clock_monotonic_us() >= context->next_us) {
                send_progress(context);
        } else if (!context->waiting) {
                context->waiting = true;
                wake_sender(context);
        }
        pthread_mutex_unlock(&context->mutex);
}

void step_progress(
        StepContext *context, Fleet__Unit unit, uint64_t done, uint64_t total, const char *note)
{
        step_progress_bytes(context, unit, done, total, 0, 0, note);
}

// ---------------------------------------------------------------- log lines

static void log_text(
        StepContext *context, Fleet__LogLine__Stream stream, const char *text, size_t length)
{
        _cleanup_free_ char *valid =
                text_to_utf8(text, length < TEXT_BYTES_MAX ? length : TEXT_BYTES_MAX);
        uint64_t before;

        pthread_mutex_lock(&context->mutex);
        before = context->log_bytes;
        context->log_bytes += strlen(valid);
        confess(context);
        if (context->log_bytes <= LOG_BYTES_MAX) {
                if (append_log(context, stream, valid) < 0)
                        context->lost++;
        } else if (before <= LOG_BYTES_MAX) {
                char cut[] = "what follows is left out: the output of a task is kept up to 16 MiB";

                if (append_log(context, FLEET__LOG_LINE__STREAM__NOTE, cut) < 0)
                        context->lost++;
        }
        pthread_mutex_unlock(&context->mutex);
}

void step_note(StepContext *context, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = text_vformat(format, arguments);
        va_end(arguments);
        log_text(context, FLEET__LOG_LINE__STREAM__NOTE, text, strlen(text));
}

void step_output(
        StepContext *context, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        log_text(context, stream, line, length);
}

// ---------------------------------------------------------------- cancel

bool step_canceled(const StepContext *context)
{
        struct pollfd poller = {.fd = context->cancel_fd, .events = POLLIN};

        return poll(&poller, 1, 0) > 0;
}

int step_cancel_fd(const StepContext *context)
{
        return context->cancel_fd;
}

int step_canceled_error(const StepContext *context, Error *error)
{
        const Fleet__Task *task = context->task;

        if (!*context->deadline_over) {
                error_set(error, -ECANCELED, "canceled", "the task was canceled");
                return -ECANCELED;
        }
        error_set(error, -ETIME, "deadline", "the task took longer than it may");
        error_why(error, "its deadline is %u seconds after its start", task->deadline_seconds);
        error_next(error, "See what it was doing in its log, then: understudyctl job retry %llu",
                (unsigned long long)task->job);
        return -ETIME;
}

// ---------------------------------------------------------------- beyond cancel

bool step_is_bound(const StepContext *context)
{
        _cleanup_free_ char *mark = text_format("%s/" STEP_BOUND_MARK, context->directory);

        return access(mark, F_OK) == 0;
}

int step_bind(StepContext *context, Error *error)
{
        _cleanup_free_ char *mark = text_format("%s/" STEP_BOUND_MARK, step_directory(context));
        int r = step_is_bound(context) ? 0 : file_write(mark, "", 0, 0600);

        if (r < 0) {
                error_set(error, r, "task-directory", "cannot note that the task goes to its end");
                error_where(error, "%s", mark);
                return r;
        }
        context->cancel_fd = -EBADF; // poll passes it over
        return 0;
}

// ---------------------------------------------------------------- first and last event

static int append_or_fail(StepContext *context, Fleet__Event *event, Error *error)
{
        int r;

        pthread_mutex_lock(&context->mutex);
        if (context->waiting)
                send_progress(context);
        r = append(context, event);
        pthread_mutex_unlock(&context->mutex);
        if (r == 0)
                return 0;
        error_set(error, r, "spool", "cannot record what became of the task");
        error_where(error, "%s/../events", context->directory);
        return r;
}

int context_start(StepContext *context, Error *error)
{
        Fleet__Started started = FLEET__STARTED__INIT;
        Fleet__Event event = FLEET__EVENT__INIT;

        started.run = context_runs(context) + 1;
        event.body_case = FLEET__EVENT__BODY_STARTED;
        event.started = &started;
        return append_or_fail(context, &event, error);
}

static int append_finished(StepContext *context, const Fleet__Finished *finished, Error *error)
{
        Fleet__Event event = FLEET__EVENT__INIT;

        event.body_case = FLEET__EVENT__BODY_FINISHED;
        event.finished = (Fleet__Finished *)finished;
        return append_or_fail(context, &event, error);
}

int context_finish(StepContext *context, const Fleet__Finished *finished, Error *error)
{
        Fleet__Finished instead = FLEET__FINISHED__INIT;
        Fleet__Failure failure = FLEET__FAILURE__INIT;
        int r;

        stop_sender(context);
        r = append_finished(context, finished, error);
        if (r != -ENOSPC && r != -EDQUOT && r != -EMSGSIZE)
                return r;
        failure.code = r == -EMSGSIZE ? "result-too-large" : "no-space";
        failure.what = "the task ended, but its result could not be recorded";
        failure.where = context->directory;
        failure.why = strerror(-r);
        failure.next = r == -EMSGSIZE
                               ? "Look at the task's log."
                               : "Free space in the directory of understudy-worker, then retry "
                                 "the job.";
        instead.outcome = FLEET__OUTCOME__FAILED;
        instead.failure = &failure;
        instead.wall_us = finished->wall_us;
        return append_finished(context, &instead, error);
}
