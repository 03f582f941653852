#include "site/process.h"

#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "site/lines.h"
#include "site/spawn.h"

enum { OUTPUT, ERRORS, STREAMS };
#define TAIL_MAX 4096

typedef struct Run {
        StepContext *context;
        const ProcessSpec *spec;
        Spawned child;
        LineBuffer lines[STREAMS];
        Fleet__LogLine__Stream stream; // of the line being delivered
        char tail[2 * TAIL_MAX];       // of standard error
        size_t tail_size;
        uint64_t printed; // bytes
        int result;       // negative: the program is being ended, and this is why
        int64_t end_at;   // CLOCK_MONOTONIC, us; 0: no limit of its own
        int64_t kill_at;  // the same; 0: not being ended
        bool killed;
} Run;

static void run_clear(Run *run)
{
        spawn_clear(&run->child);
        for (int i = 0; i < STREAMS; i++)
                lines_clear(&run->lines[i]);
}

static void end_program(Run *run, int result)
{
        uint32_t grace_ms = run->spec->grace_ms ? run->spec->grace_ms : 5000;

        if (run->kill_at)
                return;
        run->result = result;
        run->kill_at = clock_monotonic_us() + grace_ms * US_PER_MS;
        spawn_signal(&run->child, SIGTERM);
}

static int take_line(void *userdata, const char *line, size_t length)
{
        Run *run = userdata;
        int r = 1;

        if (run->spec->line && run->result == 0)
                r = run->spec->line(run->spec->userdata, run->stream, line, length);
        if (r < 0)
                end_program(run, r);
        if (r == 1)
                step_output(run->context, run->stream, line, length);
        return 0;
}

static void keep_tail(Run *run, const char *bytes, size_t size)
{
        if (size > TAIL_MAX) {
                bytes += size - TAIL_MAX;
                size = TAIL_MAX;
        }
        if (run->tail_size + size > sizeof(run->tail)) {
                size_t keep = TAIL_MAX < run->tail_size ? TAIL_MAX : run->tail_size;

                memmove(run->tail, run->tail + run->tail_size - keep, keep);
                run->tail_size = keep;
        }
        memcpy(run->tail + run->tail_size, bytes, size);
        run->tail_size += size;
}

// Bytes read, 0 at the end, -EAGAIN.
static ssize_t read_stream(Run *run, int stream)
{
        char bytes[64 * 1024];
        ssize_t n = read(run->child.streams[stream], bytes, sizeof(bytes));

        if (n < 0)
                return -errno;
        if (n > 0) {
                run->printed += (uint64_t)n;
                run->stream = stream == OUTPUT ? FLEET__LOG_LINE__STREAM__OUTPUT
                                               : FLEET__LOG_LINE__STREAM__ERRORS;
                if (stream == ERRORS)
                        keep_tail(run, bytes, (size_t)n);
                int r = lines_feed(
                        &run->lines[stream], bytes, (size_t)n, PROCESS_LINE_MAX, take_line, run);
                if (r < 0)
                        return r;
        }
        if (run->printed > PROCESS_OUTPUT_MAX)
                end_program(run, -EFBIG);
        return n;
}

// What is in the pipes once the program has ended. A process that left its group may hold them
// open, and go on writing.
static void drain(Run *run)
{
        for (int i = 0; i < STREAMS; i++) {
                for (int reads = 0; reads < 32 && run->child.streams[i] >= 0; reads++)
                        if (read_stream(run, i) <= 0)
                                break;
                run->stream = i == OUTPUT ? FLEET__LOG_LINE__STREAM__OUTPUT
                                          : FLEET__LOG_LINE__STREAM__ERRORS;
                (void)!lines_end(&run->lines[i], take_line, run);
        }
}

static int timeout_ms(const Run *run)
{
        int64_t at = run->kill_at ? run->kill_at : run->end_at;
        int64_t left = at - clock_monotonic_us();

        if (!at || run->killed)
                return -1;
        return left <= 0 ? 0 : (int)(left / US_PER_MS) + 1;
}

// Reads and watches until the program has ended.
static void watch(Run *run)
{
        struct pollfd fds[] = {
                {.fd = run->child.streams[OUTPUT], .events = POLLIN},
                {.fd = run->child.streams[ERRORS], .events = POLLIN},
                {.fd = run->child.pidfd, .events = POLLIN},
                {.fd = step_cancel_fd(run->context), .events = POLLIN},
        };

        if (run->spec->clears_up)
                fds[3].fd = -1;
        for (;;) {
                if (poll(fds, ELEMENTS(fds), timeout_ms(run)) < 0 && errno != EINTR)
                        end_program(run, -errno);
                for (int i = 0; i < STREAMS; i++) {
                        if (!(fds[i].revents & (POLLIN | POLLHUP | POLLERR)))
                                continue;
                        ssize_t n = read_stream(run, i);
                        if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
                                fds[i].fd = -1;
                }
                if (fds[2].revents)
                        return;
                if (fds[3].revents) {
                        fds[3].fd = -1;
                        end_program(run, -ECANCELED);
                }
                if (!run->kill_at && run->end_at && clock_monotonic_us() >= run->end_at)
                        end_program(run, -ETIMEDOUT);
                if (run->kill_at && !run->killed && clock_monotonic_us() >= run->kill_at) {
                        spawn_signal(&run->child, SIGKILL);
                        run->killed = true;
                }
        }
}

// The last whole lines.
static char *tail_text(const Run *run)
{
        size_t size = run->tail_size < TAIL_MAX ? run->tail_size : TAIL_MAX;
        const char *start = run->tail + run->tail_size - size;
        const char *newline = memchr(start, '\n', size);

        if (size < run->tail_size && newline) {
                size -= (size_t)(newline + 1 - start);
                start = newline + 1;
        }
        return text_to_utf8(start, size);
}

static int ended_early(Run *run, Error *error)
{
        if (step_canceled(run->context) && !run->spec->clears_up)
                return step_canceled_error(run->context, error);
        if (run->result == -EFBIG && run->printed > PROCESS_OUTPUT_MAX) {
                error_set(error, -EFBIG, "output", "%s prints without end", run->spec->argv[0]);
                error_why(error, "more than %s", text_bytes(PROCESS_OUTPUT_MAX));
                error_next(error, "Run it by hand in %s and see what it repeats",
                        run->spec->directory ? run->spec->directory : "/");
        } else if (run->result == -ETIMEDOUT) {
                error_set(error, -ETIMEDOUT, "slow", "%s was ended", run->spec->argv[0]);
                error_why(error, "it was still running after %.0f s", run->spec->limit_ms / 1000.0);
                error_next(error, "Run it by hand in %s and see what it waits for",
                        run->spec->directory ? run->spec->directory : "/");
        } else if (error && !error->code) {
                error_set(error, run->result, "program", "%s was ended", run->spec->argv[0]);
        }
        return run->result;
}

int process_run(StepContext *context, const ProcessSpec *spec, ProcessResult *ret, Error *error)
{
        Run run _cleanup_(run_clear) = {.context = context, .spec = spec, .child = SPAWNED_EMPTY};
        int r, status;

        if (step_canceled(context) && !spec->clears_up)
                return step_canceled_error(context, error);
        r = spawn(step_policy(context), spec, &run.child, error);
        if (r < 0)
                return r;
        if (spec->limit_ms)
                run.end_at = clock_monotonic_us() + spec->limit_ms * US_PER_MS;
        watch(&run);
        status = spawn_wait(&run.child);
        drain(&run);
        if (run.result < 0)
                return ended_early(&run, error);
        *ret = (ProcessResult){.status = status, .tail = tail_text(&run)};
        return 0;
}

char *process_status_text(int status)
{
        if (WIFSIGNALED(status))
                return text_format("it was killed by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        return text_format("exit status %d", WEXITSTATUS(status));
}

int process_check(StepContext *context, const ProcessSpec *spec, Error *error)
{
        ProcessResult result = {0};
        int r = process_run(context, spec, &result, error);
        _cleanup_free_ char *tail = result.tail, *status = NULL;

        if (r < 0 || result.status == 0)
                return r;
        status = process_status_text(result.status);
        error_set(error, -EIO, "program", "%s failed", spec->argv[0]);
        error_where(error, "%s", spec->directory ? spec->directory : "/");
        error_why(error, "%s%s%s", status, *tail ? ": " : "", tail);
        error_next(error, "Read what it printed, above; run it by hand to try again");
        return -EIO;
}

static bool points_elsewhere(const char *name)
{
        static const char *const prefixes[] = {
                "DJANGO_", "PYTHON", "LINO_", "PG", "MYSQL_", "VIRTUAL_ENV", "LD_"};

        for (size_t i = 0; i < ELEMENTS(prefixes); i++)
                if (text_starts(name, prefixes[i]))
                        return true;
        return false;
}

void process_environment(const Policy *policy, const Account *account, TextList *ret)
{
        struct passwd *own = account ? NULL : getpwuid(geteuid());
        const char *name = account ? account->name : own ? own->pw_name : NULL;
        const char *home = account ? account->home : own ? own->pw_dir : NULL;

        text_list_add(ret, "PATH=/usr/local/bin:/usr/bin:/bin");
        text_list_add(ret, "LANG=C.UTF-8");
        text_list_take(ret, text_format("HOME=%s", home ? home : "/nonexistent"));
        if (name) {
                text_list_take(ret, text_format("USER=%s", name));
                text_list_take(ret, text_format("LOGNAME=%s", name));
        }
        for (size_t i = 0; i < policy->environment.count; i++) {
                const char *variable = policy->environment.items[i], *value = getenv(variable);

                if (value && !points_elsewhere(variable))
                        text_list_take(ret, text_format("%s=%s", variable, value));
        }
}
