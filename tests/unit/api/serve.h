// An API server in a process of its own, over a fake controller, and a client that speaks bytes.
//
// Operations: POST /v1/echo answers with what reached it; GET /v1/fail/{host} fails with the errno
// named; GET /v1/watches tells of the fake watches. Jobs to follow: see watch_new.
#ifndef UNDERSTUDY_TESTS_API_SERVE_H
#define UNDERSTUDY_TESTS_API_SERVE_H

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "api/server.h"
#include "base/clock.h"
#include "base/text.h"
#include "tell/watch.h"
#include "test.h"

enum { DEADLINE_MS = 400, HEARTBEAT_MS = 50, CONNECTIONS = 40, HEADER_BYTES = 8192 };

#define JOB_SHORT   1 // three events, then the end
#define JOB_SILENT  2 // none
#define JOB_HUGE    3 // HUGE_EVENTS of 100 kB, as fast as it goes
#define JOB_AT_ONCE 4 // its three events come before watch_new returns
#define JOB_BROKEN  5 // one event comes before watch_new fails
#define HUGE_EVENTS 60
#define HUGE_BYTES  (100 * 1024)

// ---------------------------------------------------------------- the fake controller

struct Controller {
        struct event_base *loop;
        int64_t watches; // alive
        int64_t fed;     // events handed out
};

struct Watch {
        Controller *controller;
        uint64_t job;
        uint64_t next;
        WatchFn fn;
        void *userdata;
        struct event *timer;
        bool over;
};

static uint64_t watch_events(const Watch *watch)
{
        return watch->job == JOB_HUGE ? HUGE_EVENTS : watch->job == JOB_SILENT ? 0 : 3;
}

static void watch_feed(Watch *watch)
{
        json_t *events = json_array();
        uint64_t count = watch_events(watch);
        size_t size = watch->job == JOB_HUGE ? HUGE_BYTES : 3;
        _cleanup_free_ char *text = memory_new(size + 1);

        memset(text, 'x', size);
        if (watch->next <= count)
                json_array_append_new(
                        events, json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)watch->next++,
                                        "type", "log", "text", text));
        watch->controller->fed += (int64_t)json_array_size(events);
        watch->over = watch->next > count;
        watch->fn(watch->userdata, events, watch->over);
        json_decref(events);
}

static void on_watch_timer(evutil_socket_t fd, short what, void *userdata)
{
        Watch *watch = userdata;
        struct timeval soon = {0, 100};

        (void)fd;
        (void)what;
        watch_feed(watch);
        if (!watch->over)
                event_add(watch->timer, &soon);
}

int watch_new(Controller *controller, uint64_t job, uint64_t after, WatchFn fn, void *userdata,
        Watch **ret, Error *error)
{
        struct timeval soon = {0, 100};
        Watch *watch;

        if (job > JOB_BROKEN)
                return error_set(error, -ENOENT, "no-job", "there is no job %d", (int)job);
        watch = memory_new(sizeof(*watch));
        *watch = (Watch){.controller = controller,
                .job = job,
                .next = after + 1,
                .fn = fn,
                .userdata = userdata};
        watch->timer = evtimer_new(controller->loop, on_watch_timer, watch);
        controller->watches++;
        while (job == JOB_AT_ONCE && !watch->over)
                watch_feed(watch);
        if (job == JOB_BROKEN) {
                watch_feed(watch);
                watch_free(watch);
                return error_set(error, -EIO, "database", "the job cannot be read");
        }
        if (job != JOB_SILENT && !watch->over)
                event_add(watch->timer, &soon);
        *ret = watch;
        return 0;
}

void watch_free(Watch *watch)
{
        watch->controller->watches--;
        event_free(watch->timer);
        free(watch);
}

static int run_echo(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        (void)controller;
        (void)error;
        *ret = json_pack("{s:s, s:s?, s:s?, s:O, s:O}", "who", request->who, "first",
                request->subject[0], "second", request->subject[1], "query", request->query, "body",
                request->body);
        return 0;
}

static int run_fail(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const struct {
                const char *name;
                int result;
        } results[] = {{"ENOENT", -ENOENT}, {"EINVAL", -EINVAL}, {"EPERM", -EPERM},
                {"EEXIST", -EEXIST}, {"EBUSY", -EBUSY}, {"EIO", -EIO}};

        (void)controller;
        (void)ret;
        for (size_t i = 0; i < ELEMENTS(results); i++) {
                if (strcmp(results[i].name, request->subject[0]) != 0)
                        continue;
                error_set(error, results[i].result, "some-code", "it failed");
                error_where(error, "there");
                error_next(error, "Do it again.");
                return results[i].result;
        }
        return -EBUSY;
}

static int run_watches(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        (void)request;
        (void)error;
        *ret = json_pack("{s:I, s:I}", "watches", (json_int_t)controller->watches, "fed",
                (json_int_t)controller->fed);
        return 0;
}

static int run_text(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        (void)controller;
        (void)request;
        (void)error;
        *ret = json_string("one \"two\"\r\n100 %\r\n");
        return 0;
}

static const Operation table[] = {
        {"GET", "/v1/text", run_text, .type = "text/calendar; charset=utf-8"},
        {"POST", "/v1/echo", run_echo},
        {"POST", "/v1/echo/{host}/{job}", run_echo},
        {"GET", "/v1/echo/{host}", run_echo},
        {"DELETE", "/v1/echo/{host}", run_echo},
        {"GET", "/v1/fail/{host}", run_fail},
        {"GET", "/v1/watches", run_watches},
        {0},
};

static const ApiLimits limits = {
        .connections = CONNECTIONS,
        .header_bytes = HEADER_BYTES,
        .body_bytes = 1024 * 1024,
        .unread_bytes = 256 * 1024,
        .deadline_ms = DEADLINE_MS,
        .heartbeat_ms = HEARTBEAT_MS,
        .exhausted_ms = 50,
};

// ---------------------------------------------------------------- the server's process

typedef struct Server {
        char directory[64];
        char path[108];
        pid_t pid;
} Server;

static Server server;

static void on_stop(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        event_base_loopbreak(userdata);
}

// Never returns. `ready` is closed when the server listens.
static void serve(int ready)
{
        Controller controller = {.loop = event_base_new()};
        struct event *stop = evsignal_new(controller.loop, SIGTERM, on_stop, controller.loop);
        Error error = ERROR_EMPTY;
        Api *api = NULL;

        event_add(stop, NULL);
        if (api_start(controller.loop, server.path, &controller, table, &limits, &api, &error) < 0)
                _exit(99);
        close(ready);
        event_base_dispatch(controller.loop);
        api_free(api);
        event_free(stop);
        event_base_free(controller.loop);
        exit(controller.watches == 0 ? 0 : 98); // with the sanitizer's own checks
}

static int server_start(void **state)
{
        int ready[2];
        char byte;

        (void)state;
        snprintf(server.directory, sizeof(server.directory), "/tmp/understudy-api-XXXXXX");
        if (!mkdtemp(server.directory) || pipe(ready) < 0)
                return -1;
        snprintf(server.path, sizeof(server.path), "%s/api.socket", server.directory);
        fflush(NULL);
        server.pid = fork();
        if (server.pid == 0) {
                close(ready[0]);
                serve(ready[1]);
        }
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 0)
                return -1;
        close(ready[0]);
        return 0;
}

static int server_stop(void **state)
{
        int status;

        (void)state;
        kill(server.pid, SIGTERM);
        if (waitpid(server.pid, &status, 0) != server.pid || !WIFEXITED(status) ||
                WEXITSTATUS(status) != 0 || rmdir(server.directory) < 0) {
                fprintf(stderr, "the server ended badly or left its socket: %#x\n",
                        (unsigned)status);
                exit(EXIT_FAILURE); // cmocka ignores a failed group teardown
        }
        return 0;
}

// ---------------------------------------------------------------- the client

static int client_connect(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct timeval patience = {20, 0};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", server.path);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

// False when the server has gone.
static bool client_send(int fd, const char *bytes, size_t size)
{
        while (size) {
                ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

                if (sent < 0)
                        return false;
                bytes += sent;
                size -= (size_t)sent;
        }
        return true;
}

// Everything until the server closes, or until `end` has come.
static char *client_read(int fd, const char *end)
{
        char *text = memory_new(1);
        size_t size = 0;

        for (;;) {
                char buffer[65536];
                ssize_t got = recv(fd, buffer, sizeof(buffer), 0);

                if (got < 0 && errno == EAGAIN)
                        fail_msg("no answer and no end within 20 s, so far: %.200s", text);
                if (got <= 0)
                        return text;
                text = memory_grow(text, size + (size_t)got + 1);
                memcpy(text + size, buffer, (size_t)got);
                size += (size_t)got;
                text[size] = '\0';
                if (end && strstr(text, end))
                        return text;
        }
}

// One request on a connection of its own; the whole answer.
static inline char *ask(const char *request)
{
        _cleanup_close_ int fd = client_connect();

        client_send(fd, request, strlen(request));
        return client_read(fd, NULL);
}

#define HOST  "Host: understudy\r\n"
#define CLOSE "Connection: close\r\n"

static inline char *get(const char *path)
{
        _cleanup_free_ char *request = text_format("GET %s HTTP/1.1\r\n" HOST CLOSE "\r\n", path);

        return ask(request);
}

static inline char *post(const char *path, const char *body)
{
        _cleanup_free_ char *request =
                text_format("POST %s HTTP/1.1\r\n" HOST CLOSE "Content-Length: %zu\r\n\r\n%s", path,
                        strlen(body), body);

        return ask(request);
}

// The JSON of an answer, for the caller to release.
static inline json_t *body_of(const char *answer)
{
        const char *body = strstr(answer, "\r\n\r\n");
        json_t *value = body ? json_loads(body + 4, 0, NULL) : NULL;

        if (!value)
                fail_msg("no JSON in: %.300s", answer);
        return value;
}

static inline void assert_starts(const char *text, const char *start)
{
        if (!text_starts(text, start))
                fail_msg("'%s' does not begin: %.300s", start, text);
}

static inline void assert_has(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("no '%s' in: %.300s", part, text);
}

#endif
