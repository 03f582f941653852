#include "wire/link_private.h"

#include "base/clock.h"
#include "base/text.h"

#define LINGER_US (1 * US_PER_SECOND) // for the peer to read a Refusal and go

void link_settings_init(LinkSettings *settings, const LinkLimits *limits,
        const LinkHandlers *handlers, void *userdata)
{
        LinkLimits *own = &settings->limits;

        *own = limits ? *limits : (LinkLimits){0};
#define DEFAULT(field, value)                                                                      \
        if (own->field == 0)                                                                       \
        own->field = (value)
        DEFAULT(frame_bytes, 4U << 20);
        DEFAULT(queue_bytes, 16U << 20);
        DEFAULT(unauthenticated, 64);
        DEFAULT(hello_ms, 5000);
        DEFAULT(ping_ms, 10000);
        DEFAULT(dead_ms, 30000);
        DEFAULT(redial_first_ms, 1000);
        DEFAULT(redial_last_ms, 30000);
#undef DEFAULT
        settings->handlers = *handlers;
        settings->userdata = userdata;
}

static void copy_error(Error *to, const Error *from)
{
        error_clear(to);
        to->code = text_copy(from->code);
        to->what = text_copy(from->what);
        to->where = text_copy(from->where);
        to->why = text_copy(from->why);
        to->next = text_copy(from->next);
}

static void link_destroy(Link *link)
{
        free(link->peer.name);
        free(link->peer.fingerprint);
        free(link->peer.address);
        error_clear(&link->why);
        free(link);
}

static void say_farewell(Post *post)
{
        Link *link = CONTAINER(post, Link, farewell);
        const LinkSettings *settings = link->settings;

        if (link->owner)
                link->side->gone(link->owner, link);
        if (link->owner && (link->opened || link->side->opens_at_message))
                settings->handlers.closed(
                        settings->userdata, link->opened ? link : NULL, &link->why);
        link_destroy(link);
}

// The end of a link's work; the farewell comes from the loop.
static void finish(Link *link)
{
        if (!link->stream)
                return;
        link->closing = true;
        stream_free(TAKE_PTR(link->stream));
        event_free(TAKE_PTR(link->timer));
        newcomer_remove(&link->newcomer);
        wire_post(link->wire, &link->farewell);
}

void link_end(Link *link, const Error *why)
{
        if (!link->closing) {
                copy_error(&link->why, why);
                error_where(&link->why, "%s", link->peer.address);
        }
        finish(link);
}

void link_abandon(Link *link)
{
        link->owner = NULL;
        finish(link);
}

static int send_body(Link *link, Fleet__Frame__BodyCase body, void *message)
{
        Fleet__Frame frame = FLEET__FRAME__INIT;

        frame.body_case = body;
        frame.ping = message; // every member of the union is a pointer to a message
        return stream_send(link->stream, &frame.base, link->settings->limits.queue_bytes);
}

static void send_ping(Link *link)
{
        Fleet__Ping ping = FLEET__PING__INIT;

        ping.number = ++link->pings;
        (void)!send_body(link, FLEET__FRAME__BODY_PING, &ping);
}

// ---------------------------------------------------------------- time

typedef struct Deadline {
        int64_t at_us;
        void (*pass)(Link *link);
} Deadline;

static void pass_linger(Link *link)
{
        finish(link);
}

static void pass_quiet(Link *link)
{
        send_ping(link);
}

static void time_out(Link *link, const char *why)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        error_set(&error, -ETIMEDOUT, "timeout", "the other side does not answer");
        error_why(&error, "%s", why);
        error_next(&error, "look at the network and at the other side's log; the worker keeps "
                           "trying by itself");
        link_end(link, &error);
}

static void pass_hello(Link *link)
{
        time_out(link, "no handshake in time");
}

static void pass_dead(Link *link)
{
        time_out(link, "nothing came for too long");
}

static void pass_stalled(Link *link)
{
        time_out(link, "it takes nothing of what is sent");
}

static void earlier(Deadline *first, int64_t at_us, void (*pass)(Link *link))
{
        if (at_us < first->at_us)
                *first = (Deadline){at_us, pass};
}

// The next thing that happens to a link by time alone. A listener's own hello is the acceptor's.
static Deadline next_deadline(const Link *link)
{
        const LinkLimits *limits = &link->settings->limits;
        int64_t sent_us = stream_sent_us(link->stream);
        int64_t dead_us = limits->dead_ms * US_PER_MS;
        Deadline first = {stream_received_us(link->stream) + dead_us, pass_dead};

        if (link->closing) {
                earlier(&first, link->closing_us + LINGER_US, pass_linger);
                return first;
        }
        if (!link->opened && link->side->opens_at_message)
                earlier(&first, link->created_us + limits->hello_ms * US_PER_MS, pass_hello);
        if (stream_is_drained(link->stream))
                earlier(&first, sent_us + limits->ping_ms * US_PER_MS, pass_quiet);
        else
                earlier(&first, sent_us + dead_us, pass_stalled);
        return first;
}

static void arm_timer(Link *link)
{
        int64_t wait_us = next_deadline(link).at_us - clock_monotonic_us();
        int64_t ping_us = link->settings->limits.ping_ms * US_PER_MS;

        timer_set(link->timer, wait_us < ping_us ? wait_us : ping_us);
}

// The timer is not touched by traffic, which mostly moves deadlines later, and looks again here.
// When what was queued is with the kernel the next ping comes into sight: hence never a longer
// wait.
static void on_timer(evutil_socket_t fd, short events, void *userdata)
{
        Link *link = userdata;
        Deadline first = next_deadline(link);

        (void)fd;
        (void)events;
        if (first.at_us <= clock_monotonic_us())
                first.pass(link);
        if (link->stream)
                arm_timer(link);
}

// ---------------------------------------------------------------- what comes from the stream

static int set_peer(Link *link)
{
        EnginePeer peer;
        int r;

        stream_peer(link->stream, &peer);
        if (!peer.verified)
                return -EACCES;
        r = link->side->identify(peer.uri, &link->peer.name);
        if (r < 0)
                return r;
        link->peer.fingerprint = text_copy(peer.fingerprint);
        memcpy(link->serial, peer.serial, sizeof(link->serial));
        return 0;
}

static void set_opened(Link *link)
{
        const LinkSettings *settings = link->settings;
        int r;

        link->opened = true;
        r = settings->handlers.opened(settings->userdata, link, &link->peer);
        if (r < 0)
                link_close(link, "refused", strerror(-r));
}

static void on_connected(void *userdata)
{
        Link *link = userdata;

        if (link->closing)
                return;
        if (set_peer(link) < 0)
                link_close(link, "authentication", "the certificate names another role");
        else if (!link->side->opens_at_message)
                set_opened(link);
}

static void on_refused(Link *link, const Fleet__Refusal *refusal)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        error_set(&error, -ECONNREFUSED, *refusal->code ? refusal->code : "refused",
                "the other side refused");
        error_why(&error, "%s", refusal->message);
        link_end(link, &error);
}

static void pass_on(Link *link, const Fleet__Frame *frame)
{
        const LinkSettings *settings = link->settings;
        int r;

        newcomer_remove(&link->newcomer);
        r = settings->handlers.frame(settings->userdata, link, frame);
        if (r < 0)
                link_close(link, "protocol", "a frame that does not belong here");
}

static void on_message(void *userdata, ProtobufCMessage *message)
{
        Link *link = userdata;
        Fleet__Frame *frame = (Fleet__Frame *)message;

        if (!link->opened && !link->closing)
                set_opened(link);
        if (link->closing)
                return;
        switch (frame->body_case) {
        case FLEET__FRAME__BODY_PING:
                (void)!send_body(link, FLEET__FRAME__BODY_PONG, frame->ping);
                break;
        case FLEET__FRAME__BODY_PONG:
                break;
        case FLEET__FRAME__BODY_REFUSAL:
                on_refused(link, frame->refusal);
                break;
        case FLEET__FRAME__BODY__NOT_SET:
                link_close(link, "protocol", "a frame without a body");
                break;
        default:
                pass_on(link, frame);
        }
}

static void on_drained(void *userdata)
{
        Link *link = userdata;
        const LinkSettings *settings = link->settings;

        if (link->opened && !link->closing && settings->handlers.drained)
                settings->handlers.drained(settings->userdata, link);
}

static void on_malformed(void *userdata, const Error *why)
{
        link_close(userdata, why->code, why->why);
}

static void on_ended(void *userdata, const Error *why)
{
        link_end(userdata, why);
}

static const StreamHandlers stream_handlers = {
        .type = &fleet__frame__descriptor,
        .connected = on_connected,
        .message = on_message,
        .drained = on_drained,
        .malformed = on_malformed,
        .ended = on_ended,
};

// ---------------------------------------------------------------- for the owner and the user

Link *link_new(Wire *wire, nng_stream *take_stream, const LinkSide *side,
        const LinkSettings *settings, void *owner)
{
        Link *link = memory_new(sizeof(*link));

        link->wire = wire;
        link->side = side;
        link->settings = settings;
        link->owner = owner;
        link->farewell.run = say_farewell;
        link->created_us = clock_monotonic_us();
        link->stream =
                stream_new(wire, take_stream, settings->limits.frame_bytes, &stream_handlers, link);
        link->peer.address = stream_address(link->stream);
        link->timer = evtimer_new(wire->base, on_timer, link);
        if (!link->timer)
                abort(); // out of memory, as everywhere
        // Both sides speak at once: who hears the other knows that it was accepted.
        send_ping(link);
        arm_timer(link);
        return link;
}

const Peer *link_peer(const Link *link)
{
        return &link->peer;
}

void link_set_data(Link *link, void *data)
{
        link->data = data;
}

void *link_data(const Link *link)
{
        return link->data;
}

int link_send(Link *link, const Fleet__Frame *frame)
{
        if (link->closing)
                return -ENOTCONN;
        return stream_send(link->stream, &frame->base, link->settings->limits.queue_bytes);
}

static void say_refusal(Link *link, const char *code, const char *message)
{
        Fleet__Refusal refusal = FLEET__REFUSAL__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        refusal.code = (char *)code;
        refusal.message = (char *)message;
        frame.body_case = FLEET__FRAME__BODY_REFUSAL;
        frame.refusal = &refusal;
        // Beyond the queue's limit too: it is the last frame.
        (void)!stream_send(link->stream, &frame.base, UINT32_MAX);
}

void link_close(Link *link, const char *code, const char *message)
{
        if (link->closing)
                return;
        error_set(&link->why, -ECONNABORTED, code ? code : "closed", "we closed the connection");
        error_where(&link->why, "%s", link->peer.address);
        error_why(&link->why, "%s", message ? message : "");
        if (!code) {
                finish(link);
                return;
        }
        link->closing = true;
        link->closing_us = clock_monotonic_us();
        say_refusal(link, code, message ? message : "");
        // The peer goes when it has read this; to close with unread bytes would destroy it on its
        // way.
        stream_discard(link->stream);
        arm_timer(link);
}
