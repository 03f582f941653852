// A controller's and a worker's end of the wire in one process, with a PKI of their own.
#ifndef UNDERSTUDY_TESTS_WIRE_FIXTURE_H
#define UNDERSTUDY_TESTS_WIRE_FIXTURE_H

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/text.h"
#include "test.h"
#include "wire/link.h"
#include "wire/pki.h"

#define PATIENCE_S 30 // a test that waits longer has failed

typedef struct Pki {
        char *authority, *authority_key;
        char *controller, *controller_key;
} Pki;

// A host's credentials.
typedef struct Host {
        char *certificate, *key;
} Host;

static inline Pki pki_new(void)
{
        Pki pki;

        assert_int_equal(pki_make_authority(&pki.authority, &pki.authority_key, NULL), 0);
        assert_int_equal(pki_issue_controller(pki.authority, pki.authority_key, &pki.controller,
                                 &pki.controller_key, NULL),
                0);
        return pki;
}

static inline void pki_clear(Pki *pki)
{
        free(pki->authority);
        free(pki->authority_key);
        free(pki->controller);
        free(pki->controller_key);
}

static inline Host host_new(const Pki *pki, const char *name, int days)
{
        _cleanup_free_ uint8_t *request = NULL;
        size_t size;
        Host host;

        assert_int_equal(pki_make_request(&host.key, &request, &size, NULL), 0);
        assert_int_equal(pki_sign_host(pki->authority, pki->authority_key, request, size, name,
                                 days, &host.certificate, NULL),
                0);
        return host;
}

static inline void host_clear(Host *host)
{
        free(host->certificate);
        free(host->key);
}

static inline int send_hello(Link *link, const char *version)
{
        Fleet__Hello hello = FLEET__HELLO__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        hello.version = (char *)version;
        frame.body_case = FLEET__FRAME__BODY_HELLO;
        frame.hello = &hello;
        return link_send(link, &frame);
}

// What one side saw. Counters are added up over all its links.
typedef struct Side {
        unsigned opened, frames, drained, closed, failed;
        Link *link;      // the one opened last; NULL once closed
        char *peer_name; // of the last opened
        char *fingerprint;
        char *text; // of the last event's log line or the last hello's version
        char *code; // of the last closed or failed
        char *why;
        int open_result, frame_result;
        bool greets; // says hello as soon as it is connected
        bool echo;   // sends each frame back
} Side;

static inline void side_clear(Side *side)
{
        free(side->peer_name);
        free(side->fingerprint);
        free(side->text);
        free(side->code);
        free(side->why);
        *side = (Side){0};
}

static inline int side_opened(void *userdata, Link *link, const Peer *peer)
{
        Side *side = userdata;

        side->opened++;
        side->link = link;
        free(side->peer_name);
        free(side->fingerprint);
        side->peer_name = text_copy(peer->name);
        side->fingerprint = text_copy(peer->fingerprint);
        if (side->greets)
                assert_int_equal(send_hello(link, "greeting"), 0);
        return side->open_result;
}

static inline int side_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        Side *side = userdata;

        side->frames++;
        if (frame->body_case == FLEET__FRAME__BODY_HELLO) {
                free(side->text);
                side->text = text_copy(frame->hello->version);
        }
        if (side->echo)
                assert_int_equal(link_send(link, frame), 0);
        return side->frame_result;
}

static inline void side_drained(void *userdata, Link *link)
{
        Side *side = userdata;

        (void)link;
        side->drained++;
}

static inline void side_closed(void *userdata, Link *link, const Error *why)
{
        Side *side = userdata;

        if (link)
                side->closed++;
        else
                side->failed++;
        if (link == side->link)
                side->link = NULL;
        free(side->code);
        free(side->why);
        side->code = text_copy(why->code);
        side->why = text_copy(why->why);
}

static const LinkHandlers side_handlers = {
        .opened = side_opened,
        .frame = side_frame,
        .drained = side_drained,
        .closed = side_closed,
};

typedef struct Fixture {
        struct event_base *base;
        Wire *wire;
        Pki pki;
        Host host;
        Listener *listener;
        Dialer *dialer;
        Side controller, worker;
} Fixture;

static inline void fixture_init(Fixture *fixture)
{
        *fixture = (Fixture){.base = event_base_new(), .pki = pki_new()};
        fixture->host = host_new(&fixture->pki, "web1", 1);
        assert_int_equal(wire_new(fixture->base, &fixture->wire, NULL), 0);
}

static inline void fixture_clear(Fixture *fixture)
{
        wire_free(fixture->wire);
        event_base_free(fixture->base);
        pki_clear(&fixture->pki);
        host_clear(&fixture->host);
        side_clear(&fixture->controller);
        side_clear(&fixture->worker);
}

static inline void fixture_listen_at(
        Fixture *fixture, const char *address, const char *revoked, const LinkLimits *limits)
{
        Credentials credentials = {
                .authority = fixture->pki.authority,
                .certificate = fixture->pki.controller,
                .key = fixture->pki.controller_key,
                .revoked = revoked,
        };
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (wire_listen(fixture->wire, address, &credentials, limits, &side_handlers,
                    &fixture->controller, &fixture->listener, &error) < 0)
                fail_msg("%s", error_line(&error));
}

static inline void fixture_listen(Fixture *fixture, const LinkLimits *limits)
{
        fixture_listen_at(fixture, "127.0.0.1:0", NULL, limits);
}

static inline void fixture_dial_as(
        Fixture *fixture, const Pki *pki, const Host *host, const LinkLimits *limits)
{
        Credentials credentials = {
                .authority = pki->authority,
                .certificate = host->certificate,
                .key = host->key,
        };
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (wire_dial(fixture->wire, listener_address(fixture->listener), &credentials, limits,
                    &side_handlers, &fixture->worker, &fixture->dialer, &error) < 0)
                fail_msg("%s", error_line(&error));
}

static inline void fixture_dial(Fixture *fixture, const LinkLimits *limits)
{
        fixture_dial_as(fixture, &fixture->pki, &fixture->host, limits);
}

static inline void out_of_patience(evutil_socket_t fd, short events, void *userdata)
{
        (void)fd;
        (void)events;
        fail_msg("waited too long for: %s", (const char *)userdata);
}

static inline void tick(evutil_socket_t fd, short events, void *userdata)
{
        (void)fd;
        (void)events;
        (void)userdata;
}

// Runs the loop until the condition holds.
#define RUN_UNTIL(fixture, condition)                                                              \
        do {                                                                                       \
                struct timeval _patience = {.tv_sec = PATIENCE_S}, _tick = {.tv_usec = 5000};      \
                struct event *_guard =                                                             \
                        evtimer_new((fixture)->base, out_of_patience, (void *)#condition);         \
                struct event *_ticker = event_new((fixture)->base, -1, EV_PERSIST, tick, NULL);    \
                event_add(_guard, &_patience);                                                     \
                event_add(_ticker, &_tick);                                                        \
                while (!(condition))                                                               \
                        event_base_loop((fixture)->base, EVLOOP_ONCE);                             \
                event_free(_guard);                                                                \
                event_free(_ticker);                                                               \
        } while (0)

static inline void run_for_ms(Fixture *fixture, int64_t ms)
{
        int64_t end_us = clock_monotonic_us() + ms * US_PER_MS;

        RUN_UNTIL(fixture, clock_monotonic_us() >= end_us);
}

// A plain TCP connection to "127.0.0.1:PORT".
static inline int raw_connect(const char *address)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint64_t port;

        assert_int_equal(text_parse_u64(strrchr(address, ':') + 1, &port), 0);
        to.sin_port = htons((uint16_t)port);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

// A pair of links that know each other.
static inline void fixture_connect(Fixture *fixture, const LinkLimits *limits)
{
        fixture_listen(fixture, limits);
        fixture_dial(fixture, limits);
        RUN_UNTIL(fixture, fixture->worker.link);
        assert_int_equal(send_hello(fixture->worker.link, "first"), 0);
        RUN_UNTIL(fixture, fixture->controller.frames == 1);
}

#endif
