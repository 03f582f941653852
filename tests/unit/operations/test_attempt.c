// Upgrade attempts through the controller's own code, with simulated workers and a simulated clock.
#include "attempt_world.h"
#include "control/attempts.h"
#include "control/report.h"

static void the_preview_steps_in_and_back(void **state)
{
        FakeHost *host = world_with_preview();
        int job = open_attempt("cancel");

        (void)state;
        assert_job(job, "done");
        assert_string_equal(host->log, "probe probe space warm choose dump static script mirror "
                                       "restore ledger swap verify settle switch ");
        assert_attempt("open");
        assert_site("mdg", "production", "bert");
        assert_site("mdg", "old", "anna");

        host->log[0] = '\0';
        job = fake_job("POST", ATTEMPT "/cancel", "mdg", NULL);
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "switch loss ");
        assert_attempt("canceled");
        assert_site("mdg", "production", "anna");
        assert_site("mdg", "preview", "bert");
}

// The newest line of the history.
static void assert_told(const char *event, const char *detail)
{
        _cleanup_free_ char *expected = text_format("%s: %s", event, detail), *found = NULL;
        json_t *shown, *last;

        assert_int_equal(fake_ask("GET", "/v1/history", NULL, NULL, NULL, &shown), 0);
        last = json_array_get(shown, json_array_size(shown) - 1);
        found = text_format("%s: %s", json_string_value(json_object_get(last, "event")),
                json_string_value(json_object_get(last, "detail")));
        assert_string_equal(found, expected);
        json_decref(shown);
}

static void assert_report(int result)
{
        json_t *shown;

        assert_int_equal(fake_ask("GET", ATTEMPT "/report", "mdg", NULL, NULL, &shown), result);
        json_decref(shown);
}

static void what_a_cancel_has_lost_is_reported(void **state)
{
        json_t *shown;

        (void)state;
        world_with_preview();
        open_attempt("cancel");
        assert_report(-ENOENT);
        cancel_attempt();
        assert_told("the cancel lost", "contacts.Person 2 added; contacts.Person 1 deleted");
        assert_int_equal(fake_ask("GET", ATTEMPT "/report", "mdg", NULL, NULL, &shown), 0);
        assert_string_equal(json_string_value(json_object_get(shown, "site")), "bert");
        assert_string_equal(json_string_value(json_object_get(shown, "state")), "canceled");
        assert_int_equal(json_array_size(json_object_get(shown, "tables")), 1);
        json_decref(shown);
}

static void what_a_cancel_would_lose_is_reported_when_asked_for(void **state)
{
        FakeHost *host = world_with_preview();
        int job;

        (void)state;
        assert_int_equal(fake_job("POST", ATTEMPT "/report", "mdg", NULL), -ENOENT);
        plan("18:00", "cancel");
        assert_int_equal(fake_job("POST", ATTEMPT "/report", "mdg", NULL), -EPERM);
        say(ATTEMPT "/withdraw", NULL);
        open_attempt("cancel");
        host->log[0] = '\0';
        job = fake_job("POST", ATTEMPT "/report", "mdg", NULL);
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "loss ");
        assert_attempt("open");
        assert_report(0);
}

// Which is not in the way of the cancel, and can be asked for again.
static void a_report_that_fails_leaves_the_way_back_as_it_is(void **state)
{
        FakeHost *host = world_with_preview();
        int job;

        (void)state;
        open_attempt("cancel");
        host->fail = "loss";
        cancel_attempt();
        host->fail = NULL;
        assert_attempt("canceled");
        assert_site("mdg", "production", "anna");
        assert_report(-ENOENT);
        job = fake_job("POST", ATTEMPT "/report", "mdg", NULL);
        fake_run();
        assert_job(job, "done");
        assert_report(0);
}

static void a_report_is_forgotten_after_its_time(void **state)
{
        (void)state;
        world_with_preview();
        open_attempt("cancel");
        cancel_attempt();
        look(clock_now_us() + REPORT_KEEP_US - MINUTE_US);
        assert_report(0);
        look(clock_now_us() + REPORT_KEEP_US + MINUTE_US);
        assert_report(-ENOENT);
}

static void who_has_to_know_is_told_of_each_change_once(void **state)
{
        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        assert_announced("attempt-planned ");
        say(ATTEMPT "/announce", NULL);
        look(INT64_C(4102423200) * US_PER_SECOND);
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 600));
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 600));
        cancel_attempt();
        assert_announced("attempt-canceled attempt-extended attempt-extended attempt-open "
                         "attempt-announced attempt-planned ");
}

static void accepted_the_new_site_stays(void **state)
{
        world_with_preview();
        (void)state;
        open_attempt("cancel");
        say(ATTEMPT "/accept", NULL);
        assert_attempt("accepted");
        assert_site("mdg", "production", "bert");
        assert_int_equal(fake_job("POST", ATTEMPT "/cancel", "mdg", NULL), -EPERM);
}

static void one_that_fails_before_it_is_open_gives_production_back(void **state)
{
        static const char *const labels[] = {"dump", "restore", "verify", "settle", "switch"};
        FakeHost *host = world_with_preview();

        (void)state;
        for (size_t i = 0; i < ELEMENTS(labels); i++) {
                int job;

                host->fail = labels[i];
                job = open_attempt("accept");
                host->fail = NULL;
                assert_job(job, "failed");
                assert_attempt("failed");
                assert_site("mdg", "production", "anna");
                assert_site("mdg", "preview", "bert");
                assert_int_equal(fake_about("retry", job), -EPERM);
                rehearse();
        }
        assert_job(open_attempt("accept"), "done");
}

// The preview's old database is gone by then, its new one stays.
static void after_the_old_database_is_given_up_only_production_is_given_back(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        host->fail = "switch";
        assert_job(open_attempt("accept"), "failed");
        assert_non_null(strstr(host->log, "settle switch -switch "));
        assert_null(strstr(host->log, "-swap"));
        assert_null(strstr(host->log, "-restore"));
}

static void nothing_else_changes_the_series_meanwhile(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        host->hold = "dump";
        open_attempt("cancel");
        assert_attempt("synchronising");
        assert_int_equal(fake_sync("mdg"), -EBUSY);
        assert_non_null(strstr(fake.error.next, "understudyctl attempt show mdg"));
        assert_int_equal(fake_switch("mdg"), -EBUSY);
        assert_int_equal(fake_job("DELETE", "/v1/series/{series}/preview", "mdg", NULL), -EBUSY);
        fake_release(host);
        fake_run();
        assert_int_equal(fake_switch("mdg"), -EBUSY);
        assert_int_equal(fake_prepare("mdg"), -EBUSY);
        assert_attempt("open");
}

static void one_that_is_announced_opens_at_its_time(void **state)
{
        int64_t at_us = clock_now_us() + 10 * MINUTE_US;

        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        say(ATTEMPT "/announce", NULL);
        look(at_us);
        assert_attempt("announced");
        look(INT64_C(4102423200) * US_PER_SECOND);
        assert_attempt("open");
}

static void assert_why(const char *part)
{
        json_t *shown;
        const char *why;

        assert_int_equal(fake_ask("GET", ATTEMPT, "mdg", NULL, NULL, &shown), 0);
        why = json_string_value(json_object_get(shown, "why"));
        if (!why || !strstr(why, part))
                fail_msg("why: %s", why);
        json_decref(shown);
}

static void a_plan_that_is_never_announced_lapses_and_makes_room_for_the_next(void **state)
{
        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        look(INT64_C(4102423200) * US_PER_SECOND + ATTEMPT_LATE_US - MINUTE_US);
        assert_attempt("planned");
        look(INT64_C(4102423200) * US_PER_SECOND + ATTEMPT_LATE_US + MINUTE_US);
        assert_attempt("withdrawn");
        assert_why("It was not announced before its time");
        assert_announced("attempt-withdrawn attempt-planned ");
        plan("18:00", "cancel");
        assert_attempt("planned");
}

// Its time has passed on the controller's own clock.
static void put_time_back(int64_t us)
{
        _cleanup_free_ char *sql =
                text_format("UPDATE attempt SET at_us = %lld", (long long)(clock_now_us() - us));

        assert_int_equal(
                sqlite3_exec(store_database(fake.controller->store), sql, NULL, NULL, NULL),
                SQLITE_OK);
}

static void announced_too_late_it_says_so_and_what_to_type(void **state)
{
        (void)state;
        world_with_preview();
        plan("18:00", "cancel");
        put_time_back(5 * MINUTE_US);
        assert_int_equal(fake_job("POST", ATTEMPT "/announce", "mdg", NULL), -EPERM);
        assert_string_equal(fake.error.code, "attempt-time");
        assert_non_null(strstr(fake.error.why, "its time was "));
        assert_non_null(strstr(fake.error.next, "understudyctl attempt move mdg --at WHEN"));
        assert_non_null(strstr(fake.error.next, "understudyctl attempt open mdg"));
        say(ATTEMPT "/move", json_pack("{s:s}", "at", "18:00"));
        say(ATTEMPT "/announce", NULL);
        assert_attempt("announced");
}

static void announced_after_it_has_lapsed_it_says_so_too(void **state)
{
        (void)state;
        world_with_preview();
        plan("18:00", "cancel");
        put_time_back(ATTEMPT_LATE_US + MINUTE_US);
        assert_int_equal(fake_job("POST", ATTEMPT "/announce", "mdg", NULL), -EPERM);
        assert_non_null(strstr(fake.error.why, "It was not announced before its time"));
        assert_non_null(strstr(
                fake.error.next, "understudyctl attempt plan mdg --at WHEN --lapse '60 min'"));
        assert_attempt("withdrawn");
        plan("18:00", "cancel");
        say(ATTEMPT "/withdraw", NULL);
        assert_int_equal(fake_job("POST", ATTEMPT "/announce", "mdg", NULL), -EPERM);
        assert_string_equal(fake.error.code, "attempt-state");
}

static void one_that_is_planned_for_now_can_be_opened_for_a_while(void **state)
{
        (void)state;
        world_with_preview();
        plan("now", "cancel");
        look(clock_now_us() + 10 * MINUTE_US);
        assert_true(fake_job("POST", ATTEMPT "/open", "mdg", NULL) > 0);
        fake_run();
        assert_attempt("open");
}

static void one_whose_time_was_missed_does_not_open(void **state)
{
        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        say(ATTEMPT "/announce", NULL);
        look(INT64_C(4102423200) * US_PER_SECOND + ATTEMPT_LATE_US + 1);
        assert_attempt("failed");
        assert_site("mdg", "production", "anna");
}

static void its_end_is_what_was_agreed_also_after_the_controller_was_down(void **state)
{
        (void)state;
        world_with_preview();
        open_attempt("accept");
        look(clock_now_us() + 59 * MINUTE_US);
        assert_attempt("open");
        fake_crash();
        look(clock_now_us() + 600 * MINUTE_US);
        assert_attempt("accepted");
}

static void a_clock_that_is_put_back_ends_none_early_and_tells_nothing_twice(void **state)
{
        int64_t now_us = clock_now_us();

        (void)state;
        world_with_preview();
        open_attempt("cancel");
        look(now_us + 46 * MINUTE_US);
        look(now_us - 24 * 60 * MINUTE_US);
        assert_attempt("open");
        look(now_us + 47 * MINUTE_US);
        assert_announced("attempt-ends-soon attempt-open attempt-planned ");
        look(now_us + 61 * MINUTE_US);
        look(now_us - 24 * 60 * MINUTE_US);
        look(now_us + 62 * MINUTE_US);
        assert_attempt("canceled");
        assert_announced("attempt-canceled attempt-ends-soon attempt-open attempt-planned ");
}

static void one_that_is_announced_opens_once_when_the_clock_is_put_back(void **state)
{
        int64_t at_us = INT64_C(4102423200) * US_PER_SECOND;

        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        say(ATTEMPT "/announce", NULL);
        look(at_us - MINUTE_US);
        look(at_us - 600 * MINUTE_US);
        assert_attempt("announced");
        look(at_us);
        assert_attempt("open");
        look(clock_now_us());
        assert_announced("attempt-open attempt-announced attempt-planned ");
}

static void without_its_host_the_end_waits_until_it_is_back(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_attempt("cancel");
        fake_disconnect(host);
        look(clock_now_us() + 61 * MINUTE_US);
        look(clock_now_us() + 62 * MINUTE_US);
        assert_attempt("open");
        fake_connect(host);
        fake_run();
        assert_attempt("canceled");
        assert_site("mdg", "production", "anna");
}

static void what_is_not_open_by_its_deadline_is_given_back(void **state)
{
        FakeHost *host = world_with_preview();
        int job;

        (void)state;
        say(ATTEMPT, json_pack("{s:s, s:i, s:i}", "at", "now", "lapse_seconds", 3600,
                             "deadline_seconds", 600));
        host->hold = "restore";
        host->canceled_ends = true;
        job = fake_job("POST", ATTEMPT "/open", "mdg", NULL);
        fake_run();
        look(clock_now_us() + 9 * MINUTE_US);
        assert_attempt("synchronising");
        look(clock_now_us() + 11 * MINUTE_US);
        assert_job(job, "canceled");
        assert_attempt("failed");
        assert_site("mdg", "production", "anna");
        assert_announced("attempt-failed attempt-planned ");
}

// Also when its host is away then: what is told once is not told at every look.
static void a_deadline_without_the_host_waits_for_it(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        plan("now", "accept");
        host->hold = "dump";
        host->canceled_ends = true;
        assert_true(fake_job("POST", ATTEMPT "/open", "mdg", NULL) > 0);
        fake_run();
        fake_disconnect(host);
        look(clock_now_us() + ATTEMPT_DEADLINE_S * US_PER_SECOND + MINUTE_US);
        look(clock_now_us() + ATTEMPT_DEADLINE_S * US_PER_SECOND + 2 * MINUTE_US);
        assert_attempt("synchronising");
        fake_connect(host);
        fake_run();
        assert_attempt("failed");
        assert_site("mdg", "production", "anna");
}

static void who_uses_it_is_told_once_that_it_is_about_to_end(void **state)
{
        int64_t now_us = clock_now_us();

        (void)state;
        world_with_preview();
        open_attempt("cancel");
        look(now_us + 44 * MINUTE_US);
        assert_announced("attempt-open attempt-planned ");
        look(now_us + 46 * MINUTE_US);
        look(now_us + 47 * MINUTE_US);
        assert_announced("attempt-ends-soon attempt-open attempt-planned ");
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 3600));
        look(now_us + 48 * MINUTE_US);
        look(now_us + 106 * MINUTE_US);
        assert_announced("attempt-ends-soon attempt-extended attempt-ends-soon attempt-open "
                         "attempt-planned ");
}

static void more_time_moves_its_end(void **state)
{
        (void)state;
        world_with_preview();
        open_attempt("accept");
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 1800));
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("open");
        look(clock_now_us() + 91 * MINUTE_US);
        assert_attempt("accepted");
}

static void another_time_is_told_each_time_and_opens_it_then(void **state)
{
        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        say(ATTEMPT "/announce", NULL);
        say(ATTEMPT "/move", json_pack("{s:s}", "at", "2099-12-31T19:00Z"));
        say(ATTEMPT "/move",
                json_pack("{s:s, s:i}", "at", "2099-12-31T20:00Z", "lapse_seconds", 600));
        assert_announced("attempt-moved attempt-moved attempt-announced attempt-planned ");
        look(INT64_C(4102426800) * US_PER_SECOND); // 19:00
        assert_attempt("announced");
        look(INT64_C(4102430400) * US_PER_SECOND);
        assert_attempt("open");
        assert_int_equal(
                fake_job("POST", ATTEMPT "/move", "mdg", json_pack("{s:s}", "at", "now")), -EPERM);
}

static void a_way_back_that_fails_can_be_asked_for_again(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_attempt("cancel");
        host->fail = "switch";
        cancel_attempt();
        host->fail = NULL;
        assert_attempt("open");
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("open"); // it waits for a person, who is told
        assert_announced("attempt-not-taken-back attempt-open attempt-planned ");
        cancel_attempt();
        assert_attempt("canceled");
}

// A clock may have been set back between two changes of the links.
static void the_way_back_leads_to_the_site_that_was_replaced_last(void **state)
{
        (void)state;
        world_with_preview();
        assert_true(fake_switch("mdg") > 0);
        fake_run();
        assert_true(fake_job("POST", "/v1/series/{series}/preview", "mdg",
                            json_pack("{s:s}", "site", "carl")) > 0);
        fake_run();
        rehearse();
        open_attempt("cancel");
        assert_site("mdg", "production", "carl");
        assert_int_equal(
                sqlite3_exec(store_database(fake.controller->store),
                        "UPDATE site SET since_us = 1 WHERE name = 'bert'", NULL, NULL, NULL),
                SQLITE_OK);
        cancel_attempt();
        assert_site("mdg", "production", "bert");
}

static void there_is_one_at_a_time(void **state)
{
        json_t *shown;

        (void)state;
        world_with_preview();
        assert_int_equal(fake_ask("GET", ATTEMPT, "mdg", NULL, NULL, &shown), -ENOENT);
        plan("18:00", "cancel");
        assert_int_equal(
                fake_ask("POST", ATTEMPT, "mdg",
                        json_pack("{s:s, s:i}", "at", "18:00", "lapse_seconds", 60), NULL, &shown),
                -EEXIST);
        say(ATTEMPT "/withdraw", NULL);
        assert_attempt("withdrawn");
        plan("18:00", "cancel");
}

static void a_lapse_without_sense_is_refused(void **state)
{
        static const int lapses[] = {0, 59, 31 * 24 * 3600};
        json_t *shown;

        (void)state;
        world_with_preview();
        for (size_t i = 0; i < ELEMENTS(lapses); i++)
                assert_int_equal(
                        fake_ask("POST", ATTEMPT, "mdg",
                                json_pack("{s:s, s:i}", "at", "18:00", "lapse_seconds", lapses[i]),
                                NULL, &shown),
                        -EINVAL);
        assert_int_equal(fake_ask("POST", ATTEMPT, "mdg",
                                 json_pack("{s:s, s:i, s:s}", "at", "18:00", "lapse_seconds", 60,
                                         "when_over", "perhaps"),
                                 NULL, &shown),
                -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                TEST(the_preview_steps_in_and_back),
                TEST(what_a_cancel_has_lost_is_reported),
                TEST(what_a_cancel_would_lose_is_reported_when_asked_for),
                TEST(a_report_that_fails_leaves_the_way_back_as_it_is),
                TEST(a_report_is_forgotten_after_its_time),
                TEST(who_has_to_know_is_told_of_each_change_once),
                TEST(accepted_the_new_site_stays),
                TEST(one_that_fails_before_it_is_open_gives_production_back),
                TEST(after_the_old_database_is_given_up_only_production_is_given_back),
                TEST(nothing_else_changes_the_series_meanwhile),
                TEST(one_that_is_announced_opens_at_its_time),
                TEST(a_plan_that_is_never_announced_lapses_and_makes_room_for_the_next),
                TEST(announced_too_late_it_says_so_and_what_to_type),
                TEST(announced_after_it_has_lapsed_it_says_so_too),
                TEST(one_that_is_planned_for_now_can_be_opened_for_a_while),
                TEST(one_whose_time_was_missed_does_not_open),
                TEST(its_end_is_what_was_agreed_also_after_the_controller_was_down),
                TEST(a_clock_that_is_put_back_ends_none_early_and_tells_nothing_twice),
                TEST(one_that_is_announced_opens_once_when_the_clock_is_put_back),
                TEST(without_its_host_the_end_waits_until_it_is_back),
                TEST(what_is_not_open_by_its_deadline_is_given_back),
                TEST(a_deadline_without_the_host_waits_for_it),
                TEST(who_uses_it_is_told_once_that_it_is_about_to_end),
                TEST(more_time_moves_its_end),
                TEST(another_time_is_told_each_time_and_opens_it_then),
                TEST(a_way_back_that_fails_can_be_asked_for_again),
                TEST(the_way_back_leads_to_the_site_that_was_replaced_last),
                TEST(there_is_one_at_a_time),
                TEST(a_lapse_without_sense_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
