#include <pthread.h>

#include "wire/enroll.h"
#include "wire/fixture.h"

#define DEADLINE_MS 10000

// A controller's enrolment listener and a joining host on a thread of its own.
typedef struct Enrolling {
        Fixture fixture;
        Enrollment *enrollment;
        unsigned requests;
        int result; // of the request callback
        char *failure_code;
        char digest[PKI_DIGEST_SIZE];
        Fleet__JoinRequest request;
        uint32_t deadline_ms;
        pthread_t thread;
        atomic_bool joined;
        int join_result;
        Fleet__JoinReply *reply;
        Error error;
} Enrolling;

static void copy_bytes(ProtobufCBinaryData *to, const char *certificate)
{
        assert_int_equal(pki_to_der(certificate, &to->data, &to->len), 0);
}

static int on_request(void *userdata, const Fleet__JoinRequest *request, const char *address,
        Fleet__JoinReply *reply)
{
        Enrolling *enrolling = userdata;
        const Pki *pki = &enrolling->fixture.pki;
        _cleanup_free_ char *certificate = NULL;

        enrolling->requests++;
        assert_true(text_starts(address, "127.0.0.1:"));
        if (!text_equal(request->token, "token"))
                return enrolling->result = -EACCES;
        if (pki_sign_host(pki->authority, pki->authority_key, request->signing_request.data,
                    request->signing_request.len, "web1", 1, &certificate, NULL) < 0)
                return enrolling->result = -EINVAL;
        copy_bytes(&reply->certificate, certificate);
        copy_bytes(&reply->authority, pki->authority);
        return 0;
}

static void enrolling_init(Enrolling *enrolling, const EnrollLimits *limits)
{
        Credentials credentials;

        *enrolling = (Enrolling){.deadline_ms = DEADLINE_MS};
        fleet__join_request__init(&enrolling->request);
        enrolling->request.token = (char *)"token";
        fixture_init(&enrolling->fixture);
        credentials = (Credentials){
                .authority = enrolling->fixture.pki.authority,
                .certificate = enrolling->fixture.pki.controller,
                .key = enrolling->fixture.pki.controller_key,
        };
        assert_int_equal(pki_digest(credentials.authority, enrolling->digest), 0);
        assert_int_equal(enroll_listen(enrolling->fixture.wire, "127.0.0.1:0", &credentials, limits,
                                 on_request, enrolling, &enrolling->enrollment, NULL),
                0);
}

static void enrolling_clear(Enrolling *enrolling)
{
        if (enrolling->reply)
                fleet__join_reply__free_unpacked(enrolling->reply, NULL);
        error_clear(&enrolling->error);
        free(enrolling->request.signing_request.data);
        fixture_clear(&enrolling->fixture);
}

static void *join_run(void *userdata)
{
        Enrolling *enrolling = userdata;

        enrolling->join_result = enroll_join(enroll_address(enrolling->enrollment),
                enrolling->digest, &enrolling->request, enrolling->deadline_ms, &enrolling->reply,
                &enrolling->error);
        atomic_store(&enrolling->joined, true);
        return NULL;
}

static void join(Enrolling *enrolling)
{
        assert_int_equal(pthread_create(&enrolling->thread, NULL, join_run, enrolling), 0);
        RUN_UNTIL(&enrolling->fixture, atomic_load(&enrolling->joined));
        pthread_join(enrolling->thread, NULL);
}

static void a_host_gets_a_certificate_for_its_key(void **state)
{
        _cleanup_free_ char *key = NULL, *certificate = NULL;
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, NULL);
        assert_int_equal(pki_make_request(&key, &enrolling.request.signing_request.data,
                                 &enrolling.request.signing_request.len, NULL),
                0);
        join(&enrolling);
        assert_int_equal(enrolling.join_result, 0);
        assert_int_equal(pki_to_pem(enrolling.reply->certificate.data,
                                 enrolling.reply->certificate.len, &certificate),
                0);
        assert_int_equal(pki_check_pair(certificate, key), 0);
        enrolling_clear(&enrolling);
}

static void a_controller_of_another_authority_never_sees_the_token(void **state)
{
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, NULL);
        enrolling.digest[0] = enrolling.digest[0] == '0' ? '1' : '0';
        join(&enrolling);
        assert_int_equal(enrolling.join_result, -EIO);
        assert_string_equal(enrolling.error.code, "authentication");
        assert_int_equal(enrolling.requests, 0);
        enrolling_clear(&enrolling);
}

static void a_wrong_token_is_refused_in_words(void **state)
{
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, NULL);
        enrolling.request.token = (char *)"stale";
        join(&enrolling);
        assert_int_equal(enrolling.join_result, -EIO);
        assert_int_equal(enrolling.requests, 1);
        assert_string_equal(enrolling.error.code, "refused");
        assert_string_equal(enrolling.error.why, strerror(EACCES));
        enrolling_clear(&enrolling);
}

static void a_garbled_signing_request_is_refused(void **state)
{
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, NULL);
        enrolling.request.signing_request.data = (uint8_t *)text_copy("garbage");
        enrolling.request.signing_request.len = 7;
        join(&enrolling);
        assert_int_equal(enrolling.result, -EINVAL);
        assert_string_equal(enrolling.error.code, "refused");
        enrolling_clear(&enrolling);
}

static void an_oversize_request_ends_the_connection_unread(void **state)
{
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, &(EnrollLimits){.request_bytes = 100});
        enrolling.request.signing_request.data = memory_new(200);
        enrolling.request.signing_request.len = 200;
        join(&enrolling);
        assert_string_equal(enrolling.error.code, "disconnected");
        assert_int_equal(enrolling.requests, 0);
        enrolling_clear(&enrolling);
}

static void more_attempts_than_allowed_in_a_second_are_told_to_wait(void **state)
{
        Enrolling enrolling;
        unsigned busy = 0;

        (void)state;
        enrolling_init(&enrolling, &(EnrollLimits){.attempts_per_second = 1});
        enrolling.request.token = (char *)"stale";
        for (int i = 0; i < 50 && !busy; i++) {
                atomic_store(&enrolling.joined, false);
                join(&enrolling);
                busy += text_equal(enrolling.error.code, "busy");
        }
        assert_int_equal(busy, 1);
        enrolling_clear(&enrolling);
}

static void silence_of_the_controller_ends_with_the_deadline(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        Fleet__JoinReply *reply;
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, NULL);
        // The loop does not run, so the kernel accepts and nobody answers.
        assert_int_equal(enroll_join(enroll_address(enrolling.enrollment), enrolling.digest,
                                 &enrolling.request, 300, &reply, &error),
                -EIO);
        assert_string_equal(error.code, "timeout");
        enrolling_clear(&enrolling);
}

static void silent_hosts_do_not_keep_others_out(void **state)
{
        enum { SILENT = 12 };
        int silent[SILENT];
        Enrolling enrolling;

        (void)state;
        enrolling_init(&enrolling, &(EnrollLimits){.connections = 4, .deadline_ms = 500});
        for (int i = 0; i < SILENT; i++)
                silent[i] = raw_connect(enroll_address(enrolling.enrollment));
        enrolling.request.token = (char *)"stale";
        join(&enrolling);
        assert_string_equal(enrolling.error.code, "refused");
        for (int i = 0; i < SILENT; i++)
                close(silent[i]);
        enrolling_clear(&enrolling);
}

static void what_is_not_an_address_or_a_digest_is_refused_at_once(void **state)
{
        static const char *const addresses[] = {"", "host", "host:", ":7701", "host:99999",
                "user@host:1", "host/x:1", "host:1/../x", "[::1:7701", "::1:7701"};
        Fleet__JoinRequest request = FLEET__JOIN_REQUEST__INIT;
        char digest[PKI_DIGEST_SIZE];
        Fleet__JoinReply *reply;

        (void)state;
        memset(digest, 'a', sizeof(digest) - 1);
        digest[sizeof(digest) - 1] = '\0';
        for (size_t i = 0; i < ELEMENTS(addresses); i++) {
                _cleanup_error_ Error error = ERROR_EMPTY;

                assert_int_equal(
                        enroll_join(addresses[i], digest, &request, 100, &reply, &error), -EINVAL);
                assert_string_equal(error.code, "bad-address");
        }
        assert_int_equal(enroll_join("host:1", "sha256:00", &request, 100, &reply, NULL), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_gets_a_certificate_for_its_key),
                cmocka_unit_test(a_controller_of_another_authority_never_sees_the_token),
                cmocka_unit_test(a_wrong_token_is_refused_in_words),
                cmocka_unit_test(a_garbled_signing_request_is_refused),
                cmocka_unit_test(an_oversize_request_ends_the_connection_unread),
                cmocka_unit_test(more_attempts_than_allowed_in_a_second_are_told_to_wait),
                cmocka_unit_test(silence_of_the_controller_ends_with_the_deadline),
                cmocka_unit_test(silent_hosts_do_not_keep_others_out),
                cmocka_unit_test(what_is_not_an_address_or_a_digest_is_refused_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
