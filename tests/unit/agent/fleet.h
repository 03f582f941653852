// A controller in this process and a worker in another, for tests of the daemon: real TLS, real
// runners, a step whose behaviour the task's text tells.
//
// The test program is also the worker: main() hands argv to fleet_worker_main() first.
#ifndef UNDERSTUDY_TESTS_AGENT_FLEET_H
#define UNDERSTUDY_TESTS_AGENT_FLEET_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/identity.h"
#include "agent/lock.h"
#include "agent/place.h"
#include "agent/runner.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "remove.h"
#include "step/context.h"
#include "wire/link.h"
#include "wire/pki.h"

#define FLEET_TIMEOUT_US (30 * US_PER_SECOND)

// ---------------------------------------------------------------- the worker's side

// "wait": until canceled. "stubborn": for ever. "die": always. "die once": in its first run.
// "say N": N notes, "0" to "N-1". "crawl N": the same, 2 ms apart, going on where a killed run was.
// "advise TEXT": fails, and says what to do. Everything else is answered.
static inline int fleet_crawl(StepContext *context, unsigned count, Error *error)
{
        _cleanup_free_ char *path = text_format("%s/at", step_directory(context));
        _cleanup_free_ char *text = NULL;
        unsigned at = 0;

        if (file_read(path, 100, &text, NULL) == 0)
                at = (unsigned)atoi(text);
        for (; at < count; at++) {
                struct pollfd poller = {.fd = step_cancel_fd(context), .events = POLLIN};
                _cleanup_free_ char *next = text_format("%u", at + 1);

                if (poll(&poller, 1, 2) > 0)
                        return step_canceled_error(context, error);
                step_note(context, "%u", at);
                if (file_write(path, next, strlen(next), 0600) < 0)
                        return error_set(error, -EIO, "test", "cannot write");
        }
        return 0;
}

static inline int fleet_run(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        const char *text = ((const Fleet__EchoArguments *)arguments)->text;
        struct pollfd poller = {.fd = step_cancel_fd(context), .events = POLLIN};

        if (text_equal(text, "wait")) {
                step_note(context, "waiting");
                poll(&poller, 1, -1);
                return step_canceled_error(context, error);
        }
        if (text_equal(text, "stubborn")) {
                step_note(context, "waiting");
                for (;;)
                        pause();
        }
        if (text_equal(text, "die") ||
                (text_equal(text, "die once") && context_runs(context) == 1)) {
                fprintf(stderr, "the test's step dies\n");
                fflush(stderr);
                raise(SIGKILL);
        }
        if (text_starts(text, "say "))
                for (int i = 0; i < atoi(text + 4); i++)
                        step_note(context, "%d", i);
        if (text_starts(text, "crawl ")) {
                int r = fleet_crawl(context, (unsigned)atoi(text + 6), error);

                if (r < 0)
                        return r;
        }
        if (text_equal(text, "fail"))
                return error_set(error, -EIO, "test", "it failed \xff");
        if (text_starts(text, "advise ")) {
                error_set(error, -EIO, "test", "it failed");
                error_next(error, "%s", text + strlen("advise "));
                return -EIO;
        }
        ((Fleet__EchoResult *)result)->text = text_copy(text);
        return 0;
}

// Waits for its moment, counted from the start of each run; then goes to its end, which takes
// longer than the configuration's grace.
static inline int fleet_stand_by(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        int64_t until_us =
                clock_monotonic_us() + ((const Fleet__StandbyArguments *)arguments)->at_us;
        struct pollfd poller = {.fd = step_cancel_fd(context), .events = POLLIN};
        int r;

        (void)result;
        while (!step_is_bound(context) && clock_monotonic_us() < until_us)
                if (poll(&poller, 1, 10) > 0)
                        return step_canceled_error(context, error);
        r = step_bind(context, error);
        return r < 0 ? r : fleet_crawl(context, 1000, error);
}

static inline const StepOps *fleet_ops(const StepInfo *info)
{
        static const StepOps ops = {.run = fleet_run}, alone = {.run = fleet_stand_by};

        if (text_equal(info->name, "standby"))
                return &alone;
        return text_equal(info->name, "echo") ? &ops : NULL;
}

// Returns only when the program was not started as a worker.
static inline void fleet_worker_main(int argc, char **argv)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_config_ Config config = {0};
        char *runner[] = {argv[0], "run-task", argc > 2 ? argv[2] : NULL, NULL};

        if (argc == 3 && strcmp(argv[1], "run-task") == 0)
                exit(runner_run(argv[2], NULL, fleet_ops));
        if (argc != 3 || strcmp(argv[1], "run") != 0)
                return;
        prctl(PR_SET_PDEATHSIG, SIGTERM); // a test that fails leaves nothing behind
        if (config_read(argv[2], &config, &error) < 0 || agent_run(&config, runner, &error) < 0) {
                log_failure(LOG_ERR, &error);
                config_clear(&config);
                error_clear(&error);
                exit(1);
        }
        config_clear(&config);
        exit(0);
}

// ---------------------------------------------------------------- the controller's side

typedef struct FleetTask {
        char id[64];
        const char *asked; // its text
        uint32_t deadline;
        bool accepted;
        uint64_t last;     // event
        uint64_t repeated; // events that came again
        uint32_t run;
        unsigned notes; // 0, 1, 2 ... in order, as "say" and "crawl" number them
        unsigned other_notes;
        bool finished;
        Fleet__Outcome outcome;
        char code[32], why[4096], next[256], text[64];
} FleetTask;

typedef struct Fleet {
        char *directory; // temporary; the worker's is beneath
        char *worker_directory;
        char *authority, *authority_key, *certificate, *key;
        struct event_base *base;
        struct event *tick;
        Wire *wire;
        Listener *listener;
        char *address;
        Link *link;
        FleetTask tasks[64];
        size_t task_count;
        bool withhold; // commits nothing
        bool amnesia;  // its Welcome knows no task
        bool greeted;  // on this link
        unsigned links, links_before;
        bool mounted;
        size_t disks;     // that the worker has told of last
        unsigned reports; // beside its Hello
        pid_t worker;
} Fleet;

static inline FleetTask *fleet_task(Fleet *fleet, const char *id)
{
        for (size_t i = 0; i < fleet->task_count; i++)
                if (strcmp(fleet->tasks[i].id, id) == 0)
                        return &fleet->tasks[i];
        fail_msg("no task %s", id);
        return NULL;
}

static inline void fleet_send(Fleet *fleet, Fleet__Frame *frame)
{
        assert_non_null(fleet->link);
        assert_int_equal(link_send(fleet->link, frame), 0);
}

// `arguments` say what the step does; all is borrowed.
static inline Fleet__Task fleet_echo(
        const char *id, Fleet__EchoArguments *arguments, uint32_t deadline)
{
        Fleet__Task task = FLEET__TASK__INIT;

        task.id = (char *)id;
        task.job = 7;
        task.series = "test";
        task.deadline_seconds = deadline;
        task.arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        task.echo = arguments;
        return task;
}

// Text "alone MS": waits that long, whatever becomes of the controller.
static inline void fleet_send_standby(Fleet *fleet, const char *id, const char *text)
{
        Fleet__StandbyArguments arguments = FLEET__STANDBY_ARGUMENTS__INIT;
        Fleet__Task task = FLEET__TASK__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        arguments.at_us = atoi(text + strlen("alone ")) * US_PER_MS;
        task.id = (char *)id;
        task.job = 7;
        task.series = "test";
        task.arguments_case = FLEET__TASK__ARGUMENTS_STANDBY;
        task.standby = &arguments;
        frame.body_case = FLEET__FRAME__BODY_TASK;
        frame.task = &task;
        fleet_send(fleet, &frame);
}

static inline void fleet_send_task(
        Fleet *fleet, const char *id, const char *text, uint32_t deadline)
{
        Fleet__EchoArguments arguments = FLEET__ECHO_ARGUMENTS__INIT;
        Fleet__Task task = fleet_echo(id, &arguments, deadline);
        Fleet__Frame frame = FLEET__FRAME__INIT;

        if (text_starts(text, "alone ")) {
                fleet_send_standby(fleet, id, text);
                return;
        }
        arguments.text = (char *)text;
        frame.body_case = FLEET__FRAME__BODY_TASK;
        frame.task = &task;
        fleet_send(fleet, &frame);
}

static inline void fleet_welcome(Fleet *fleet)
{
        Fleet__Welcome welcome = FLEET__WELCOME__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;
        Fleet__TaskCursor cursors[64], *list[64];

        for (size_t i = 0; i < fleet->task_count && !fleet->amnesia; i++) {
                fleet__task_cursor__init(&cursors[i]);
                cursors[i].task = fleet->tasks[i].id;
                cursors[i].last = fleet->tasks[i].last;
                list[i] = &cursors[i];
                welcome.n_cursors++;
        }
        welcome.cursors = list;
        welcome.version = "test";
        frame.body_case = FLEET__FRAME__BODY_WELCOME;
        frame.welcome = &welcome;
        fleet_send(fleet, &frame);
        fleet->greeted = true;
        for (size_t i = 0; i < fleet->task_count && !fleet->amnesia; i++)
                if (!fleet->tasks[i].accepted && !fleet->tasks[i].finished)
                        fleet_send_task(fleet, fleet->tasks[i].id, fleet->tasks[i].asked,
                                fleet->tasks[i].deadline);
}

static inline void fleet_commit(Fleet *fleet, FleetTask *task)
{
        Fleet__Committed committed = FLEET__COMMITTED__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        committed.task = task->id;
        committed.last = task->last;
        frame.body_case = FLEET__FRAME__BODY_COMMITTED;
        frame.committed = &committed;
        fleet_send(fleet, &frame);
}

static inline void fleet_note(FleetTask *task, const char *text)
{
        _cleanup_free_ char *next = text_format("%u", task->notes);

        if (text_equal(text, next))
                task->notes++;
        else
                task->other_notes++;
}

static inline void fleet_see_finished(FleetTask *task, const Fleet__Finished *finished)
{
        assert_false(task->finished);
        task->finished = true;
        task->outcome = finished->outcome;
        if (finished->failure) {
                snprintf(task->code, sizeof(task->code), "%s", finished->failure->code);
                snprintf(task->why, sizeof(task->why), "%s", finished->failure->why);
                snprintf(task->next, sizeof(task->next), "%s", finished->failure->next);
        }
        if (finished->result && finished->result->result_case == FLEET__RESULT__RESULT_ECHO)
                snprintf(task->text, sizeof(task->text), "%.60s", finished->result->echo->text);
}

static inline void fleet_event(Fleet *fleet, const Fleet__Event *event)
{
        FleetTask *task = fleet_task(fleet, event->task);

        if (event->number <= task->last) {
                task->repeated++;
                return;
        }
        assert_int_equal(event->number, task->last + 1);
        task->last = event->number;
        if (event->body_case == FLEET__EVENT__BODY_STARTED)
                task->run = event->started->run;
        else if (event->body_case == FLEET__EVENT__BODY_LOG)
                fleet_note(task, event->log->text);
        else if (event->body_case == FLEET__EVENT__BODY_FINISHED)
                fleet_see_finished(task, event->finished);
        if (!fleet->withhold)
                fleet_commit(fleet, task);
}

static inline int fleet_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        Fleet *fleet = userdata;

        (void)link;
        switch (frame->body_case) {
        case FLEET__FRAME__BODY_FACTS:
                fleet->reports++;
                fleet->disks = frame->facts->n_disks;
                return 0;
        case FLEET__FRAME__BODY_HELLO:
                fleet->disks = frame->hello->facts->n_disks;
                fleet_welcome(fleet);
                return 0;
        case FLEET__FRAME__BODY_ACCEPTED:
                fleet_task(fleet, frame->accepted->task)->accepted = true;
                return 0;
        case FLEET__FRAME__BODY_EVENT:
                fleet_event(fleet, frame->event);
                return 0;
        default:
                return -EPROTO;
        }
}

static inline int fleet_opened(void *userdata, Link *link, const Peer *peer)
{
        Fleet *fleet = userdata;

        assert_string_equal(peer->name, "a");
        fleet->link = link;
        fleet->links++;
        fleet->greeted = false;
        return 0;
}

static inline void fleet_closed(void *userdata, Link *link, const Error *why)
{
        Fleet *fleet = userdata;

        (void)why;
        if (fleet->link == link)
                fleet->link = NULL;
}

static inline void fleet_listen(Fleet *fleet)
{
        static const LinkHandlers handlers = {
                .opened = fleet_opened, .frame = fleet_frame, .closed = fleet_closed};
        static const LinkLimits limits;
        Credentials credentials = {.authority = fleet->authority,
                .certificate = fleet->certificate,
                .key = fleet->key};
        _cleanup_error_ Error error = ERROR_EMPTY;

        assert_int_equal(wire_new(fleet->base, &fleet->wire, &error), 0);
        assert_int_equal(wire_listen(fleet->wire, fleet->address ? fleet->address : "127.0.0.1:0",
                                 &credentials, &limits, &handlers, fleet, &fleet->listener, &error),
                0);
        if (!fleet->address)
                fleet->address = text_copy(listener_address(fleet->listener));
}

// Takes the controller away; fleet_listen brings it back at the same address.
static inline void fleet_silence(Fleet *fleet)
{
        wire_free(fleet->wire);
        fleet->wire = NULL;
        fleet->link = NULL;
}

// ---------------------------------------------------------------- waiting

static inline void fleet_tick(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd, (void)what, (void)userdata;
}

// Handles what comes until `done` says so; half a minute without that is a failure.
static inline void fleet_until(Fleet *fleet, bool (*done)(Fleet *fleet))
{
        int64_t limit = clock_monotonic_us() + FLEET_TIMEOUT_US;

        while (!done(fleet)) {
                if (clock_monotonic_us() > limit)
                        fail_msg("what was waited for has not come");
                event_base_loop(fleet->base, EVLOOP_ONCE);
        }
}

static inline bool fleet_connected(Fleet *fleet)
{
        return fleet->link && fleet->greeted;
}

static inline bool fleet_reconnected(Fleet *fleet)
{
        return fleet->links > fleet->links_before && fleet_connected(fleet);
}

static inline bool fleet_all_finished(Fleet *fleet)
{
        for (size_t i = 0; i < fleet->task_count; i++)
                if (!fleet->tasks[i].finished)
                        return false;
        return true;
}

static inline bool fleet_all_begun(Fleet *fleet)
{
        for (size_t i = 0; i < fleet->task_count; i++)
                if (fleet->tasks[i].notes + fleet->tasks[i].other_notes == 0)
                        return false;
        return true;
}

static inline bool fleet_all_accepted(Fleet *fleet)
{
        for (size_t i = 0; i < fleet->task_count; i++)
                if (!fleet->tasks[i].accepted)
                        return false;
        return true;
}

static inline bool fleet_forgotten(Fleet *fleet)
{
        _cleanup_free_ char *path = text_format("%s/tasks", fleet->worker_directory);
        _cleanup_free_ char *spare = text_format("%s/" PLACE_SPARE, path);
        bool ready = access(spare, F_OK) == 0; // for a task to come
        struct stat st;

        return stat(path, &st) == 0 && st.st_nlink == 2U + ready;
}

// ---------------------------------------------------------------- words to the worker

static inline FleetTask *fleet_give(
        Fleet *fleet, const char *id, const char *text, uint32_t deadline)
{
        FleetTask *task = &fleet->tasks[fleet->task_count++];

        snprintf(task->id, sizeof(task->id), "%s", id);
        task->asked = text;
        task->deadline = deadline;
        fleet_send_task(fleet, id, text, deadline);
        return task;
}

static inline void fleet_cancel(Fleet *fleet, const char *id)
{
        Fleet__Cancel cancel = FLEET__CANCEL__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        cancel.task = (char *)id;
        frame.body_case = FLEET__FRAME__BODY_CANCEL;
        frame.cancel = &cancel;
        fleet_send(fleet, &frame);
}

// ---------------------------------------------------------------- the worker's process

static inline void fleet_start_worker(Fleet *fleet)
{
        char *argv[] = {"understudy-worker", "run", fleet->worker_directory, NULL};

        fleet->worker = fork();
        assert_true(fleet->worker >= 0);
        if (fleet->worker == 0) {
                close_range(3, ~0U, 0);
                execv("/proc/self/exe", argv);
                _exit(127);
        }
}

static inline int fleet_wait_worker(Fleet *fleet)
{
        int status;

        assert_int_equal(waitpid(fleet->worker, &status, 0), fleet->worker);
        fleet->worker = 0;
        return status;
}

static inline void fleet_kill_worker(Fleet *fleet, int signal_number)
{
        assert_int_equal(kill(fleet->worker, signal_number), 0);
        fleet_wait_worker(fleet);
}

// Kills the daemon, starts another and waits for its word.
static inline void fleet_replace_worker(Fleet *fleet)
{
        fleet->links_before = fleet->links;
        fleet_kill_worker(fleet, SIGKILL);
        fleet_start_worker(fleet);
        fleet_until(fleet, fleet_reconnected);
}

// The process that has a task; 0: none.
static inline pid_t fleet_runner(Fleet *fleet, const char *id)
{
        _cleanup_free_ char *lock = text_format("%s/tasks/%s/lock", fleet->worker_directory, id);
        pid_t pid = 0;

        assert_int_equal(lock_holder(AT_FDCWD, lock, &pid), 0);
        return pid;
}

// ---------------------------------------------------------------- all of it

static inline void fleet_make_identity(Fleet *fleet)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_identity_ Identity identity = {0};
        _cleanup_free_ uint8_t *request = NULL;
        size_t size;

        assert_int_equal(pki_make_authority(&fleet->authority, &fleet->authority_key, &error), 0);
        assert_int_equal(pki_issue_controller(fleet->authority, fleet->authority_key,
                                 &fleet->certificate, &fleet->key, &error),
                0);
        assert_int_equal(pki_make_request(&identity.key, &request, &size, &error), 0);
        assert_int_equal(pki_sign_host(fleet->authority, fleet->authority_key, request, size, "a",
                                 10, &identity.certificate, &error),
                0);
        identity.authority = text_copy(fleet->authority);
        assert_int_equal(identity_write(fleet->worker_directory, &identity, &error), 0);
}

static inline void fleet_configure(Fleet *fleet, const char *limits)
{
        _cleanup_free_ char *path = text_format("%s/worker.conf", fleet->worker_directory);
        _cleanup_free_ char *text = text_format(
                "[controller]\naddress = %s\nreport = 1 s\n[limits]\n%s\n", fleet->address, limits);

        assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
}

static inline int fleet_open_on(void **state, const char *tmpfs)
{
        Fleet *fleet = memory_new(sizeof(*fleet));
        char template[] = "/tmp/understudy-fleet-XXXXXX";
        struct timeval often = {0, 20000};

        *state = fleet;
        assert_non_null(mkdtemp(template));
        fleet->directory = text_copy(template);
        fleet->worker_directory = text_format("%s/worker", template);
        assert_int_equal(mkdir(fleet->worker_directory, 0700), 0);
        fleet->mounted = tmpfs && mount("tmpfs", fleet->worker_directory, "tmpfs", 0, tmpfs) == 0;
        fleet->base = event_base_new();
        fleet->tick = event_new(fleet->base, -1, EV_PERSIST, fleet_tick, fleet);
        event_add(fleet->tick, &often);
        fleet_make_identity(fleet);
        fleet_listen(fleet);
        fleet_configure(fleet, "grace = 1 s");
        fleet_start_worker(fleet);
        fleet_until(fleet, fleet_connected);
        return 0;
}

static inline int fleet_open(void **state)
{
        return fleet_open_on(state, NULL);
}

// The worker's directory on a small disk of its own, if this user may mount one.
static inline int fleet_open_small(void **state)
{
        return fleet_open_on(state, "size=2m");
}

static inline int fleet_close(void **state)
{
        Fleet *fleet = *state;

        if (fleet->worker)
                fleet_kill_worker(fleet, SIGTERM);
        for (size_t i = 0; i < fleet->task_count; i++) {
                pid_t runner = fleet_runner(fleet, fleet->tasks[i].id);

                if (runner > 0)
                        kill(runner, SIGKILL);
        }
        if (fleet->wire)
                wire_free(fleet->wire);
        event_free(fleet->tick);
        event_base_free(fleet->base);
        if (fleet->mounted)
                umount2(fleet->worker_directory, MNT_DETACH);
        remove_tree(fleet->directory);
        free(fleet->address);
        free(fleet->authority);
        free(fleet->authority_key);
        free(fleet->certificate);
        free(fleet->key);
        free(fleet->worker_directory);
        free(fleet->directory);
        free(fleet);
        return 0;
}

#endif
