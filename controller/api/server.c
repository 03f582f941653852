#include "api/server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <signal.h>

#include "api/check.h"
#include "api/listen.h"
#include "api/peer.h"
#include "api/route.h"
#include "api/stream.h"
#include "base/log.h"
#include "base/text.h"

#define BACKLOG        128
#define REAL_PRECISION JSON_REAL_PRECISION(16) // microseconds since the epoch
#define EVENTS_PATH    "/v1/jobs/{job}/events"
#define METHODS                                                                                    \
        (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |                   \
                EVHTTP_REQ_PATCH | EVHTTP_REQ_OPTIONS)

const ApiLimits api_limits = {
        .connections = 256,
        .header_bytes = 8 * 1024,
        .body_bytes = 1024 * 1024,
        .unread_bytes = 256 * 1024,
        .deadline_ms = 15000,
        .heartbeat_ms = 10000,
        .exhausted_ms = 200,
};

struct Api {
        struct event_base *loop;
        char *path;
        Controller *controller;
        const Operation *table;
        const ApiLimits *limits;
        struct evhttp *http;
        struct evconnlistener *listener; // owned by `http`
        struct event *accept_again;
        Peers *peers;
};

// A request on its way to its answer.
typedef struct Exchange {
        Api *api;
        Peer *peer;
        struct evhttp_request *request;
        json_t *query;
        char *subjects[ROUTE_SUBJECTS];
} Exchange;

static void exchange_clear(Exchange *exchange)
{
        json_decref(exchange->query);
        for (size_t i = 0; i < ROUTE_SUBJECTS; i++)
                free(exchange->subjects[i]);
}

// ---------------------------------------------------------------- answers

// Reason texts go out unfiltered, so they are constants.
static const char *status_reason(int status)
{
        static const struct {
                int status;
                const char *reason;
        } reasons[] = {{200, "OK"}, {400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"},
                {405, "Method Not Allowed"}, {409, "Conflict"}};

        for (size_t i = 0; i < ELEMENTS(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Internal Server Error";
}

static void on_replied(struct evhttp_request *request, void *userdata)
{
        Peer *peer = userdata;

        (void)request;
        peer_arm(peer); // for the next request
}

static void reply_text(const Exchange *exchange, int status, const char *type, const char *text)
{
        struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);
        struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->request);
        struct evbuffer *buffer = evbuffer_new();

        if (!text || !buffer)
                abort();
        evbuffer_add(buffer, text, strlen(text));
        evhttp_add_header(headers, "Content-Type", type);
        evhttp_add_header(headers, "Cache-Control", "no-store");
        evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
        evhttp_send_reply(exchange->request, status, status_reason(status), buffer);
        evbuffer_free(buffer);
        // A client that has closed its own direction still gets its answer.
        bufferevent_disable(evhttp_connection_get_bufferevent(connection), EV_READ);
}

static void reply(const Exchange *exchange, int status, json_t *take_body)
{
        _cleanup_free_ char *json =
                json_dumps(take_body, JSON_COMPACT | JSON_ENCODE_ANY | REAL_PRECISION);
        _cleanup_free_ char *text = text_format("%s\n", json ? json : "");

        if (!json)
                abort();
        json_decref(take_body);
        reply_text(exchange, status, "application/json", text);
}

static json_t *text_or_null(const char *text)
{
        json_t *value = text ? json_string(text) : NULL;

        return value ? value : json_null();
}

static void reply_failure(const Exchange *exchange, int status, const Error *error)
{
        if (status >= 500)
                log_failure(LOG_ERR, error);
        reply(exchange, status,
                json_pack("{s:{s:o, s:o, s:o, s:o, s:o}}", "failure", "code",
                        text_or_null(error->code), "what", text_or_null(error->what), "where",
                        text_or_null(error->where), "why", text_or_null(error->why), "next",
                        text_or_null(error->next)));
}

static int status_of(int result)
{
        switch (result) {
        case -EINVAL:
                return 400;
        case -EPERM:
                return 403;
        case -ENOENT:
                return 404;
        case -EOPNOTSUPP:
                return 405;
        case -EIO:
                return 500;
        default:
                return 409;
        }
}

// What the request itself has wrong, before any operation is asked.
static void reply_refusal(const Exchange *exchange, int result, const char *code, const char *why)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        error_set(&error, result, code, "the request cannot be answered");
        error_why(&error, "%s", why);
        reply_failure(exchange, status_of(result), &error);
}

// ---------------------------------------------------------------- requests

static void answer_events(Exchange *exchange)
{
        struct evkeyvalq *headers = evhttp_request_get_input_headers(exchange->request);
        const char *after = evhttp_find_header(headers, "Last-Event-ID");
        _cleanup_error_ Error error = ERROR_EMPTY;
        Api *api = exchange->api;
        uint64_t job, from = 0;
        int result;

        if (!after)
                after = json_string_value(json_object_get(exchange->query, "after"));
        if (text_parse_u64(exchange->subjects[0], &job) < 0 ||
                (after && text_parse_u64(after, &from) < 0)) {
                reply_refusal(exchange, -EINVAL, "bad-request", "a job and an event are numbers");
                return;
        }
        result = stream_start(api->loop, exchange->peer, exchange->request, api->controller, job,
                from, api->limits, &error);
        if (result < 0)
                reply_failure(exchange, status_of(result), &error);
}

// Reads the body, an object or nothing, into `ret`.
static int read_body(struct evhttp_request *request, json_t **ret, json_error_t *why)
{
        struct evbuffer *input = evhttp_request_get_input_buffer(request);
        size_t size = evbuffer_get_length(input);
        const char *text = size ? (const char *)evbuffer_pullup(input, -1) : "{}";

        *ret = json_loadb(text, size ? size : 2, JSON_REJECT_DUPLICATES, why);
        if (*ret && !json_is_object(*ret)) {
                json_decref(*ret);
                *ret = NULL;
                snprintf(why->text, sizeof(why->text), "it is no object");
                why->line = 1;
        }
        return *ret ? 0 : -EINVAL;
}

static void answer_operation(Exchange *exchange, const Operation *operation)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        OperationRequest request = {
                .who = peer_user(exchange->peer),
                .subject = {exchange->subjects[0], exchange->subjects[1]},
                .query = exchange->query,
        };
        json_error_t why;
        json_t *answer = NULL;
        int result;

        if (read_body(exchange->request, &request.body, &why) < 0) {
                _cleanup_free_ char *text =
                        text_format("its body is no JSON: line %d: %s", why.line, why.text);

                reply_refusal(exchange, -EINVAL, "bad-request", text);
                return;
        }
        result = operation->run(exchange->api->controller, &request, &answer, &error);
        json_decref(request.body);
        if (result < 0) {
                reply_failure(exchange, status_of(result), &error);
        } else if (operation->type) {
                reply_text(exchange, 200, operation->type, json_string_value(answer));
                json_decref(answer);
        } else {
                reply(exchange, 200, answer);
        }
}

static const char *method_name(enum evhttp_cmd_type type)
{
        switch (type) {
        case EVHTTP_REQ_GET:
                return "GET";
        case EVHTTP_REQ_POST:
                return "POST";
        case EVHTTP_REQ_DELETE:
                return "DELETE";
        default:
                return "another";
        }
}

static void answer(Exchange *exchange, const char *path)
{
        static const Operation events[] = {{"GET", EVENTS_PATH, NULL}, {0}};
        const char *method = method_name(evhttp_request_get_command(exchange->request));
        const Operation *row = NULL;
        char allow[64];
        int result =
                route_find(events, method, path, &row, exchange->subjects, allow, sizeof(allow));

        if (result == 0) {
                answer_events(exchange);
                return;
        }
        if (result == -ENOENT)
                result = route_find(exchange->api->table, method, path, &row, exchange->subjects,
                        allow, sizeof(allow));
        if (result == 0) {
                answer_operation(exchange, row);
        } else if (result == -EOPNOTSUPP) {
                evhttp_add_header(
                        evhttp_request_get_output_headers(exchange->request), "Allow", allow);
                reply_refusal(exchange, result, "wrong-method", "the path has other methods");
        } else if (result == -ENOENT) {
                reply_refusal(exchange, result, "unknown-path", "there is no such path");
        } else {
                reply_refusal(exchange, result, "bad-request",
                        "its path holds a malformed %XX, a control character or no UTF-8");
        }
}

// Ends the connection after the answer: what follows may belong to a request we do not understand.
static void refuse_malformed(Exchange *exchange, const char *why)
{
        evhttp_add_header(
                evhttp_request_get_output_headers(exchange->request), "Connection", "close");
        reply_refusal(exchange, -EINVAL, "bad-request", why);
}

static void on_request(struct evhttp_request *request, void *userdata)
{
        Api *api = userdata;
        _cleanup_(exchange_clear) Exchange exchange = {
                .api = api, .request = request, .peer = peers_find(api->peers, request)};
        const char *uri = evhttp_request_get_uri(request);
        _cleanup_free_ char *path = text_copy_n(uri, strcspn(uri, "?#"));
        const char *query = strchr(uri, '?'), *why = request_check(request);

        if (!exchange.peer) { // cannot be: every connection passes peers_new's hook
                evhttp_send_error(request, HTTP_INTERNAL, NULL);
                return;
        }
        peer_arm(exchange.peer); // for the answer to be read
        evhttp_request_set_on_complete_cb(request, on_replied, exchange.peer);
        if (why)
                refuse_malformed(&exchange, why);
        else if (route_parse_query(query ? query + 1 : "", &exchange.query) < 0)
                reply_refusal(&exchange, -EINVAL, "bad-request", "its query is malformed");
        else
                answer(&exchange, path);
}

// ---------------------------------------------------------------- life

static void on_accept_failed(struct evconnlistener *listener, void *userdata)
{
        Api *api = userdata;
        struct timeval pause = {api->limits->exhausted_ms / 1000,
                (suseconds_t)(api->limits->exhausted_ms % 1000) * 1000};

        log_warning("cannot accept a connection error=\"%s\"", strerror(errno));
        evconnlistener_disable(listener);
        event_add(api->accept_again, &pause);
}

static void on_accept_again(evutil_socket_t fd, short what, void *userdata)
{
        Api *api = userdata;

        (void)fd;
        (void)what;
        evconnlistener_enable(api->listener);
}

static void serve(Api *api, int take_fd)
{
        api->http = evhttp_new(api->loop);
        api->accept_again = evtimer_new(api->loop, on_accept_again, api);
        api->listener = evconnlistener_new(api->loop, NULL, NULL,
                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, take_fd);
        if (!api->http || !api->accept_again || !api->listener)
                abort();
        evhttp_set_max_headers_size(api->http, (ev_ssize_t)api->limits->header_bytes);
        evhttp_set_max_body_size(api->http, (ev_ssize_t)api->limits->body_bytes);
        evhttp_set_allowed_methods(api->http, METHODS);
        evhttp_set_gencb(api->http, on_request, api);
        api->peers = peers_new(api->loop, api->http, api->limits);
        if (!evhttp_bind_listener(api->http, api->listener))
                abort();
        // After evhttp_bind_listener, which sets its own.
        evconnlistener_set_error_cb(api->listener, on_accept_failed);
}

int api_start(struct event_base *loop, const char *path, Controller *controller,
        const Operation *table, const ApiLimits *limits, Api **ret, Error *error)
{
        Api *api;
        int fd, result;

        result = socket_bind(path, &fd, error);
        if (result < 0)
                return result;
        signal(SIGPIPE, SIG_IGN);
        api = memory_new(sizeof(*api));
        *api = (Api){.loop = loop,
                .path = text_copy(path),
                .controller = controller,
                .table = table,
                .limits = limits};
        serve(api, fd);
        *ret = api;
        return 0;
}

void api_free(Api *api)
{
        unlink(api->path);
        evhttp_free(api->http);
        peers_free(api->peers);
        event_free(api->accept_again);
        free(api->path);
        free(api);
}
