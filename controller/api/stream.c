#include "api/stream.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>

#include "base/text.h"
#include "tell/watch.h"

// What a client may send while it only listens.
#define INPUT_BYTES 4096

typedef struct Stream {
        Peer *peer;
        struct evhttp_request *request;
        Controller *controller;
        const ApiLimits *limits;
        uint64_t job;
        uint64_t sent; // number of the last event handed over
        Watch *watch;
        struct event *settle; // does what must not be done inside a watch's own call
        struct event *heartbeat;
        bool begun;  // the head of the answer is out
        bool paused; // until the client has read what it was sent
        bool last;   // no event follows
        bool ended;  // the request is evhttp's again
} Stream;

static void on_events(void *userdata, json_t *events, bool last);

static void stream_free(Stream *stream)
{
        if (stream->watch)
                watch_free(stream->watch);
        event_free(stream->settle);
        event_free(stream->heartbeat);
        free(stream);
}

static void on_closed(void *userdata)
{
        Stream *stream = userdata;

        // evhttp lets go of a request that it thinks is still being answered.
        if (!stream->ended && !evhttp_request_get_connection(stream->request))
                evhttp_request_free(stream->request);
        stream_free(stream);
}

static void stream_end_soon(Stream *stream)
{
        stream->last = true;
        event_active(stream->settle, 0, 0);
}

// The client has read all that it was sent.
static void on_drained(struct evhttp_connection *connection, void *userdata)
{
        Stream *stream = userdata;

        (void)connection;
        if (!stream->paused || stream->last)
                return;
        stream->paused = false;
        peer_disarm(stream->peer);
        if (watch_new(stream->controller, stream->job, stream->sent, on_events, stream,
                    &stream->watch, NULL) < 0)
                stream_end_soon(stream);
}

static void stream_send(Stream *stream, struct evbuffer *chunk)
{
        evhttp_send_reply_chunk_with_cb(stream->request, chunk, on_drained, stream);
}

static void stream_begin(Stream *stream)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(stream->request);
        struct timeval every = {stream->limits->heartbeat_ms / 1000,
                (suseconds_t)(stream->limits->heartbeat_ms % 1000) * 1000};

        if (stream->begun)
                return;
        stream->begun = true;
        evhttp_add_header(headers, "Content-Type", "text/event-stream");
        evhttp_add_header(headers, "Cache-Control", "no-store");
        evhttp_add_header(headers, "Connection", "close");
        evhttp_send_reply_start(stream->request, 200, "OK");
        peer_disarm(stream->peer);
        peer_limit_input(stream->peer, INPUT_BYTES);
        peer_on_close(stream->peer, on_closed, stream);
        event_add(stream->heartbeat, &every);
}

static void add_event(Stream *stream, struct evbuffer *chunk, json_t *event)
{
        _cleanup_free_ char *data = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(16));

        if (!data)
                abort();
        stream->sent = (uint64_t)json_integer_value(json_object_get(event, "seq"));
        evbuffer_add_printf(chunk, "id: %" PRIu64 "\ndata: %s\n\n", stream->sent, data);
}

static void on_events(void *userdata, json_t *events, bool last)
{
        Stream *stream = userdata;
        struct evbuffer *chunk;
        json_t *event;
        size_t i;

        if (stream->paused || stream->last)
                return;
        stream_begin(stream);
        chunk = evbuffer_new();
        json_array_foreach (events, i, event)
                add_event(stream, chunk, event);
        stream_send(stream, chunk);
        evbuffer_free(chunk);
        stream->last = last;
        stream->paused = peer_unread_bytes(stream->peer) > stream->limits->unread_bytes;
        if (stream->last || stream->paused)
                event_active(stream->settle, 0, 0);
}

static void on_settle(evutil_socket_t fd, short what, void *userdata)
{
        Stream *stream = userdata;

        (void)fd;
        (void)what;
        if (stream->watch)
                watch_free(TAKE_PTR(stream->watch));
        peer_arm(stream->peer);
        if (!stream->last || stream->ended)
                return;
        event_del(stream->heartbeat);
        stream->ended = true;
        evhttp_send_reply_end(stream->request);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *userdata)
{
        Stream *stream = userdata;
        struct evbuffer *chunk;

        (void)fd;
        (void)what;
        if (stream->paused)
                return;
        chunk = evbuffer_new();
        evbuffer_add_printf(chunk, ":\n\n");
        stream_send(stream, chunk);
        evbuffer_free(chunk);
}

int stream_start(struct event_base *loop, Peer *peer, struct evhttp_request *request,
        Controller *controller, uint64_t job, uint64_t after, const ApiLimits *limits, Error *error)
{
        Stream *stream = memory_new(sizeof(*stream));
        int result;

        *stream = (Stream){.peer = peer,
                .request = request,
                .controller = controller,
                .limits = limits,
                .job = job,
                .sent = after};
        stream->settle = evtimer_new(loop, on_settle, stream);
        stream->heartbeat = event_new(loop, -1, EV_PERSIST, on_heartbeat, stream);
        if (!stream->settle || !stream->heartbeat)
                abort();
        result = watch_new(controller, job, after, on_events, stream, &stream->watch, error);
        if (result < 0 && !stream->begun) {
                stream_free(stream);
                return result;
        }
        stream_begin(stream);
        if (result < 0)
                stream_end_soon(stream);
        return 0;
}
