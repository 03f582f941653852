// What strangers, and hosts with a certificate, can do to a listener.
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/resource.h>

#include "wire/client.h"

static void assert_good_host_still_served(Fixture *fixture)
{
        unsigned frames = fixture->controller.frames;

        fixture->worker.link = NULL;
        fixture_dial(fixture, NULL);
        RUN_UNTIL(fixture, fixture->worker.link);
        assert_int_equal(send_hello(fixture->worker.link, "good"), 0);
        RUN_UNTIL(fixture, fixture->controller.frames > frames);
        assert_string_equal(fixture->controller.text, "good");
}

// ---------------------------------------------------------------- who may come in

static void a_host_of_another_authority_is_kept_out(void **state)
{
        Pki other = pki_new();
        Host stranger = host_new(&other, "web1", 1);
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        Pki mixed = {.authority = fixture.pki.authority};
        fixture_dial_as(&fixture, &mixed, &stranger, NULL);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1);
        assert_int_equal(fixture.worker.opened + fixture.controller.opened, 0);
        pki_clear(&other);
        host_clear(&stranger);
        fixture_clear(&fixture);
}

static void a_controller_of_another_authority_is_not_trusted(void **state)
{
        Pki other = pki_new();
        Host host = host_new(&other, "web1", 1);
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        fixture_dial_as(&fixture, &other, &host, NULL);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1);
        assert_string_equal(fixture.worker.code, "authentication");
        assert_int_equal(fixture.worker.opened + fixture.controller.opened, 0);
        pki_clear(&other);
        host_clear(&host);
        fixture_clear(&fixture);
}

static void a_client_without_a_certificate_is_kept_out(void **state)
{
        Client client = {0};
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        client_start(&client, &fixture);
        client_finish(&client, &fixture);
        assert_int_equal(client.received, 0);
        assert_int_equal(fixture.controller.opened, 0);
        assert_good_host_still_served(&fixture);
        fixture_clear(&fixture);
}

static void a_client_of_tls_1_2_is_kept_out(void **state)
{
        Client client = {.version = TLS1_2_VERSION};
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        client.host = &fixture.host;
        client_start(&client, &fixture);
        client_finish(&client, &fixture);
        assert_false(client.shook_hands);
        client.version = 0; // the same client is let in with TLS 1.3
        client.closes = true;
        atomic_store(&client.done, false);
        client_start(&client, &fixture);
        client_finish(&client, &fixture);
        assert_true(client.shook_hands);
        fixture_clear(&fixture);
}

static void an_expired_certificate_is_kept_out(void **state)
{
        Fixture fixture;
        Host expired;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        expired = host_new(&fixture.pki, "web1", -1);
        fixture_dial_as(&fixture, &fixture.pki, &expired, NULL);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1);
        assert_int_equal(fixture.worker.opened + fixture.controller.opened, 0);
        host_clear(&expired);
        fixture_clear(&fixture);
}

static char *list_with(const Fixture *fixture, const char *certificate)
{
        char *revoked;

        assert_int_equal(pki_revoke(fixture->pki.authority, fixture->pki.authority_key, NULL,
                                 certificate, &revoked, NULL),
                0);
        return revoked;
}

static void a_revoked_certificate_is_kept_out_and_others_come_in(void **state)
{
        _cleanup_free_ char *revoked = NULL;
        Fixture fixture;
        Host bad;

        (void)state;
        fixture_init(&fixture);
        bad = host_new(&fixture.pki, "web2", 1);
        revoked = list_with(&fixture, bad.certificate);
        fixture_listen_at(&fixture, "127.0.0.1:0", revoked, NULL);
        fixture_dial_as(&fixture, &fixture.pki, &bad, NULL);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1);
        assert_int_equal(fixture.worker.opened + fixture.controller.opened, 0);
        dialer_free(fixture.dialer);
        assert_good_host_still_served(&fixture);
        assert_string_equal(fixture.controller.peer_name, "web1");
        host_clear(&bad);
        fixture_clear(&fixture);
}

static void revoking_closes_the_links_of_that_certificate_only(void **state)
{
        _cleanup_free_ char *none = NULL, *revoked = NULL;
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        none = list_with(&fixture, NULL);
        revoked = list_with(&fixture, fixture.host.certificate);
        fixture_connect(&fixture, NULL);
        assert_int_equal(listener_revoke(fixture.listener, none, NULL), 0);
        assert_int_equal(send_hello(fixture.worker.link, "still there"), 0);
        RUN_UNTIL(&fixture, fixture.controller.frames == 2);
        assert_int_equal(listener_revoke(fixture.listener, revoked, NULL), 0);
        RUN_UNTIL(&fixture, fixture.controller.closed == 1 && fixture.worker.closed == 1);
        assert_string_equal(fixture.worker.code, "revoked");
        assert_int_equal(fixture.controller.opened, 1);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1); // and it does not come in again
        assert_int_equal(fixture.controller.opened, 1);
        fixture_clear(&fixture);
}

static void a_revocation_list_that_cannot_be_read_changes_nothing(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, NULL);
        assert_int_equal(listener_revoke(fixture.listener, "garbage", &error), -EINVAL);
        assert_string_equal(error.code, "bad-certificate");
        assert_int_equal(send_hello(fixture.worker.link, "still there"), 0);
        RUN_UNTIL(&fixture, fixture.controller.frames == 2);
        fixture_clear(&fixture);
}

// A certificate of the fleet's authority, for both roles, with the names that are wanted.
static Host forge(const Pki *pki, const char *names)
{
        _cleanup_(X509_freep) X509 *authority = certificate_from_pem(pki->authority);
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *authority_key = key_from_pem(pki->authority_key);
        _cleanup_(X509_freep) X509 *certificate = X509_new();
        Host host = host_new(pki, "web1", 1);
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_from_pem(host.key);
        _cleanup_free_ uint8_t *der = NULL;
        unsigned char *end;
        int size;

        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
        X509_set_issuer_name(certificate, X509_get_subject_name(authority));
        X509_set_pubkey(certificate, key);
        if (names) {
                X509_EXTENSION *extension =
                        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

                assert_non_null(extension);
                X509_add_ext(certificate, extension, -1);
                X509_EXTENSION_free(extension);
        }
        assert_true(X509_sign(certificate, authority_key, EVP_sha256()));
        size = i2d_X509(certificate, NULL);
        der = end = memory_new((size_t)size);
        i2d_X509(certificate, &end);
        free(host.certificate);
        assert_int_equal(pki_to_pem(der, (size_t)size, &host.certificate), 0);
        return host;
}

static void a_certificate_that_names_no_host_is_kept_out(void **state)
{
        static const char *const names[] = {NULL, "DNS:web1", "URI:understudy://controller",
                "URI:understudy://host/", "URI:understudy://host/..", "URI:understudy://host/a/b",
                "URI:https://host/web1", "URI:understudy://host/a,URI:understudy://host/b"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                Fixture fixture;
                Host host;

                fixture_init(&fixture);
                fixture_listen(&fixture, NULL);
                host = forge(&fixture.pki, names[i]);
                fixture_dial_as(&fixture, &fixture.pki, &host, NULL);
                RUN_UNTIL(&fixture, fixture.worker.closed + fixture.worker.failed == 1);
                assert_int_equal(fixture.controller.opened, 0);
                assert_string_equal(fixture.worker.code, "authentication");
                host_clear(&host);
                fixture_clear(&fixture);
        }
}

static void a_host_cannot_pose_as_the_controller(void **state)
{
        static const char *const names[] = {"URI:understudy://host/web1", NULL};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                Fixture fixture;
                Host host;

                fixture_init(&fixture);
                host = forge(&fixture.pki, names[i]);
                free(fixture.pki.controller);
                free(fixture.pki.controller_key);
                fixture.pki.controller = text_copy(host.certificate);
                fixture.pki.controller_key = text_copy(host.key);
                fixture_listen(&fixture, NULL);
                fixture_dial(&fixture, NULL);
                RUN_UNTIL(&fixture, fixture.worker.failed == 1);
                assert_string_equal(fixture.worker.code, "authentication");
                assert_int_equal(fixture.worker.opened, 0);
                host_clear(&host);
                fixture_clear(&fixture);
        }
}

static void a_host_certificate_serves_no_server_and_the_other_way_round(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        Host controller = {fixture.pki.controller, fixture.pki.controller_key};
        fixture_dial_as(&fixture, &fixture.pki, &controller, NULL);
        RUN_UNTIL(&fixture, fixture.worker.failed == 1);
        assert_int_equal(fixture.controller.opened, 0);
        fixture_clear(&fixture);
}

// ---------------------------------------------------------------- what an authenticated host can
// send

// The listener tells a host of its fault, then closes; and serves others.
static void assert_ends_link(const void *bytes, size_t size, const char *code, bool closes)
{
        Client client = {.bytes = bytes, .size = size, .closes = closes};
        Fixture fixture;

        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        client.host = &fixture.host;
        client_start(&client, &fixture);
        RUN_UNTIL(&fixture, fixture.controller.closed == 1);
        client_finish(&client, &fixture);
        assert_string_equal(fixture.controller.code, code);
        assert_int_equal(fixture.controller.frames, 0);
        assert_int_equal(client.received > 0, !closes);
        assert_good_host_still_served(&fixture);
        fixture_clear(&fixture);
}

static void a_frame_over_the_cap_ends_the_connection(void **state)
{
        (void)state;
        assert_ends_link("\177\377\377\377", 4, "protocol", false);
}

static void garbage_for_a_message_ends_the_connection(void **state)
{
        (void)state;
        assert_ends_link("\0\0\0\4\377\377\377\377", 8, "protocol", false);
}

// A Hello of two million tasks of no bytes.
static void a_frame_that_unpacks_to_many_times_its_size_ends_the_connection(void **state)
{
        // 4000005 bytes, 4000000 of them in the Hello
        static const uint8_t head[] = {0, 0x3d, 0x09, 0x05, 0x0a, 0x80, 0x92, 0xf4, 0x01};
        static const size_t size = sizeof(head) + 4000000;
        _cleanup_free_ uint8_t *frame = memory_new(size);

        (void)state;
        memcpy(frame, head, sizeof(head));
        for (size_t i = sizeof(head); i < size; i += 2)
                frame[i] = 0x22;
        assert_ends_link(frame, size, "protocol", false);
}

static void a_frame_without_a_body_ends_the_connection(void **state)
{
        (void)state;
        assert_ends_link("\0\0\0\0", 4, "protocol", false);
}

static void a_connection_lost_inside_a_frame_is_a_disconnection(void **state)
{
        (void)state;
        assert_ends_link("\0\0\0\4\012", 5, "disconnected", true);
}

static void a_frame_the_user_refuses_ends_the_connection(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture.controller.frame_result = -EPROTO;
        fixture_connect(&fixture, NULL);
        RUN_UNTIL(&fixture, fixture.worker.closed == 1);
        assert_string_equal(fixture.worker.code, "protocol");
        fixture_clear(&fixture);
}

static void a_peer_the_user_refuses_hears_so_and_is_closed(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture.controller.open_result = -EACCES;
        fixture_listen(&fixture, NULL);
        fixture_dial(&fixture, NULL);
        RUN_UNTIL(&fixture, fixture.controller.closed == 1 && fixture.worker.closed == 1);
        assert_string_equal(fixture.worker.code, "refused");
        assert_string_equal(fixture.worker.why, strerror(EACCES));
        fixture_clear(&fixture);
}

// ---------------------------------------------------------------- silence and numbers

static void a_hello_that_trickles_in_is_cut_off_at_the_deadline(void **state)
{
        char trickle[1000] = {0, 0, 2, 0, 12};
        Client client = {.bytes = trickle, .size = sizeof(trickle), .slow_ms = 20};
        int64_t start_us = clock_monotonic_us();
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.hello_ms = 300});
        client.host = &fixture.host;
        client_start(&client, &fixture);
        RUN_UNTIL(&fixture, fixture.controller.closed == 1);
        assert_in_range(clock_monotonic_us() - start_us, 300 * US_PER_MS, 3 * US_PER_SECOND);
        assert_string_equal(fixture.controller.code, "timeout");
        client_finish(&client, &fixture);
        fixture_clear(&fixture);
}

static void pings_alone_are_no_hello(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.hello_ms = 300, .ping_ms = 20});
        fixture_dial(&fixture, &(LinkLimits){.ping_ms = 20});
        RUN_UNTIL(&fixture, fixture.worker.closed == 1);
        assert_string_equal(fixture.worker.code, "timeout");
        assert_int_equal(fixture.controller.frames, 0);
        fixture_clear(&fixture);
}

static void a_connection_that_says_nothing_is_closed_at_the_deadline(void **state)
{
        int64_t start_us = clock_monotonic_us();
        Fixture fixture;
        char byte;
        int fd;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.hello_ms = 200});
        fd = raw_connect(listener_address(fixture.listener));
        RUN_UNTIL(&fixture, recv(fd, &byte, 1, MSG_DONTWAIT) == 0);
        assert_in_range(clock_monotonic_us() - start_us, 200 * US_PER_MS, 3 * US_PER_SECOND);
        close(fd);
        fixture_clear(&fixture);
}

static void silent_connections_over_the_cap_do_not_keep_hosts_out(void **state)
{
        enum { CAP = 8, SILENT = 40 };
        Fixture fixture;
        int silent[SILENT];

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.unauthenticated = CAP, .hello_ms = 1000});
        for (int i = 0; i < SILENT; i++)
                silent[i] = raw_connect(listener_address(fixture.listener));
        assert_good_host_still_served(&fixture);
        for (int i = 0; i < SILENT; i++)
                close(silent[i]);
        fixture_clear(&fixture);
}

static void links_that_said_hello_do_not_count_against_the_cap(void **state)
{
        enum { HOSTS = 5 };
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, &(LinkLimits){.unauthenticated = 1});
        for (int i = 0; i < HOSTS; i++)
                assert_good_host_still_served(&fixture);
        assert_int_equal(fixture.controller.opened, HOSTS);
        assert_int_equal(fixture.controller.closed, 0);
        fixture_clear(&fixture);
}

// A ClientHello's beginning, other garbage, or nothing; then a reset, or an end and the wait for
// the listener's, which keeps the kernel's backlog of connections from filling up.
static void abort_handshake(const char *address, int i)
{
        static const char *const bytes[] = {"", "\026\003\001\002", "GET / HTTP/1.0\r\n\r\n"};
        const char *sent = bytes[i % 3];
        struct linger reset = {.l_onoff = 1};
        int fd = raw_connect(address);
        char byte;

        assert_int_equal(send(fd, sent, strlen(sent), MSG_NOSIGNAL), strlen(sent));
        if (i % 2) {
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        } else {
                shutdown(fd, SHUT_WR);
                while (recv(fd, &byte, 1, 0) > 0)
                        ;
        }
        close(fd);
}

typedef struct Aborter {
        const char *address;
        atomic_bool done;
        pthread_t thread;
} Aborter;

static void *abort_many(void *userdata)
{
        Aborter *aborter = userdata;

        for (int i = 0; i < 3000; i++)
                abort_handshake(aborter->address, i);
        atomic_store(&aborter->done, true);
        return NULL;
}

static void thousands_of_aborted_handshakes_do_no_harm(void **state)
{
        Aborter aborter = {0};
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        aborter.address = listener_address(fixture.listener);
        assert_int_equal(pthread_create(&aborter.thread, NULL, abort_many, &aborter), 0);
        RUN_UNTIL(&fixture, atomic_load(&aborter.done));
        pthread_join(aborter.thread, NULL);
        assert_good_host_still_served(&fixture);
        assert_int_equal(fixture.controller.opened, 1);
        fixture_clear(&fixture);
}

static void running_out_of_descriptors_only_delays(void **state)
{
        enum { CONNECTIONS = 10 };
        int connections[CONNECTIONS];
        struct rlimit before, none;
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_listen(&fixture, NULL);
        for (int i = 0; i < CONNECTIONS; i++)
                connections[i] = raw_connect(listener_address(fixture.listener));
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        run_for_ms(&fixture, 300);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_good_host_still_served(&fixture);
        for (int i = 0; i < CONNECTIONS; i++)
                close(connections[i]);
        fixture_clear(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_of_another_authority_is_kept_out),
                cmocka_unit_test(a_controller_of_another_authority_is_not_trusted),
                cmocka_unit_test(a_client_without_a_certificate_is_kept_out),
                cmocka_unit_test(a_client_of_tls_1_2_is_kept_out),
                cmocka_unit_test(an_expired_certificate_is_kept_out),
                cmocka_unit_test(a_revoked_certificate_is_kept_out_and_others_come_in),
                cmocka_unit_test(revoking_closes_the_links_of_that_certificate_only),
                cmocka_unit_test(a_revocation_list_that_cannot_be_read_changes_nothing),
                cmocka_unit_test(a_certificate_that_names_no_host_is_kept_out),
                cmocka_unit_test(a_host_cannot_pose_as_the_controller),
                cmocka_unit_test(a_host_certificate_serves_no_server_and_the_other_way_round),
                cmocka_unit_test(a_frame_over_the_cap_ends_the_connection),
                cmocka_unit_test(garbage_for_a_message_ends_the_connection),
                cmocka_unit_test(a_frame_that_unpacks_to_many_times_its_size_ends_the_connection),
                cmocka_unit_test(a_frame_without_a_body_ends_the_connection),
                cmocka_unit_test(a_connection_lost_inside_a_frame_is_a_disconnection),
                cmocka_unit_test(a_frame_the_user_refuses_ends_the_connection),
                cmocka_unit_test(a_peer_the_user_refuses_hears_so_and_is_closed),
                cmocka_unit_test(a_hello_that_trickles_in_is_cut_off_at_the_deadline),
                cmocka_unit_test(pings_alone_are_no_hello),
                cmocka_unit_test(a_connection_that_says_nothing_is_closed_at_the_deadline),
                cmocka_unit_test(silent_connections_over_the_cap_do_not_keep_hosts_out),
                cmocka_unit_test(links_that_said_hello_do_not_count_against_the_cap),
                cmocka_unit_test(running_out_of_descriptors_only_delays),
                cmocka_unit_test(thousands_of_aborted_handshakes_do_no_harm),
        };

        signal(SIGPIPE, SIG_IGN); // for the test's own clients; the library needs no such help
        return cmocka_run_group_tests(tests, NULL, NULL);
}
