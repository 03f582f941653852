#include "hosts/fleet.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "control/dispatch.h"
#include "control/intake.h"
#include "core/session.h"

// How old "last seen" may be in the database while a host is connected.
#define SEEN_EVERY_US (60 * US_PER_SECOND)

static int on_opened(void *userdata, Link *link, const Peer *peer)
{
        Controller *controller = userdata;
        _cleanup_host_ HostRow host = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r = host_get(controller->store, peer->name, &host, &error);

        if (r < 0) {
                log_failure(LOG_ERR, &error);
                return r;
        }
        if (r == 0 || host.state != HOST_JOINED ||
                !text_equal(host.fingerprint, peer->fingerprint)) {
                log_warning("worker refused host=%s address=%s reason=unknown-certificate",
                        peer->name, peer->address);
                controller->setup->transport->close(link, "unknown-host",
                        "the controller does not know this certificate; join again");
                return 0;
        }
        session_new(controller, link, peer->name, peer->address);
        return 0;
}

static int welcome(
        Controller *controller, Session *session, const Fleet__Hello *hello, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        int r = host_get(controller->store, session->host, &host, error);

        if (r <= 0)
                return r < 0 ? r : error_set(error, -ENOENT, "no-host", "no such host");
        session->greeted = true;
        row_set_text(&host.address, session->address);
        row_set_text(&host.version, hello->version);
        blob_set(&host.facts, hello->facts ? &hello->facts->base : NULL);
        host.last_seen_us = session->seen_us = clock_now_us();
        controller_look_at_all(controller);
        log_info("worker connected host=%s address=%s version=%s", session->host, session->address,
                hello->version);
        return row_update(controller->store, &host_table, &host, error)
                       ?: dispatch_greet(controller, session, hello, error);
}

static int greet(Controller *controller, Session *session, const Fleet__Frame *frame, Error *error)
{
        const Fleet__Hello *hello = frame->hello;
        _cleanup_free_ char *message = NULL;
        Session *before = session_of_host(controller, session->host);

        if (frame->body_case != FLEET__FRAME__BODY_HELLO) {
                session_close(controller, session, "protocol", "the first frame must be a hello");
                return 0;
        }
        if (hello->protocol != FLEET_PROTOCOL) {
                message = text_format(
                        "the worker speaks protocol %u, this controller %u: install understudy "
                        "%s on the host",
                        hello->protocol, FLEET_PROTOCOL, UNDERSTUDY_VERSION);
                log_warning("worker refused host=%s reason=\"%s\"", session->host, message);
                session_close(controller, session, "protocol", message);
                return 0;
        }
        if (before)
                session_close(controller, before, "replaced", "the host has connected again");
        return welcome(controller, session, hello, error);
}

static int note_seen(Controller *controller, Session *session, Error *error)
{
        int64_t now = clock_now_us();

        if (now - session->seen_us < SEEN_EVERY_US)
                return 0;
        session->seen_us = now;
        return host_seen(controller->store, session->host, now, error);
}

static int take_facts(
        Controller *controller, Session *session, const Fleet__HostFacts *facts, Error *error)
{
        Blob packed = {0};
        int r;

        blob_set(&packed, &facts->base);
        r = host_set_facts(controller->store, session->host, &packed, error);
        free(packed.data);
        return r;
}

static int take_frame(
        Controller *controller, Session *session, const Fleet__Frame *frame, Error *error)
{
        int r = note_seen(controller, session, error);

        if (r < 0)
                return r;
        if (!session->greeted)
                return greet(controller, session, frame, error);
        if (frame->body_case == FLEET__FRAME__BODY_ACCEPTED)
                return intake_accepted(controller, session, frame->accepted->task, error);
        if (frame->body_case == FLEET__FRAME__BODY_EVENT)
                return intake_event(controller, session, frame->event, error);
        if (frame->body_case == FLEET__FRAME__BODY_FACTS)
                return take_facts(controller, session, frame->facts, error);
        session_close(controller, session, "protocol", "a worker does not send such frames");
        return 0;
}

static int on_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        Controller *controller = userdata;
        Session *session = session_of_link(controller, link);
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (!session || session->closing)
                return 0;
        if (frame->body_case == FLEET__FRAME__BODY_PING ||
                frame->body_case == FLEET__FRAME__BODY_PONG)
                return 0;
        if (frame->body_case == FLEET__FRAME__BODY_REFUSAL) {
                log_warning("worker refuses host=%s code=%s message=\"%s\"", session->host,
                        frame->refusal->code, frame->refusal->message);
                return 0;
        }
        if (controller_begin(controller, &error) < 0 ||
                take_frame(controller, session, frame, &error) < 0)
                controller_abandon(controller, &error);
        return 0;
}

static void on_drained(void *userdata, Link *link)
{
        Controller *controller = userdata;
        Session *session = session_of_link(controller, link);

        // What a turn under way has queued is not committed yet.
        if (session && !store_is_open(controller->store))
                session_flush(controller, session);
}

static void on_closed(void *userdata, Link *link, const Error *why)
{
        Controller *controller = userdata;
        Session *session = session_of_link(controller, link);
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *line = error_line(why);

        if (!session)
                return;
        log_info("worker gone host=%s reason=\"%s\"", session->host, line);
        if (session->greeted &&
                (controller_begin(controller, &error) < 0 ||
                        host_seen(controller->store, session->host, clock_now_us(), &error) < 0))
                controller_abandon(controller, &error);
        session_free(controller, session);
}

const LinkHandlers fleet_handlers = {
        .opened = on_opened,
        .frame = on_frame,
        .drained = on_drained,
        .closed = on_closed,
};
