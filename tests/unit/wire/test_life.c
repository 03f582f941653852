// Links over time: silence, full queues, coming back.
#include <signal.h>

#include "wire/client.h"
#include "wire/frame.h"

static const char hello_frame[] = "\0\0\0\2\012\0"; // an empty Hello

// A host that said hello and then neither reads nor writes.
static void stall_start(Fixture *fixture, Client *client)
{
        *client = (Client){.host = &fixture->host, .bytes = hello_frame, .size = 6};
        atomic_store(&client->stalls, true);
        client_start(client, fixture);
        RUN_UNTIL(fixture, fixture->controller.frames == 1);
}

static void a_peer_that_stalls_fills_the_queue_and_no_more(void **state)
{
        enum { FRAME = 64 << 10, QUEUE = 1 << 20, KERNEL_AT_MOST = 16 << 20 };
        _cleanup_free_ char *text = memory_new(FRAME + 1);
        LinkLimits limits = {.queue_bytes = QUEUE};
        Fixture fixture;
        Client client;
        size_t taken = 0;
        int r = 0;

        (void)state;
        memset(text, 'x', FRAME);
        fixture_init(&fixture);
        fixture_listen(&fixture, &limits);
        stall_start(&fixture, &client);
        while (r == 0 && taken < 4 * KERNEL_AT_MOST) {
                event_base_loop(fixture.base, EVLOOP_NONBLOCK);
                r = send_hello(fixture.controller.link, text);
                taken += FRAME;
        }
        run_for_ms(&fixture, 100);
        while ((r = send_hello(fixture.controller.link, text)) == 0 && taken < 4 * KERNEL_AT_MOST)
                taken += FRAME;
        assert_int_equal(r, -ENOBUFS);
        assert_in_range(taken, QUEUE, QUEUE + KERNEL_AT_MOST);
        // And when it reads again all goes on.
        fixture.controller.drained = 0;
        atomic_store(&client.stalls, false);
        RUN_UNTIL(&fixture, fixture.controller.drained > 0);
        assert_int_equal(send_hello(fixture.controller.link, text), 0);
        link_close(fixture.controller.link, NULL, NULL);
        client_finish(&client, &fixture);
        assert_in_range(client.received, QUEUE, 2 * KERNEL_AT_MOST);
        fixture_clear(&fixture);
}

static void a_stalled_peer_does_not_hold_up_its_own_refusal(void **state)
{
        _cleanup_free_ char *text = memory_new(1 << 20);
        Fixture fixture;
        Client client;
        int64_t start_us;

        (void)state;
        memset(text, 'x', (1 << 20) - 1);
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        stall_start(&fixture, &client);
        while (send_hello(fixture.controller.link, text) == 0)
                event_base_loop(fixture.base, EVLOOP_NONBLOCK);
        start_us = clock_monotonic_us();
        link_close(fixture.controller.link, "replaced", "");
        RUN_UNTIL(&fixture, fixture.controller.closed == 1);
        assert_in_range(clock_monotonic_us() - start_us, 0, 5 * US_PER_SECOND);
        atomic_store(&client.stalls, false);
        client_finish(&client, &fixture);
        fixture_clear(&fixture);
}

static void a_frame_over_the_cap_is_not_sent(void **state)
{
        LinkLimits limits = {.frame_bytes = 1000};
        _cleanup_free_ char *text = memory_new(1001);
        Fixture fixture;

        (void)state;
        memset(text, 'x', 1000);
        fixture_init(&fixture);
        fixture_connect(&fixture, &limits);
        assert_int_equal(send_hello(fixture.worker.link, text), -EMSGSIZE);
        assert_int_equal(send_hello(fixture.worker.link, "short"), 0);
        RUN_UNTIL(&fixture, fixture.controller.frames == 2);
        fixture_clear(&fixture);
}

static void a_silent_peer_is_dead_after_its_time(void **state)
{
        int64_t start_us;
        Fixture fixture;
        Client client;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.ping_ms = 100, .dead_ms = 300});
        stall_start(&fixture, &client);
        start_us = clock_monotonic_us();
        RUN_UNTIL(&fixture, fixture.controller.closed == 1);
        assert_in_range(clock_monotonic_us() - start_us, 200 * US_PER_MS, 3 * US_PER_SECOND);
        assert_string_equal(fixture.controller.code, "timeout");
        atomic_store(&client.stalls, false);
        client_finish(&client, &fixture);
        fixture_clear(&fixture);
}

static void an_idle_side_pings_again_and_again(void **state)
{
        enum { PING_BYTES = FRAME_HEADER_BYTES + 4 };
        Fixture fixture;
        Client client;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.ping_ms = 20, .dead_ms = 2000});
        stall_start(&fixture, &client);
        atomic_store(&client.stalls, false); // reads, and says nothing: 100 pings until it is dead
        client_finish(&client, &fixture);
        assert_in_range(client.received, 30 * PING_BYTES, 101 * PING_BYTES);
        fixture_clear(&fixture);
}

static void pings_keep_an_idle_link_alive(void **state)
{
        LinkLimits limits = {.ping_ms = 30, .dead_ms = 1000};
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, &limits);
        run_for_ms(&fixture, 2500);
        assert_int_equal(fixture.controller.closed + fixture.worker.closed, 0);
        assert_int_equal(fixture.controller.frames, 1); // pings and pongs stay inside
        fixture_clear(&fixture);
}

// ---------------------------------------------------------------- coming back

static int listen_without_accepting(char address[32])
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(at);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
        snprintf(address, 32, "127.0.0.1:%u", ntohs(at.sin_port));
        return fd;
}

static void dial_address(Fixture *fixture, const char *address, const LinkLimits *limits)
{
        Credentials credentials = {
                .authority = fixture->pki.authority,
                .certificate = fixture->host.certificate,
                .key = fixture->host.key,
        };

        assert_int_equal(wire_dial(fixture->wire, address, &credentials, limits, &side_handlers,
                                 &fixture->worker, &fixture->dialer, NULL),
                0);
}

static void a_controller_that_does_not_answer_is_given_up_at_the_deadline(void **state)
{
        Fixture fixture;
        char address[32];
        int fd;

        (void)state;
        fixture_init(&fixture);
        fd = listen_without_accepting(address);
        dial_address(&fixture, address, &(LinkLimits){.hello_ms = 200, .redial_first_ms = 1});
        RUN_UNTIL(&fixture, fixture.worker.failed == 2);
        assert_string_equal(fixture.worker.code, "timeout");
        close(fd);
        fixture_clear(&fixture);
}

static void waits_between_attempts_are_random_within_half_of_the_time_away(void **state)
{
        enum { ATTEMPTS = 20, FIRST_MS = 40, LAST_MS = 160, SLACK_MS = 150 };
        LinkLimits limits = {.redial_first_ms = FIRST_MS, .redial_last_ms = LAST_MS};
        int64_t began_us = clock_monotonic_us(), before_us, longest_us = 0;
        char address[32];
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        close(listen_without_accepting(address));
        dial_address(&fixture, address, &limits);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1);
        assert_string_equal(fixture.worker.code, "unreachable");
        before_us = clock_monotonic_us();
        for (unsigned i = 2; i <= ATTEMPTS; i++) {
                int64_t bound_us = (before_us - began_us) / 2;
                int64_t wait_us;

                bound_us = bound_us < FIRST_MS * US_PER_MS ? FIRST_MS * US_PER_MS : bound_us;
                bound_us = bound_us > LAST_MS * US_PER_MS ? LAST_MS * US_PER_MS : bound_us;
                RUN_UNTIL(&fixture, fixture.worker.failed == i);
                wait_us = clock_monotonic_us() - before_us;
                before_us += wait_us;
                assert_in_range(wait_us, 0, bound_us + SLACK_MS * US_PER_MS);
                longest_us = wait_us > longest_us ? wait_us : longest_us;
        }
        assert_true(longest_us > FIRST_MS * US_PER_MS);
        fixture_clear(&fixture);
}

static void a_worker_comes_back_to_a_controller_that_was_restarted(void **state)
{
        _cleanup_free_ char *address = NULL;
        LinkLimits limits = {.redial_first_ms = 20, .redial_last_ms = 100};
        struct event_base *base = event_base_new();
        Fixture fixture;
        Wire *first;

        (void)state;
        fixture_init(&fixture);
        first = fixture.wire; // the controller's, which ends
        assert_int_equal(wire_new(fixture.base, &fixture.wire, NULL), 0);
        Wire *worker = fixture.wire;
        fixture.wire = first;
        fixture_listen(&fixture, NULL);
        address = text_copy(listener_address(fixture.listener));
        fixture.wire = worker;
        dial_address(&fixture, address, &limits);
        RUN_UNTIL(&fixture, fixture.worker.opened == 1 && fixture.controller.opened == 1);
        wire_free(first);
        RUN_UNTIL(&fixture, fixture.worker.closed == 1 && fixture.worker.failed > 0);
        fixture_listen_at(&fixture, address, NULL, NULL);
        RUN_UNTIL(&fixture, fixture.worker.opened == 2 && fixture.controller.opened == 2);
        event_base_free(base);
        fixture_clear(&fixture);
}

// ---------------------------------------------------------------- ends in odd places

static void nothing_is_called_once_the_wire_is_freed(void **state)
{
        (void)state;
        for (int turns = 0; turns < 40; turns++) {
                Fixture fixture;

                fixture_init(&fixture);
                fixture.controller.echo = true;
                fixture_listen(&fixture, NULL);
                fixture_dial(&fixture, NULL);
                // Each time a little further: dialing, in the handshake, open, with frames under
                // way.
                for (int i = 0; i < turns; i++) {
                        event_base_loop(fixture.base, EVLOOP_NONBLOCK);
                        usleep(300);
                        if (fixture.worker.link)
                                (void)!send_hello(fixture.worker.link, "more");
                }
                fixture_clear(&fixture);
        }
}

static void free_dialer(void *userdata, Link *link, const Error *why)
{
        Fixture *fixture = userdata;

        side_closed(&fixture->worker, link, why);
        dialer_free(fixture->dialer);
}

static int fixture_opened(void *userdata, Link *link, const Peer *peer)
{
        Fixture *fixture = userdata;

        return side_opened(&fixture->worker, link, peer);
}

static int fixture_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        (void)userdata;
        (void)frame;
        link_close(link, NULL, NULL);
        return 0;
}

static void a_dialer_can_be_freed_in_its_own_callback(void **state)
{
        static const LinkHandlers handlers = {
                .opened = fixture_opened,
                .frame = fixture_frame,
                .closed = free_dialer,
        };
        Fixture fixture;

        (void)state;
        for (int reachable = 0; reachable < 2; reachable++) {
                fixture_init(&fixture);
                Credentials credentials = {
                        .authority = fixture.pki.authority,
                        .certificate = fixture.host.certificate,
                        .key = fixture.host.key,
                };
                fixture.controller.echo = true;
                fixture_listen(&fixture, NULL);
                assert_int_equal(
                        wire_dial(fixture.wire,
                                reachable ? listener_address(fixture.listener) : "127.0.0.1:1",
                                &credentials, NULL, &handlers, &fixture, &fixture.dialer, NULL),
                        0);
                if (reachable) {
                        RUN_UNTIL(&fixture, fixture.worker.link);
                        assert_int_equal(send_hello(fixture.worker.link, "end"), 0);
                }
                RUN_UNTIL(&fixture, fixture.worker.closed + fixture.worker.failed == 1);
                run_for_ms(&fixture, 50);
                assert_int_equal(fixture.worker.closed + fixture.worker.failed, 1);
                fixture_clear(&fixture);
        }
}

static void many_hosts_talk_at_once(void **state)
{
        enum { HOSTS = 150 };
        Side *sides = memory_new(HOSTS * sizeof(*sides));
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture.controller.echo = true;
        fixture_listen(&fixture, NULL);
        Credentials credentials = {
                .authority = fixture.pki.authority,
                .certificate = fixture.host.certificate,
                .key = fixture.host.key,
        };
        for (int i = 0; i < HOSTS; i++) {
                Dialer *dialer;

                sides[i].greets = true;
                assert_int_equal(
                        wire_dial(fixture.wire, listener_address(fixture.listener), &credentials,
                                NULL, &side_handlers, &sides[i], &dialer, NULL),
                        0);
        }
        for (int i = 0; i < HOSTS; i++)
                RUN_UNTIL(&fixture, sides[i].frames > 0);
        assert_true(fixture.controller.frames >= HOSTS);
        fixture_clear(&fixture);
        for (int i = 0; i < HOSTS; i++)
                side_clear(&sides[i]);
        free(sides);
}

static void credentials_that_do_not_fit_are_refused_in_words(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        Fixture fixture;
        Dialer *dialer;

        (void)state;
        fixture_init(&fixture);
        Credentials wrong = {
                .authority = fixture.pki.authority,
                .certificate = fixture.host.certificate,
                .key = fixture.pki.controller_key,
        };
        assert_int_equal(wire_dial(fixture.wire, "127.0.0.1:1", &wrong, NULL, &side_handlers,
                                 &fixture.worker, &dialer, &error),
                -EINVAL);
        assert_string_equal(error.code, "bad-certificate");
        assert_non_null(error.next);
        assert_int_equal(wire_listen(fixture.wire, "192.0.2.1:7700", &wrong, NULL, &side_handlers,
                                 &fixture.controller, &fixture.listener, &error),
                -EINVAL);
        fixture_clear(&fixture);
}

static void an_address_that_is_taken_is_refused_in_words(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        Listener *second;
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        Credentials credentials = {
                .authority = fixture.pki.authority,
                .certificate = fixture.pki.controller,
                .key = fixture.pki.controller_key,
        };
        assert_int_equal(wire_listen(fixture.wire, listener_address(fixture.listener), &credentials,
                                 NULL, &side_handlers, &fixture.controller, &second, &error),
                -EADDRINUSE);
        assert_string_equal(error.code, "listen");
        assert_string_equal(error.where, listener_address(fixture.listener));
        fixture_clear(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_peer_that_stalls_fills_the_queue_and_no_more),
                cmocka_unit_test(a_stalled_peer_does_not_hold_up_its_own_refusal),
                cmocka_unit_test(a_frame_over_the_cap_is_not_sent),
                cmocka_unit_test(a_silent_peer_is_dead_after_its_time),
                cmocka_unit_test(an_idle_side_pings_again_and_again),
                cmocka_unit_test(pings_keep_an_idle_link_alive),
                cmocka_unit_test(a_controller_that_does_not_answer_is_given_up_at_the_deadline),
                cmocka_unit_test(waits_between_attempts_are_random_within_half_of_the_time_away),
                cmocka_unit_test(a_worker_comes_back_to_a_controller_that_was_restarted),
                cmocka_unit_test(nothing_is_called_once_the_wire_is_freed),
                cmocka_unit_test(a_dialer_can_be_freed_in_its_own_callback),
                cmocka_unit_test(many_hosts_talk_at_once),
                cmocka_unit_test(credentials_that_do_not_fit_are_refused_in_words),
                cmocka_unit_test(an_address_that_is_taken_is_refused_in_words),
        };

        signal(SIGPIPE, SIG_IGN); // for the test's own client; the library needs no such help
        return cmocka_run_group_tests(tests, NULL, NULL);
}
