#include "wire/fixture.h"

static void a_frame_goes_each_way(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture.controller.echo = true;
        fixture_connect(&fixture, NULL);
        RUN_UNTIL(&fixture, fixture.worker.frames == 1);
        assert_string_equal(fixture.controller.text, "first");
        assert_string_equal(fixture.worker.text, "first");
        fixture_clear(&fixture);
}

static void each_side_knows_the_name_and_fingerprint_of_the_other(void **state)
{
        char host[PKI_DIGEST_SIZE], controller[PKI_DIGEST_SIZE];
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, NULL);
        assert_int_equal(pki_digest(fixture.host.certificate, host), 0);
        assert_int_equal(pki_digest(fixture.pki.controller, controller), 0);
        assert_string_equal(fixture.controller.peer_name, "web1");
        assert_string_equal(fixture.controller.fingerprint, host);
        assert_string_equal(fixture.worker.peer_name, "controller");
        assert_string_equal(fixture.worker.fingerprint, controller);
        assert_true(text_starts(link_peer(fixture.controller.link)->address, "127.0.0.1:"));
        fixture_clear(&fixture);
}

static void frames_of_many_records_arrive_whole_and_in_order(void **state)
{
        enum { FRAMES = 20, BYTES = 300000 };
        _cleanup_free_ char *text = memory_new(BYTES + 1);
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, NULL);
        for (int i = 0; i < FRAMES; i++) {
                memset(text, 'a' + i, BYTES);
                assert_int_equal(send_hello(fixture.worker.link, text), 0);
        }
        RUN_UNTIL(&fixture, fixture.controller.frames == 1 + FRAMES);
        assert_string_equal(fixture.controller.text, text);
        fixture_clear(&fixture);
}

static void drained_comes_when_all_is_with_the_kernel(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, NULL);
        fixture.worker.drained = 0;
        assert_int_equal(send_hello(fixture.worker.link, "second"), 0);
        RUN_UNTIL(&fixture, fixture.worker.drained > 0 && fixture.controller.frames == 2);
        fixture_clear(&fixture);
}

static void a_refusal_reaches_the_peer_with_its_words(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, NULL);
        link_close(fixture.controller.link, "replaced", "a newer connection took its place");
        assert_int_equal(send_hello(fixture.controller.link, ""), -ENOTCONN);
        RUN_UNTIL(&fixture, fixture.controller.closed == 1 && fixture.worker.closed == 1);
        assert_string_equal(fixture.worker.code, "replaced");
        assert_string_equal(fixture.worker.why, "a newer connection took its place");
        assert_string_equal(fixture.controller.code, "replaced");
        fixture_clear(&fixture);
}

static void a_link_closed_without_a_word_is_a_disconnection_to_the_peer(void **state)
{
        Fixture fixture;

        (void)state;
        fixture_init(&fixture);
        fixture_connect(&fixture, NULL);
        link_close(fixture.worker.link, NULL, NULL);
        assert_int_equal(fixture.worker.closed, 0);
        RUN_UNTIL(&fixture, fixture.controller.closed == 1 && fixture.worker.closed == 1);
        assert_string_equal(fixture.controller.code, "disconnected");
        assert_string_equal(fixture.worker.code, "closed");
        fixture_clear(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_frame_goes_each_way),
                cmocka_unit_test(each_side_knows_the_name_and_fingerprint_of_the_other),
                cmocka_unit_test(frames_of_many_records_arrive_whole_and_in_order),
                cmocka_unit_test(drained_comes_when_all_is_with_the_kernel),
                cmocka_unit_test(a_refusal_reaches_the_peer_with_its_words),
                cmocka_unit_test(a_link_closed_without_a_word_is_a_disconnection_to_the_peer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
