#include "fake.h"

static void a_series_has_one_job_at_a_time_in_the_order_asked(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int first, second, third;

        (void)state;
        host->hold = "space";
        first = fake_sync("mdg");
        second = fake_sync("mdg");
        third = fake_sync("mdg");
        fake_run();
        assert_job(first, "running");
        assert_job(second, "queued");
        assert_job(third, "queued");
        fake_release(host);
        host->hold = "dump";
        fake_run();
        assert_job(first, "running");
        fake_release(host);
        host->hold = "space";
        fake_run();
        assert_job(first, "done");
        assert_job(second, "running");
        assert_job(third, "queued");
}

// What is asked for after a clock was set back seems to have been asked for before.
static void a_clock_that_is_set_back_lets_no_second_job_begin(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int first, second;

        (void)state;
        host->hold = "dump";
        first = fake_sync("mdg");
        fake_run();
        assert_int_equal(
                sqlite3_exec(store_database(fake.controller->store),
                        "UPDATE job SET queued_us = queued_us + 3600000000", NULL, NULL, NULL),
                SQLITE_OK);
        second = fake_sync("mdg");
        fake_run();
        assert_job(first, "running");
        assert_job(second, "queued");
        assert_hint(second, "of the same series");
        fake_release(host);
        fake_run();
        assert_job(second, "done");
}

static void another_series_does_not_wait(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int first, second;

        (void)state;
        host->hold = "space";
        first = fake_sync("mdg");
        second = fake_adopt("other", "/srv/lino/two");
        fake_run();
        assert_job(first, "running");
        assert_job(second, "done");
}

static void a_scan_waits_for_one_of_the_same_host_only(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int sync, first, second;

        (void)state;
        host->hold = "dump";
        sync = fake_sync("mdg");
        fake_run();
        host->hold = "scan";
        first = fake_scan("alpha");
        second = fake_scan("alpha");
        fake_run();
        assert_job(sync, "running");
        assert_job(first, "running");
        assert_job(second, "queued");
        assert_hint(second, "of the same host");
        fake_release(host);
        host->hold = NULL;
        fake_run();
        assert_job(first, "done");
        assert_job(second, "done");
}

static void a_failed_scan_can_be_tried_again_after_another(void **state)
{
        FakeHost *host = fake_world();
        int job;

        (void)state;
        host->fail = "scan";
        job = fake_scan("alpha");
        fake_run();
        assert_job(job, "failed");
        host->fail = NULL;
        assert_true(fake_scan("alpha") > job);
        fake_run();
        assert_int_equal(fake_about("retry", job), job);
        fake_run();
        assert_job(job, "done");
}

static void a_scan_of_a_host_that_has_not_joined_is_refused(void **state)
{
        (void)state;
        fake_world();
        assert_int_equal(fake_scan("nobody"), -ENOENT);
        assert_string_equal(fake.error.code, "no-host");
}

static void a_third_heavy_task_waits_for_a_place_on_its_host(void **state)
{
        FakeHost *host = fake_world();
        static const char *const series[] = {"two", "three", "four"};
        int jobs[3];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(series); i++) {
                _cleanup_free_ char *root = text_format("/srv/lino/%s", series[i]);

                fake_adopt(series[i], root);
        }
        fake_run();
        host->hold = "clone";
        for (size_t i = 0; i < ELEMENTS(series); i++)
                jobs[i] = fake_prepare(series[i]);
        fake_run();
        assert_task(jobs[0], "clone", "running");
        assert_task(jobs[1], "clone", "running");
        assert_task(jobs[2], "clone", "pending");
        assert_hint(jobs[2], "free place on host alpha");
        fake_release(host);
        fake_run();
        for (size_t i = 0; i < ELEMENTS(series); i++)
                assert_job(jobs[i], "done");
}

static void a_job_that_waits_for_a_person_keeps_its_series(void **state)
{
        int job;

        fake_world();
        (void)state;
        job = fake_job("POST", "/v1/series/{series}/preview", "mdg",
                json_pack("{s:s, s:b}", "site", "bert", "review", 1));
        fake_run();
        assert_job(job, "waiting");
        assert_job(fake_job("POST", "/v1/series/{series}/preview", "mdg",
                           json_pack("{s:s, s:b}", "site", "carl", "dry_run", 1)),
                "queued");
}

static void a_lost_host_keeps_its_job_running_until_it_is_back(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->hold = "dump";
        job = fake_sync("mdg");
        fake_run();
        fake_disconnect(host);
        fake_run();
        assert_job(job, "running");
        assert_hint(job, "waiting for host alpha, last seen 20");
        fake_connect(host);
        fake_release(host);
        fake_run();
        assert_job(job, "done");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(a_series_has_one_job_at_a_time_in_the_order_asked),
                FAKE_TEST(a_clock_that_is_set_back_lets_no_second_job_begin),
                FAKE_TEST(another_series_does_not_wait),
                FAKE_TEST(a_scan_waits_for_one_of_the_same_host_only),
                FAKE_TEST(a_failed_scan_can_be_tried_again_after_another),
                FAKE_TEST(a_scan_of_a_host_that_has_not_joined_is_refused),
                FAKE_TEST(a_third_heavy_task_waits_for_a_place_on_its_host),
                FAKE_TEST(a_job_that_waits_for_a_person_keeps_its_series),
                FAKE_TEST(a_lost_host_keeps_its_job_running_until_it_is_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
