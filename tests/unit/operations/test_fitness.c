// What rehearsals say about the next opening: whether the preview is fit, and how long it takes.
#include "attempt_world.h"
#include "store/rehearsal.h"

static json_t *shown_series(void)
{
        json_t *shown;

        assert_int_equal(fake_ask("GET", "/v1/series/{series}", "mdg", NULL, NULL, &shown), 0);
        return shown;
}

// What is missing, by its first words; NULL: nothing.
static void assert_missing(const char *expected)
{
        json_t *shown = shown_series();
        const json_t *fitness = json_object_get(shown, "fitness");
        const char *first =
                json_string_value(json_array_get(json_object_get(fitness, "missing"), 0));

        assert_int_equal(json_is_true(json_object_get(fitness, "fit")), expected == NULL);
        assert_true(expected ? first && text_starts(first, expected) : !first);
        json_decref(shown);
}

static int ask_plan(const char *anyway)
{
        json_t *shown, *body = json_pack("{s:s, s:i}", "at", "now", "lapse_seconds", 3600);
        int r;

        if (anyway)
                json_object_set_new(body, "anyway", json_string(anyway));
        r = fake_ask("POST", ATTEMPT, "mdg", body, NULL, &shown);
        json_decref(shown);
        return r;
}

static void assert_unfit(const char *why)
{
        assert_missing(why);
        assert_int_equal(ask_plan(NULL), -EPERM);
        assert_string_equal(fake.error.code, "unfit");
        assert_true(text_starts(fake.error.why, why));
        assert_non_null(strstr(fake.error.next, "--anyway WHY"));
}

static void a_preview_that_is_not_fit_does_not_step_in(void **state)
{
        FakeHost *host = fake_world();

        (void)state;
        assert_unfit("there is no preview");
        fake_prepare("mdg");
        fake_run();
        assert_unfit("it has not been synchronised yet");
        rehearse();
        assert_missing(NULL);
        host->fail = "restore";
        rehearse();
        assert_unfit("the last synchronisation failed (job 4): it went wrong in restore");
        host->fail = "script";
        host->fail_code = "script-conflict";
        rehearse();
        assert_unfit("restore2preview.py has a conflict for a person to resolve (job 5)");
        host->fail = NULL;
        rehearse();
        assert_missing(NULL);
        assert_int_equal(ask_plan(NULL), 0);
}

static void rehearsals_of_an_earlier_preview_do_not_count(void **state)
{
        (void)state;
        world_with_preview();
        assert_missing(NULL);
        assert_true(fake_job("DELETE", "/v1/series/{series}/preview", "mdg", NULL) > 0);
        fake_run();
        assert_unfit("there is no preview");
        fake_prepare("mdg");
        fake_run();
        assert_unfit("it has not been synchronised yet");
}

static void a_rehearsal_that_was_canceled_says_nothing(void **state)
{
        FakeHost *host = world_with_preview();
        int job;

        (void)state;
        host->hold = "dump";
        host->canceled_ends = true;
        job = rehearse();
        assert_true(fake_about("cancel", job) > 0);
        fake_run();
        assert_job(job, "canceled");
        assert_missing(NULL);
}

// Whether the history has that line.
static void assert_history(const char *event, const char *detail)
{
        json_t *shown, *one;
        bool found = false;
        size_t i;

        assert_int_equal(fake_ask("GET", "/v1/history", NULL, NULL, NULL, &shown), 0);
        json_array_foreach (shown, i, one)
                found |= text_equal(json_string_value(json_object_get(one, "event")), event) &&
                         text_equal(json_string_value(json_object_get(one, "detail")), detail);
        assert_true(found);
        json_decref(shown);
}

static void with_a_reason_it_steps_in_all_the_same_and_the_history_keeps_it(void **state)
{
        FakeHost *host = fake_world_with_preview();

        (void)state;
        assert_int_equal(ask_plan(""), -EINVAL);
        assert_int_equal(ask_plan("only the layout is new"), 0);
        assert_true(fake_job("POST", ATTEMPT "/open", "mdg", NULL) > 0);
        fake_run();
        assert_attempt("open");
        assert_history("attempt though not fit",
                "it has not been synchronised yet. Anyway, because: only the layout is new");
        cancel_attempt();
        host->fail = "dump";
        rehearse();
        assert_int_equal(ask_plan("we look first"), 0);
        assert_attempt("planned");
}

static void a_reason_may_be_given_when_it_is_opened(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        plan("now", "cancel");
        host->fail = "dump";
        rehearse();
        host->fail = NULL;
        assert_int_equal(fake_job("POST", ATTEMPT "/open", "mdg", NULL), -EPERM);
        assert_true(fake_job("POST", ATTEMPT "/open", "mdg",
                            json_pack("{s:s}", "anyway", "the disk has room again")) > 0);
        fake_run();
        assert_attempt("open");
}

static void one_announced_fails_when_its_preview_is_not_fit_at_its_time(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        plan("2099-12-31T18:00Z", "cancel");
        say(ATTEMPT "/announce", NULL);
        host->fail = "dump";
        rehearse();
        host->fail = NULL;
        host->log[0] = '\0';
        look(INT64_C(4102423200) * US_PER_SECOND);
        assert_attempt("failed");
        assert_string_equal(host->log, ""); // production was not touched
}

static void release_notes_are_signed_off_before_it_opens(void **state)
{
        json_t *shown;

        (void)state;
        world_with_preview();
        plan("now", "cancel");
        say(ATTEMPT "/items", json_pack("{s:[s, s]}", "items", "New invoices", "New menu"));
        say(ATTEMPT "/sign", json_pack("{s:[i]}", "items", 1));
        assert_missing("1 item of the release notes is not signed off");
        assert_int_equal(fake_ask("POST", ATTEMPT "/open", "mdg", NULL, NULL, &shown), -EPERM);
        assert_string_equal(fake.error.code, "unfit");
        say(ATTEMPT "/sign", json_pack("{s:[i]}", "items", 2));
        assert_missing(NULL);
        assert_true(fake_job("POST", ATTEMPT "/open", "mdg", NULL) > 0);
}

static void what_rehearsals_were_is_shown_newest_first(void **state)
{
        FakeHost *host = world_with_preview();
        json_t *shown, *newest, *before;

        (void)state;
        host->fail = "restore";
        rehearse();
        shown = shown_series();
        assert_int_equal(json_array_size(json_object_get(shown, "rehearsals")), 2);
        newest = json_array_get(json_object_get(shown, "rehearsals"), 0);
        before = json_array_get(json_object_get(shown, "rehearsals"), 1);
        assert_string_equal(json_string_value(json_object_get(newest, "state")), "failed");
        assert_string_equal(
                json_string_value(json_object_get(newest, "why")), "it went wrong in restore");
        assert_int_equal(json_integer_value(json_object_get(before, "objects")), 3887);
        assert_string_equal(json_string_value(json_object_get(before, "way")), "full");
        json_decref(shown);
}

// ---- in time

// Rehearsals that took so many seconds in their restore, the oldest first.
static void have_taken(const int *seconds, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                int64_t start_us = clock_now_us() - (int64_t)(count - i) * MINUTE_US;
                RehearsalRow row = {.series = "mdg",
                        .job = 1,
                        .kind = JOB_SYNC,
                        .state = JOB_DONE,
                        .started_us = start_us,
                        .ended_us = start_us + MINUTE_US,
                        .way = "full",
                        .why = ""};

                rehearsal_add_step(&row, "restore", seconds[i] * US_PER_SECOND);
                assert_int_equal(store_begin(fake.controller->store, NULL), 0);
                assert_int_equal(rehearsal_keep(fake.controller->store, &row, NULL), 0);
                assert_int_equal(store_commit(fake.controller->store, NULL), 0);
                free(row.steps);
        }
}

static void one_that_cannot_open_within_its_deadline_is_not_planned(void **state)
{
        static const int seconds[] = {700, 700, 700};
        json_t *shown, *short_one = json_pack("{s:s, s:i, s:i}", "at", "now", "lapse_seconds", 3600,
                               "deadline_seconds", 600);

        (void)state;
        world_with_preview();
        have_taken(seconds, ELEMENTS(seconds));
        assert_int_equal(fake_ask("POST", ATTEMPT, "mdg", short_one, NULL, &shown), -EPERM);
        assert_string_equal(fake.error.code, "forecast");
        assert_non_null(strstr(fake.error.next, "--deadline '24 min'"));
        plan("now", "cancel");
        assert_attempt("planned");
}

// As soon as a task has ended, and before people have waited for all of it.
static void an_opening_that_by_the_forecast_cannot_be_in_time_is_given_back(void **state)
{
        static const int before[] = {60, 60, 60}, since[] = {700, 700, 700, 700, 700, 700};
        FakeHost *host = world_with_preview();
        int job;

        (void)state;
        have_taken(before, ELEMENTS(before));
        say(ATTEMPT, json_pack("{s:s, s:i, s:i}", "at", "now", "lapse_seconds", 3600,
                             "deadline_seconds", 600));
        host->hold = "dump";
        job = fake_job("POST", ATTEMPT "/open", "mdg", NULL);
        fake_run();
        assert_job(job, "running");
        have_taken(since, ELEMENTS(since));
        fake_release(host);
        fake_run();
        assert_job(job, "canceled");
        assert_attempt("failed");
        assert_site("mdg", "production", "anna");
        assert_null(strstr(host->log, "restore"));
}

static void operators_hear_once_that_a_planned_one_takes_longer_and_longer(void **state)
{
        static const int seconds[] = {20, 20, 20, 20, 60, 60, 60, 60};

        (void)state;
        world_with_preview();
        plan("2099-12-31T18:00Z", "cancel");
        rehearse();
        assert_announced("attempt-planned ");
        have_taken(seconds, ELEMENTS(seconds));
        rehearse();
        rehearse();
        assert_announced("attempt-at-risk attempt-planned ");
}

#define TEST(name) FAKE_TEST(name)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_preview_that_is_not_fit_does_not_step_in),
                TEST(rehearsals_of_an_earlier_preview_do_not_count),
                TEST(a_rehearsal_that_was_canceled_says_nothing),
                TEST(with_a_reason_it_steps_in_all_the_same_and_the_history_keeps_it),
                TEST(a_reason_may_be_given_when_it_is_opened),
                TEST(one_announced_fails_when_its_preview_is_not_fit_at_its_time),
                TEST(release_notes_are_signed_off_before_it_opens),
                TEST(what_rehearsals_were_is_shown_newest_first),
                TEST(one_that_cannot_open_within_its_deadline_is_not_planned),
                TEST(an_opening_that_by_the_forecast_cannot_be_in_time_is_given_back),
                TEST(operators_hear_once_that_a_planned_one_takes_longer_and_longer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
