// What becomes of old sites, with simulated workers and a simulated clock.
#include "base/clock.h"
#include "calendar/due.h"
#include "fake.h"
#include "store/announcement.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)
#define RETIRE "/v1/series/{series}/retire"

static const char *const channels[] = {"mail", NULL};

static int setup(void **state)
{
        fake_setup(state);
        fake.setup.channels = channels;
        return 0;
}

// anna was production and is old; bert is production.
static FakeHost *replaced(void)
{
        FakeHost *host = fake_world_with_preview();

        assert_true(fake_switch("mdg") > 0);
        fake_run();
        assert_site("mdg", "old", "anna");
        host->log[0] = '\0';
        return host;
}

static void set(const char *name, const char *value)
{
        json_t *shown;

        if (fake_ask("POST", "/v1/series/{series}/settings", "mdg", json_pack("{s:s}", name, value),
                    NULL, &shown) < 0)
                fail_msg("%s", fake.error.what);
        json_decref(shown);
}

static int retire(const char *site)
{
        int job = fake_job(
                "POST", RETIRE, "mdg", site ? json_pack("{s:s}", "site", site) : json_object());

        if (job > 0)
                fake_run();
        return job;
}

// What the controller does when its clock shows some days from now.
static void after_days(int days)
{
        assert_int_equal(due_run(fake.controller, clock_now_us() + days * DAY_US, &fake.error), 0);
        fake_commit();
        fake_run();
}

// All that waits is delivered, some days from now.
static void deliver_after_days(int days)
{
        assert_int_equal(store_begin(fake.controller->store, NULL), 0);
        assert_int_equal(store_run(fake.controller->store, NULL,
                                 "UPDATE delivery SET state = 'delivered', done_us = ?", "i",
                                 clock_now_us() + days * DAY_US),
                0);
        assert_int_equal(store_commit(fake.controller->store, NULL), 0);
}

static void assert_announced(const char *expected)
{
        _cleanup_free_ char *found = text_copy("");
        json_t *shown;

        assert_int_equal(fake_ask("GET", "/v1/announcements", NULL, NULL, NULL, &shown), 0);
        for (size_t i = json_array_size(shown); i > 0; i--) {
                const json_t *one = json_array_get(shown, i - 1);
                char *longer = text_format(
                        "%s%s ", found, json_string_value(json_object_get(one, "kind")));

                free(found);
                found = longer;
        }
        json_decref(shown);
        assert_string_equal(found, expected);
}

static void asked_for_an_old_site_goes_with_a_backup(void **state)
{
        FakeHost *host = replaced();
        int job = retire(NULL);

        (void)state;
        assert_job(job, "done");
        assert_string_equal(host->log, "unused switch dump backup unused purge ");
        assert_site("mdg", "old", "");
        assert_site("mdg", "purged", "anna");
        assert_site("mdg", "production", "bert");
        assert_true(retire(NULL) < 0);
        assert_string_equal(fake.error.code, "no-site");
        assert_true(fake_switch("mdg") < 0); // there is nothing to go back to
}

static void of_several_one_must_be_named(void **state)
{
        replaced();
        (void)state;
        assert_true(fake_job("POST", "/v1/series/{series}/preview", "mdg",
                            json_pack("{s:s}", "site", "carla")) > 0);
        fake_run();
        assert_true(fake_switch("mdg") > 0);
        fake_run();
        assert_true(retire(NULL) < 0);
        assert_non_null(strstr(fake.error.why, "anna, bert"));
        assert_job(retire("bert"), "done");
        assert_site("mdg", "old", "anna");
}

static void what_is_refused_is_as_before_and_can_be_asked_again(void **state)
{
        FakeHost *host = replaced();
        int job;

        (void)state;
        host->fail = "backup";
        job = retire("anna");
        assert_job(job, "failed");
        assert_task(job, "backup", "undone");
        assert_task(job, "switch", "undone");
        assert_string_equal(host->log, "unused switch dump backup -backup -switch ");
        assert_site("mdg", "old", "anna");
        host->fail = NULL;
        assert_true(fake_about("retry", job) > 0);
        fake_run();
        assert_job(job, "done");
        assert_site("mdg", "purged", "anna");
}

static void once_it_is_being_removed_there_is_no_way_back(void **state)
{
        FakeHost *host = replaced();
        int job;

        (void)state;
        host->fail = "purge";
        job = retire("anna");
        assert_job(job, "failed");
        assert_task(job, "backup", "done");
        assert_true(fake_about("cancel", job) < 0);
        assert_string_equal(fake.error.code, "job-final");
        host->fail = NULL;
        host->log[0] = '\0';
        assert_true(fake_about("retry", job) > 0);
        fake_run();
        assert_string_equal(host->log, "purge ");
        assert_job(job, "done");
}

static void a_dry_run_only_looks(void **state)
{
        FakeHost *host = replaced();
        int job = fake_job("POST", RETIRE, "mdg", json_pack("{s:b}", "dry_run", 1));

        (void)state;
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "unused ");
        assert_site("mdg", "old", "anna");
}

static void the_last_production_takes_the_schedule_with_it(void **state)
{
        json_t *shown;

        (void)state;
        replaced();
        after_days(0);
        assert_true(retire("bert") < 0);
        assert_string_equal(fake.error.code, "in-use");
        assert_job(retire("anna"), "done");
        assert_job(retire("bert"), "done");
        after_days(0);
        assert_int_equal(fake_ask("GET", "/v1/series/{series}/schedule", "mdg", NULL, NULL, &shown),
                -ENOENT);
        assert_string_equal(fake.error.code, "retired");
        assert_int_equal(fake_ask("GET", "/v1/calendar", NULL, NULL, NULL, &shown), 0);
        assert_int_equal(json_array_size(shown), 0);
        json_decref(shown);
        assert_true(fake_prepare("mdg") < 0);
        assert_string_equal(fake.error.code, "retired");
        assert_true(fake_sync("mdg") < 0);
        assert_true(fake_switch("mdg") < 0);
        assert_true(retire("bert") < 0);
}

// ---- by itself

static void kept_for_ever_unless_it_is_said_otherwise(void **state)
{
        (void)state;
        replaced();
        after_days(10000);
        assert_announced("");
        assert_site("mdg", "old", "anna");
}

static void when_due_it_is_announced_before_and_then_retired(void **state)
{
        FakeHost *host = replaced();

        (void)state;
        set("keep-old", "30 d");
        after_days(22);
        assert_announced("");
        after_days(24);
        after_days(24);
        assert_announced("retire-soon ");
        deliver_after_days(24);
        after_days(29);
        assert_site("mdg", "old", "anna");
        after_days(32);
        assert_string_equal(host->log, "unused switch dump backup unused purge ");
        assert_site("mdg", "purged", "anna");
        assert_announced("retire-soon retired ");
}

static void what_was_announced_late_is_retired_late(void **state)
{
        (void)state;
        replaced();
        set("keep-old", "1 d");
        after_days(100); // the controller was away
        deliver_after_days(100);
        after_days(106);
        assert_site("mdg", "old", "anna");
        after_days(108);
        assert_site("mdg", "purged", "anna");
}

static void nothing_is_retired_that_nobody_was_told_of(void **state)
{
        (void)state;
        replaced();
        set("keep-old", "1 d");
        after_days(2);
        after_days(1000);
        assert_announced("retire-soon ");
        assert_site("mdg", "old", "anna");
}

static void who_keeps_it_longer_takes_the_announcement_back(void **state)
{
        (void)state;
        replaced();
        set("keep-old", "1 d");
        after_days(2);
        deliver_after_days(2);
        set("keep-old", "forever");
        after_days(100);
        after_days(100);
        assert_announced("retire-soon retire-off ");
        assert_site("mdg", "old", "anna");
        set("keep-old", "1 d");
        after_days(200);
        assert_announced("retire-soon retire-off retire-soon ");
        assert_site("mdg", "old", "anna");
}

static void one_that_failed_waits_for_a_person(void **state)
{
        FakeHost *host = replaced();

        (void)state;
        set("keep-old", "1 d");
        after_days(2);
        deliver_after_days(2);
        host->fail = "unused";
        after_days(10);
        after_days(20);
        assert_announced("retire-soon retire-failed ");
        assert_string_equal(host->log, "unused ");
        host->fail = NULL;
        after_days(30);
        assert_site("mdg", "old", "anna");
        assert_job(retire(NULL), "done");
}

static void one_that_failed_when_it_was_asked_for_is_due_all_the_same(void **state)
{
        FakeHost *host = replaced();

        (void)state;
        host->fail = "unused";
        assert_job(retire(NULL), "failed");
        host->fail = NULL;
        set("keep-old", "1 d");
        after_days(2);
        deliver_after_days(2);
        after_days(10);
        assert_site("mdg", "purged", "anna");
}

static void a_site_that_is_back_is_old_anew_later(void **state)
{
        (void)state;
        replaced();
        set("keep-old", "1 d");
        after_days(2);
        deliver_after_days(2);
        assert_true(fake_switch("mdg") > 0);
        fake_run();
        assert_true(fake_switch("mdg") > 0);
        fake_run();
        assert_site("mdg", "old", "anna");
        after_days(100);
        assert_site("mdg", "old", "anna");
        assert_announced("retire-soon retire-soon ");
}

static void during_an_attempt_the_former_production_stays(void **state)
{
        json_t *shown;

        (void)state;
        fake_world_with_preview();
        set("keep-old", "0 s");
        set("retire-notice", "0 s");
        assert_int_equal(fake_ask("POST", "/v1/series/{series}/attempt", "mdg",
                                 json_pack("{s:s, s:i, s:s}", "at", "now", "lapse_seconds",
                                         86400 * 30, "anyway", "a test"),
                                 NULL, &shown),
                0);
        json_decref(shown);
        assert_true(fake_job("POST", "/v1/series/{series}/attempt/open", "mdg", NULL) > 0);
        fake_run();
        assert_site("mdg", "old", "anna");
        after_days(10);
        deliver_after_days(10);
        after_days(11);
        assert_site("mdg", "old", "anna");
        assert_int_equal(
                fake_ask("POST", "/v1/series/{series}/attempt/accept", "mdg", NULL, NULL, &shown),
                0);
        json_decref(shown);
        after_days(12);
        deliver_after_days(12);
        after_days(13);
        assert_site("mdg", "purged", "anna");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(asked_for_an_old_site_goes_with_a_backup),
                TEST(of_several_one_must_be_named),
                TEST(what_is_refused_is_as_before_and_can_be_asked_again),
                TEST(once_it_is_being_removed_there_is_no_way_back),
                TEST(a_dry_run_only_looks),
                TEST(the_last_production_takes_the_schedule_with_it),
                TEST(kept_for_ever_unless_it_is_said_otherwise),
                TEST(when_due_it_is_announced_before_and_then_retired),
                TEST(what_was_announced_late_is_retired_late),
                TEST(nothing_is_retired_that_nobody_was_told_of),
                TEST(who_keeps_it_longer_takes_the_announcement_back),
                TEST(one_that_failed_waits_for_a_person),
                TEST(one_that_failed_when_it_was_asked_for_is_due_all_the_same),
                TEST(a_site_that_is_back_is_old_anew_later),
                TEST(during_an_attempt_the_former_production_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
