#include "tell/announce.h"

#include "base/clock.h"
#include "calendar/due.h"
#include "fake.h"

static const char *const channels[] = {"mail", "webhook", NULL};

static int setup(void **state)
{
        fake_setup(state);
        fake.setup.channels = channels;
        return 0;
}

// One night's synchronisation, by the calendar.
static void night(void)
{
        _cleanup_calendar_row_ CalendarRow row = {0};

        assert_int_equal(calendar_get(fake.controller->store, "mdg", &row, NULL), 1);
        assert_int_equal(due_run(fake.controller, row.next_us + 1, &fake.error), 0);
        fake_commit();
        fake_run();
}

static void with_schedule(void)
{
        json_t *shown;

        assert_int_equal(fake_ask("POST", "/v1/series/{series}/schedule", "mdg",
                                 json_pack("{s:s}", "rule", "FREQ=DAILY;BYHOUR=2"), NULL, &shown),
                0);
        json_decref(shown);
}

static void assert_announced(const char *const *kinds)
{
        json_t *shown;
        size_t count = 0;

        while (kinds[count])
                count++;
        assert_int_equal(fake_ask("GET", "/v1/announcements", NULL, NULL, NULL, &shown), 0);
        assert_int_equal(json_array_size(shown), count);
        for (size_t i = 0; i < count; i++) {
                const json_t *one = json_array_get(shown, count - 1 - i);

                assert_string_equal(json_string_value(json_object_get(one, "kind")), kinds[i]);
                assert_int_equal(json_array_size(json_object_get(one, "deliveries")), 2);
        }
        json_decref(shown);
}

static void nights_that_fail_for_one_cause_are_announced_once_and_so_is_the_recovery(void **state)
{
        FakeHost *host = fake_world_with_preview();

        (void)state;
        with_schedule();
        host->fail = "dump";
        night();
        night();
        assert_announced((const char *const[]){"sync-failed", NULL});
        host->fail = NULL;
        night();
        night();
        assert_announced((const char *const[]){"sync-failed", "sync-recovered", NULL});
        host->fail = "dump";
        night();
        assert_announced(
                (const char *const[]){"sync-failed", "sync-recovered", "sync-failed", NULL});
}

static void another_cause_is_announced_too(void **state)
{
        FakeHost *host = fake_world_with_preview();

        (void)state;
        with_schedule();
        host->fail = "dump";
        night();
        host->fail = "mirror";
        night();
        assert_announced((const char *const[]){"sync-failed", "sync-failed", NULL});
}

static void what_an_operator_asked_for_is_not_announced_to_him(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "dump";
        job = fake_sync("mdg");
        assert_true(job > 0);
        fake_run();
        assert_job(job, "failed");
        assert_announced((const char *const[]){NULL});
}

static void what_was_given_up_is_tried_again_from_the_beginning(void **state)
{
        _cleanup_delivery_ DeliveryRow row = {0};
        json_t *shown;
        int64_t now_us = clock_now_us() + US_PER_SECOND;

        (void)state;
        fake_world();
        assert_int_equal(fake_ask("POST", "/v1/announcements/test", NULL, NULL, NULL, &shown), 0);
        json_decref(shown);
        assert_int_equal(delivery_due(fake.controller->store, "mail", now_us, &row, NULL), 1);
        row.state = DELIVERY_DEAD;
        row.tries = 12;
        assert_int_equal(controller_begin(fake.controller, NULL), 0);
        assert_int_equal(row_update(fake.controller->store, &delivery_table, &row, NULL), 0);
        fake_commit();
        delivery_clear(&row);
        assert_int_equal(delivery_due(fake.controller->store, "mail", now_us, &row, NULL), 0);
        assert_int_equal(
                fake_ask("POST", "/v1/announcements/{announcement}/retry", "1", NULL, NULL, &shown),
                0);
        json_decref(shown);
        assert_int_equal(delivery_due(fake.controller->store, "mail", now_us, &row, NULL), 1);
        assert_int_equal(row.tries, 0);
}

#define ANNOUNCE_TEST_CASE(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ANNOUNCE_TEST_CASE(
                        nights_that_fail_for_one_cause_are_announced_once_and_so_is_the_recovery),
                ANNOUNCE_TEST_CASE(another_cause_is_announced_too),
                ANNOUNCE_TEST_CASE(what_an_operator_asked_for_is_not_announced_to_him),
                ANNOUNCE_TEST_CASE(what_was_given_up_is_tried_again_from_the_beginning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
