// How long one task takes to an idle worker and back, against what a durable commit takes.
//
//   bench-task [ROUNDS]      default 500
//
// Plays the controller for one real worker: sends an echo task, and waits for its Finished. On the
// way lie the worker's journal, a runner and its spool. Goal: p50 < 1 ms above that of a durable
// commit (one row, SQLite, WAL, synchronous=FULL) on the same file system.
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "agent/identity.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sqlite.h"
#include "base/text.h"
#include "remove.h"
#include "steps.h"
#include "wire/link.h"
#include "wire/pki.h"

#define GOAL_US 1000
// Between two tasks, so that the worker is idle: its next runner is ready.
#define PAUSE_US (60 * US_PER_MS)

typedef struct Bench {
        struct event_base *base;
        struct event *pause;
        Link *link;
        char task[32];
        int64_t sent_us;
        int64_t *taken_us;
        size_t done, rounds;
} Bench;

static char directory[] = "/tmp/understudy-bench.XXXXXX";
static pid_t worker;

// Whatever the end, nothing stays behind.
static void clean_up(void)
{
        if (worker > 0) {
                kill(worker, SIGTERM);
                waitpid(worker, NULL, 0);
        }
        remove_tree(directory);
}

static void fail(const char *what, const Error *error)
{
        _cleanup_free_ char *line = error ? error_line(error) : NULL;

        fprintf(stderr, "bench-task: %s%s%s\n", what, line ? ": " : "", line ? line : "");
        exit(EXIT_FAILURE);
}

// ---------------------------------------------------------------- the controller's side

static void on_pause(evutil_socket_t fd, short what, void *userdata)
{
        Bench *bench = userdata;
        Fleet__EchoArguments echo = FLEET__ECHO_ARGUMENTS__INIT;
        Fleet__Task task = FLEET__TASK__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        (void)fd;
        (void)what;
        snprintf(bench->task, sizeof(bench->task), "1.%zu.1", bench->done + 1);
        echo.text = "answer";
        task.id = bench->task;
        task.job = 1;
        task.series = "bench";
        task.deadline_seconds = 30;
        task.arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        task.echo = &echo;
        frame.body_case = FLEET__FRAME__BODY_TASK;
        frame.task = &task;
        bench->sent_us = clock_monotonic_us();
        if (link_send(bench->link, &frame) < 0)
                fail("the task cannot be sent", NULL);
}

static void pause_then_send(Bench *bench)
{
        struct timeval pause = {.tv_usec = PAUSE_US};

        evtimer_add(bench->pause, &pause);
}

static int on_hello(Bench *bench, Link *link)
{
        Fleet__Welcome welcome = FLEET__WELCOME__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        bench->link = link;
        welcome.version = UNDERSTUDY_VERSION;
        frame.body_case = FLEET__FRAME__BODY_WELCOME;
        frame.welcome = &welcome;
        pause_then_send(bench);
        return link_send(link, &frame);
}

static int on_event(Bench *bench, Link *link, Fleet__Event *event)
{
        Fleet__Committed committed = FLEET__COMMITTED__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        if (event->body_case == FLEET__EVENT__BODY_FINISHED) {
                if (event->finished->outcome != FLEET__OUTCOME__DONE)
                        fail("the worker could not do the task", NULL);
                bench->taken_us[bench->done++] = clock_monotonic_us() - bench->sent_us;
                if (bench->done == bench->rounds)
                        event_base_loopbreak(bench->base);
                else
                        pause_then_send(bench);
        }
        committed.task = event->task;
        committed.last = event->number;
        frame.body_case = FLEET__FRAME__BODY_COMMITTED;
        frame.committed = &committed;
        return link_send(link, &frame);
}

static int on_opened(void *userdata, Link *link, const Peer *peer)
{
        (void)userdata;
        (void)link;
        (void)peer;
        return 0;
}

static int on_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        if (frame->body_case == FLEET__FRAME__BODY_HELLO)
                return on_hello(userdata, link);
        if (frame->body_case == FLEET__FRAME__BODY_EVENT)
                return on_event(userdata, link, frame->event);
        return 0;
}

static void on_closed(void *userdata, Link *link, const Error *why)
{
        (void)userdata;
        (void)link;
        fail("the worker has left", why);
}

// ---------------------------------------------------------------- the worker

// The certificates of both sides.
static void make_identities(const char *path, Credentials *controller)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *authority_key = NULL;
        _cleanup_free_ uint8_t *request = NULL;
        _cleanup_identity_ Identity identity = {0};
        size_t size;

        if (pki_make_authority((char **)&controller->authority, &authority_key, &error) < 0 ||
                pki_issue_controller(controller->authority, authority_key,
                        (char **)&controller->certificate, (char **)&controller->key, &error) < 0 ||
                pki_make_request(&identity.key, &request, &size, &error) < 0 ||
                pki_sign_host(controller->authority, authority_key, request, size, "bench",
                        PKI_LIFETIME_DAYS, &identity.certificate, &error) < 0)
                fail("no certificates", &error);
        identity.authority = text_copy(controller->authority);
        if (file_make_directories(path, 0700) < 0 || identity_write(path, &identity, &error) < 0)
                fail("no identity", &error);
}

static const char configuration[] = "[controller]\naddress = %s\n[policy]\nroot = %s\n";

static void write_configuration(const char *path, const char *address)
{
        _cleanup_free_ char *file = text_format("%s/worker.conf", path);
        _cleanup_free_ char *text = text_format(configuration, address, path);

        if (file_write(file, text, strlen(text), 0600) < 0)
                fail("no configuration", NULL);
}

static void start_worker(const char *path)
{
        static const char program[] = PROGRAMS "/understudy-worker";
        const char *argv[] = {program, "run", "--dir", path, NULL};
        _cleanup_free_ char *log = text_format("%s/log", path);
        posix_spawn_file_actions_t actions;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(
                &actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (posix_spawn(&worker, argv[0], &actions, NULL, (char *const *)argv, environ) != 0)
                fail(argv[0], NULL);
        posix_spawn_file_actions_destroy(&actions);
}

// ---------------------------------------------------------------- figures

static int compare_times(const void *a, const void *b)
{
        const int64_t *first = a, *second = b;

        return (*first > *second) - (*first < *second);
}

static double milliseconds(int64_t us)
{
        return (double)us / (double)US_PER_MS;
}

static int64_t report(const char *what, int64_t *times, size_t count)
{
        qsort(times, count, sizeof(*times), compare_times);
        printf("%-24s p50 %6.2f ms   p90 %6.2f ms   p99 %6.2f ms   (%zu)\n", what,
                milliseconds(times[count / 2]), milliseconds(times[count * 9 / 10]),
                milliseconds(times[count * 99 / 100]), count);
        return times[count / 2];
}

static int64_t measure_commits(int64_t *times, size_t count)
{
        static const char *const migrations[] = {"CREATE TABLE t (x TEXT);", NULL};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_database_ sqlite3 *db = NULL;
        _cleanup_free_ char *path = text_format("%s/commits", directory);

        if (sql_open(path, migrations, &db, &error) < 0)
                fail("no database", &error);
        for (size_t i = 0; i < count; i++) {
                int64_t before = clock_monotonic_us();

                if (sql_run(db, &error, "INSERT INTO t VALUES (?)", "t", "answer") < 0)
                        fail("no commit", &error);
                times[i] = clock_monotonic_us() - before;
                usleep(PAUSE_US);
        }
        return report("a durable commit", times, count);
}

static void measure_tasks(Bench *bench)
{
        static const LinkHandlers handlers = {
                .opened = on_opened, .frame = on_frame, .closed = on_closed};
        static const LinkLimits limits = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *path = text_format("%s/worker", directory);
        Credentials credentials = {0};
        Listener *listener;
        Wire *wire;

        if (wire_new(bench->base, &wire, &error) < 0)
                fail("no wire", &error);
        make_identities(path, &credentials);
        if (wire_listen(wire, "127.0.0.1:0", &credentials, &limits, &handlers, bench, &listener,
                    &error) < 0)
                fail("no listener", &error);
        write_configuration(path, listener_address(listener));
        start_worker(path);
        event_base_dispatch(bench->base);
        wire_free(wire);
        free((char *)credentials.authority);
        free((char *)credentials.certificate);
        free((char *)credentials.key);
}

int main(int argc, char **argv)
{
        Bench bench = {.rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 500};
        int64_t commit, task;

        if (bench.rounds == 0 || !mkdtemp(directory)) {
                fprintf(stderr, "usage: bench-task [ROUNDS]\n");
                return EXIT_FAILURE;
        }
        atexit(clean_up);
        bench.taken_us = calloc(bench.rounds, sizeof(*bench.taken_us));
        commit = measure_commits(bench.taken_us, bench.rounds);
        bench.base = event_base_new();
        bench.pause = evtimer_new(bench.base, on_pause, &bench);
        measure_tasks(&bench);
        task = report("a task and back", bench.taken_us, bench.rounds);
        printf("above the commit: %.2f ms, goal below %.2f ms: %s\n", milliseconds(task - commit),
                milliseconds(GOAL_US), task - commit < GOAL_US ? "met" : "missed");
        event_free(bench.pause);
        event_base_free(bench.base);
        free(bench.taken_us);
        return 0;
}
