#include "cli/follow.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/draw.h"
#include "cli/human.h"
#include "cli/view.h"

// How long a controller may be away, e.g. being upgraded, before we give up on it.
#define AWAY_SECONDS 120
#define RETRY_MS     500

typedef struct Follow {
        Session *session;
        Drawing *drawing; // NULL with --json
        uint64_t job;
        uint64_t last; // event that came
        bool events;   // each on a line, as JSON
        int signals;   // descriptor that Ctrl-C makes readable
        bool interrupted;
        bool away;         // the controller does not answer
        double away_since; // seconds, monotonic
} Follow;

static double now_seconds(void)
{
        return (double)clock_now_us() / (double)US_PER_SECOND;
}

static double monotonic_seconds(void)
{
        return (double)clock_monotonic_us() / (double)US_PER_SECOND;
}

static int watch_interrupt(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

// ---------------------------------------------------------------- events

// Following may begin anew anywhere, so an event may come twice.
static void on_event(void *userdata, json_t *event)
{
        Follow *follow = userdata;
        uint64_t seq = (uint64_t)json_integer_value(json_object_get(event, "seq"));
        FILE *out = follow->session->out.out;

        if (seq <= follow->last)
                return;
        follow->last = seq;
        if (follow->drawing)
                drawing_event(follow->drawing, event);
        if (!follow->events)
                return;
        json_dumpf(event, out, JSON_COMPACT | JSON_REAL_PRECISION(16));
        fputc('\n', out);
        fflush(out);
}

static void on_alive(void *userdata)
{
        Follow *follow = userdata;

        if (follow->away && follow->drawing)
                drawing_say(follow->drawing, now_seconds(), "The controller is back.");
        follow->away = false;
}

static bool on_turn(void *userdata)
{
        Follow *follow = userdata;
        struct signalfd_siginfo info;

        if (read(follow->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
                follow->interrupted = true;
        if (follow->drawing)
                drawing_turn(follow->drawing, now_seconds());
        return !follow->interrupted;
}

// ---------------------------------------------------------------- endings

static const char *state_of(const json_t *job)
{
        return view_text(job, "state");
}

static bool has_ended(const json_t *job)
{
        const char *state = state_of(job);

        return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 ||
               strcmp(state, "canceled") == 0 || strcmp(state, "waiting") == 0;
}

static int interrupted(const Follow *follow)
{
        const Session *session = follow->session;

        if (follow->drawing)
                drawing_say(follow->drawing, now_seconds(), NULL);
        fprintf(stderr,
                "Stopped watching; job %" PRIu64
                " goes on. To watch it again:\n  %s job watch %" PRIu64 "\n",
                follow->job, session->again, follow->job);
        return CLI_INTERRUPTED;
}

// The two ways on from a job that waits.
static void show_ways_on(const Follow *follow)
{
        const Session *session = follow->session;

        fprintf(session->out.out, "Job %" PRIu64 " waits for you. To go on, or to take it back:\n",
                follow->job);
        fprintf(session->out.out, "  %s job resume %" PRIu64 "\n", session->again, follow->job);
        fprintf(session->out.out, "  %s job cancel %" PRIu64 "\n", session->again, follow->job);
}

// What is said of a site when it becomes one of a series is not said again every night.
static void show_news(const Follow *follow, const json_t *job, const json_t *result, bool all)
{
        const char *kind = view_text(job, "kind");
        json_t *news = json_copy((json_t *)result);

        if (!all && strcmp(kind, "adopt") != 0 && strcmp(kind, "prepare") != 0)
                json_object_del(news, "warnings");
        view_specials(&follow->session->out, 0, news, all);
        json_decref(news);
}

static void show_results(const Follow *follow, const json_t *job)
{
        bool all = json_is_true(json_object_get(job, "dry_run")) ||
                   strcmp(state_of(job), "waiting") == 0;
        json_t *task;
        size_t i;

        json_array_foreach (json_object_get(job, "tasks"), i, task)
                show_news(follow, job, json_object_get(task, "result"), all);
}

static void show_failures(const Follow *follow, const json_t *job)
{
        const Screen *out = &follow->session->out;
        const json_t *failure = json_object_get(job, "failure");
        json_t *task;
        size_t i;

        json_array_foreach (json_object_get(job, "tasks"), i, task) {
                const json_t *own = json_object_get(task, "failure");

                if (!json_is_object(own))
                        continue;
                view_failure(out, own);
                drawing_tail(follow->drawing, view_text(task, "label"));
        }
        if (json_is_object(failure) && !view_failure_is_a_tasks(job))
                view_failure(out, failure);
}

static void show_ending(const Follow *follow, const json_t *job)
{
        const Screen *out = &follow->session->out;
        double wall = view_number(job, "wall_seconds");
        const char *state = state_of(job), *hint = view_text(job, "hint");

        drawing_say(follow->drawing, now_seconds(), NULL);
        show_results(follow, job);
        show_failures(follow, job);
        if (strcmp(state, "waiting") == 0) {
                show_ways_on(follow);
                return;
        }
        fprintf(out->out, "%s%s%s Job %" PRIu64 " %s%s%s%s.\n",
                screen_style(out, state_style(state)), state_mark(out, state),
                screen_style(out, PLAIN), follow->job,
                strcmp(state, "failed") == 0 ? "has " : "is ", state, wall > 0 ? ", after " : "",
                wall > 0 ? human_duration(wall) : "");
        if (*hint)
                screen_paragraphs(out, 0, hint);
}

static int ended(const Follow *follow, const json_t *job, const char *wanted)
{
        const char *state = state_of(job);

        if (follow->drawing)
                show_ending(follow, job);
        else if (!follow->events)
                session_print(follow->session, job);
        if (strcmp(state, wanted) == 0 || strcmp(state, "waiting") == 0)
                return COMMAND_OK;
        return COMMAND_FAILED;
}

// ---------------------------------------------------------------- the way there

// Waits a moment before the next try. False: Ctrl-C.
static bool pause_once(Follow *follow)
{
        struct pollfd descriptor = {.fd = follow->signals, .events = POLLIN};

        poll(&descriptor, 1, RETRY_MS);
        return on_turn(follow);
}

// The controller was not reached. 0: try again; otherwise the exit status.
static int away(Follow *follow, Error *error)
{
        if (!follow->away) {
                follow->away = true;
                follow->away_since = monotonic_seconds();
                if (follow->drawing)
                        drawing_say(follow->drawing, now_seconds(),
                                "The controller is away; the job goes on where it is. "
                                "Trying again ...");
        }
        if (monotonic_seconds() - follow->away_since > AWAY_SECONDS) {
                error_next(error, "When it runs again: %s job watch %" PRIu64,
                        follow->session->again, follow->job);
                return session_fail(follow->session, -ENOTCONN, error);
        }
        return pause_once(follow) ? 0 : interrupted(follow);
}

// One stream of events, and the job as it is after it. 0 with `ret` NULL: not over yet.
static int follow_once(Follow *follow, json_t **ret)
{
        const FollowFns fns = {on_event, on_alive, on_turn, follow->signals};
        _cleanup_free_ char *path = text_format("/v1/jobs/%" PRIu64, follow->job);
        _cleanup_error_ Error error = ERROR_EMPTY;
        json_t *job = NULL;
        int result = client_follow(
                follow->session->client, follow->job, follow->last, &fns, follow, &error);

        if (result == -EINTR)
                return interrupted(follow);
        if (result == 0)
                result = client_call(follow->session->client, "GET", path, NULL, &job, &error);
        if (result == -ENOTCONN)
                return away(follow, &error);
        if (result < 0)
                return session_fail(follow->session, result, &error);
        if (has_ended(job)) {
                *ret = job;
                return 0;
        }
        json_decref(job);
        return pause_once(follow) ? 0 : interrupted(follow);
}

static void show_start(const Follow *follow, const json_t *job)
{
        const Screen *out = &follow->session->out;
        const char *of = view_text(job, "series");
        _cleanup_free_ char *series = screen_safe(*of ? of : view_text(job, "host"));

        fprintf(out->out, "%sJob %" PRIu64 ": %s of %s%s%s\n", screen_style(out, BOLD), follow->job,
                view_text(job, "kind"), series,
                json_is_true(json_object_get(job, "dry_run")) ? ", dry run" : "",
                screen_style(out, PLAIN));
        fflush(out->out);
}

int follow_job(Session *session, const json_t *job, const char *wanted, bool events)
{
        _cleanup_close_ int signals = watch_interrupt();
        Follow follow = {.session = session,
                .job = (uint64_t)json_integer_value(json_object_get(job, "id")),
                .events = events,
                .signals = signals};
        json_t *last = NULL;
        int status = 0;

        if (!session->json) {
                show_start(&follow, job);
                follow.drawing = drawing_new(&session->out, job);
        }
        while (status == 0 && !last)
                status = follow_once(&follow, &last);
        if (last)
                status = ended(&follow, last, wanted);
        json_decref(last);
        if (follow.drawing)
                drawing_free(follow.drawing);
        return status;
}

int follow_request(Session *session, const char *method, const char *path, json_t *take_body,
        const char *wanted)
{
        json_t *job = NULL;
        int status = session_call(session, method, path, take_body, &job);

        if (status != COMMAND_OK)
                return status;
        if (!command_flag(session->line, "no-wait"))
                status = follow_job(session, job, wanted, false);
        else if (session->json)
                session_print(session, job);
        else
                fprintf(session->out.out, "%" JSON_INTEGER_FORMAT "\n",
                        json_integer_value(json_object_get(job, "id")));
        json_decref(job);
        return status;
}
