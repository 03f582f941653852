#include "core/session.h"
#include "fake.h"
#include "hosts/invite.h"
#include "wire/pki.h"

static char *authority, *authority_key;

static int setup(void **state)
{
        fake_setup(state);
        assert_int_equal(pki_make_authority(&authority, &authority_key, NULL), 0);
        fake.setup.authority = authority;
        fake.setup.authority_key = authority_key;
        return 0;
}

static int teardown(void **state)
{
        free(authority);
        free(authority_key);
        return fake_teardown(state);
}

// Invites a host and gives the token of its line; the caller frees it.
static char *invite(const char *name)
{
        json_t *shown;
        const char *line;
        char *token;

        assert_int_equal(
                fake_ask("POST", "/v1/hosts", NULL, json_pack("{s:s}", "name", name), NULL, &shown),
                0);
        line = json_string_value(json_object_get(shown, "join"));
        assert_true(
                text_starts(line, "understudy-worker join --controller 192.0.2.1:7701 --token "));
        token = text_copy(strrchr(line, ' ') + 1);
        json_decref(shown);
        return token;
}

// What the controller answers to a token; the caller clears it.
static void join(const char *token, Fleet__JoinReply *reply)
{
        Fleet__JoinRequest request = FLEET__JOIN_REQUEST__INIT;
        char *key;

        fleet__join_reply__init(reply);
        request.token = (char *)token;
        assert_int_equal(pki_make_request(&key, &request.signing_request.data,
                                 &request.signing_request.len, NULL),
                0);
        free(key);
        (void)!invite_answer(fake.controller, &request, "192.0.2.7:40112", reply);
        free(request.signing_request.data);
}

static void clear(Fleet__JoinReply *reply)
{
        free(reply->certificate.data);
        free(reply->authority.data);
        if (reply->host != protobuf_c_empty_string)
                free(reply->host);
        if (reply->listen != protobuf_c_empty_string)
                free(reply->listen);
        if (reply->failure)
                fleet__failure__free_unpacked(reply->failure, NULL);
}

static void assert_joins(const char *token, const char *host)
{
        Fleet__JoinReply reply;

        join(token, &reply);
        assert_null(reply.failure);
        assert_string_equal(reply.host, host);
        assert_string_equal(reply.listen, "192.0.2.1:7700");
        assert_true(reply.certificate.len > 0 && reply.authority.len > 0);
        clear(&reply);
}

static void assert_refused(const char *token, const char *why)
{
        Fleet__JoinReply reply;

        join(token, &reply);
        assert_non_null(reply.failure);
        assert_string_equal(reply.failure->code, "token");
        assert_non_null(strstr(reply.failure->why, why));
        assert_true(reply.certificate.len == 0);
        clear(&reply);
}

static void the_token_carries_the_digest_of_the_authority(void **state)
{
        char digest[PKI_DIGEST_SIZE];
        _cleanup_free_ char *token = invite("alpha");

        (void)state;
        assert_int_equal(pki_digest(authority, digest), 0);
        assert_string_equal(strchr(token, '.') + 1, digest);
}

static void a_host_joins_with_its_token_and_is_known_by_its_certificate(void **state)
{
        _cleanup_free_ char *token = invite("alpha");
        _cleanup_host_ HostRow host = {0};

        (void)state;
        assert_joins(token, "alpha");
        assert_int_equal(host_get(fake.controller->store, "alpha", &host, NULL), 1);
        assert_int_equal(host.state, HOST_JOINED);
        assert_int_equal(strlen(host.fingerprint), 64);
        assert_null(host.token_hash);
        fake.hosts[0].name = "alpha";
        fake_open(&fake.hosts[0], host.fingerprint);
        fake_hello(&fake.hosts[0], FLEET_PROTOCOL);
        assert_non_null(session_of_host(fake.controller, "alpha"));
}

static void a_token_is_good_once(void **state)
{
        _cleanup_free_ char *token = invite("alpha");

        (void)state;
        assert_joins(token, "alpha");
        assert_refused(token, "used already");
}

static void a_token_survives_a_restart_and_its_use_does_too(void **state)
{
        _cleanup_free_ char *token = invite("alpha");

        (void)state;
        fake_crash();
        assert_joins(token, "alpha");
        fake_crash();
        assert_refused(token, "used already");
}

static void a_token_is_over_after_a_day(void **state)
{
        _cleanup_free_ char *token = invite("alpha");
        Store *store = fake.controller->store;

        (void)state;
        assert_int_equal(store_begin(store, NULL), 0);
        assert_int_equal(
                store_run(store, NULL, "UPDATE host SET token_expires_us = token_expires_us - ?",
                        "i", (int64_t)INVITATION_SECONDS * 1000000 + 1),
                0);
        assert_int_equal(store_commit(store, NULL), 0);
        assert_refused(token, "24 hours");
}

static void a_token_that_was_never_given_is_refused(void **state)
{
        (void)state;
        free(invite("alpha"));
        assert_refused("0123456789abcdef", "none of ours");
        assert_refused("", "none of ours");
}

static void a_new_invitation_ends_the_one_before(void **state)
{
        _cleanup_free_ char *first = invite("alpha");
        _cleanup_free_ char *second = invite("alpha");

        (void)state;
        assert_refused(first, "none of ours");
        assert_joins(second, "alpha");
}

static void a_connected_host_is_not_invited_again(void **state)
{
        json_t *shown;

        (void)state;
        fake_connect(fake_add_host(0, "alpha"));
        assert_int_equal(fake_ask("POST", "/v1/hosts", NULL, json_pack("{s:s}", "name", "alpha"),
                                 NULL, &shown),
                -EEXIST);
}

static void the_database_does_not_hold_the_secret(void **state)
{
        _cleanup_free_ char *token = invite("alpha");
        _cleanup_host_ HostRow host = {0};

        (void)state;
        assert_int_equal(host_get(fake.controller->store, "alpha", &host, NULL), 1);
        assert_int_equal(strlen(host.token_hash), 64);
        assert_null(strstr(token, host.token_hash));
        assert_true(strncmp(host.token_hash, token, 16) != 0);
}

static void a_request_that_cannot_be_signed_leaves_the_token_good(void **state)
{
        _cleanup_free_ char *token = invite("alpha");
        Fleet__JoinRequest request = FLEET__JOIN_REQUEST__INIT;
        Fleet__JoinReply reply = FLEET__JOIN_REPLY__INIT;

        (void)state;
        request.token = token;
        assert_true(invite_answer(fake.controller, &request, "192.0.2.7:1", &reply) < 0);
        assert_non_null(reply.failure);
        clear(&reply);
        assert_joins(token, "alpha");
}

int main(void)
{
#define INVITE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                INVITE_TEST(the_token_carries_the_digest_of_the_authority),
                INVITE_TEST(a_host_joins_with_its_token_and_is_known_by_its_certificate),
                INVITE_TEST(a_token_is_good_once),
                INVITE_TEST(a_token_survives_a_restart_and_its_use_does_too),
                INVITE_TEST(a_token_is_over_after_a_day),
                INVITE_TEST(a_token_that_was_never_given_is_refused),
                INVITE_TEST(a_new_invitation_ends_the_one_before),
                INVITE_TEST(a_connected_host_is_not_invited_again),
                INVITE_TEST(the_database_does_not_hold_the_secret),
                INVITE_TEST(a_request_that_cannot_be_signed_leaves_the_token_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
