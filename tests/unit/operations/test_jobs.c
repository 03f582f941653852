#include "fake.h"

static void a_series_is_adopted_once_production_has_answered(void **state)
{
        FakeHost *host = fake_add_host(0, "alpha");
        int job;
        json_t *shown;

        (void)state;
        fake_connect(host);
        host->hold = "probe";
        job = fake_adopt("mdg", ROOT);
        fake_run();
        assert_job(job, "running");
        assert_int_equal(
                fake_ask("GET", "/v1/series/{series}", "mdg", NULL, NULL, &shown), -ENOENT);
        fake_release(host);
        fake_run();
        assert_job(job, "done");
        assert_site("mdg", "production", "anna");
}

static void prepare_sync_switch_back_and_drop_take_a_site_through_its_life(void **state)
{
        FakeHost *host = fake_world();
        int job = fake_prepare("mdg");

        (void)state;
        fake_run();
        assert_job(job, "done");
        assert_string_equal(
                host->log, "probe space clone log rewrite environment database probe switch ");
        assert_site("mdg", "preview", "bert");

        host->log[0] = '\0';
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "probe probe space warm choose dump static script mirror "
                                       "restore ledger swap verify settle ");

        job = fake_switch("mdg");
        fake_run();
        assert_job(job, "done");
        assert_site("mdg", "production", "bert");
        assert_site("mdg", "old", "anna");
        assert_site("mdg", "preview", "");
        assert_int_equal(fake_sync("mdg"), -ENOENT);
        assert_non_null(strstr(fake.error.next, "understudyctl preview switch mdg"));

        job = fake_switch("mdg");
        fake_run();
        assert_job(job, "done");
        assert_site("mdg", "production", "anna");
        assert_site("mdg", "preview", "bert");

        job = fake_job("DELETE", "/v1/series/{series}/preview", "mdg", NULL);
        fake_run();
        assert_job(job, "done");
        assert_site("mdg", "preview", "");
        assert_site("mdg", "purged", "bert");
        assert_true(fake_prepare("mdg") > 0);
}

// ---- failing, going back, trying again

static void a_failed_sync_takes_back_what_is_flagged_in_reverse(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "verify";
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "failed");
        assert_string_equal(host->log, "probe probe space warm choose dump static script mirror "
                                       "restore ledger swap verify -swap -restore ");
        assert_task(job, "verify", "failed");
        assert_task(job, "swap", "undone");
        assert_task(job, "restore", "undone");
        assert_task(job, "dump", "done");
        assert_task(job, "settle", "pending");
        assert_hint(job, "keeps what need not be done again");
}

static void a_retried_synchronisation_keeps_the_dump_and_reads_the_script_again(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "verify";
        job = fake_sync("mdg");
        fake_run();
        host->fail = NULL;
        host->log[0] = '\0';
        assert_int_equal(fake_about("retry", job), job);
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "script mirror restore ledger swap verify settle ");
}

static void a_failed_preparation_stays_as_it_is_and_goes_on_when_retried(void **state)
{
        FakeHost *host = fake_world();
        int job;

        (void)state;
        host->fail = "environment";
        job = fake_prepare("mdg");
        fake_run();
        assert_job(job, "failed");
        assert_string_equal(host->log, "probe space clone log rewrite environment ");
        assert_hint(job, "job cancel");
        assert_site("mdg", "preview", "");
        host->fail = NULL;
        host->log[0] = '\0';
        fake_about("retry", job);
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "environment database probe switch ");
        assert_site("mdg", "preview", "bert");
}

static void a_failed_preparation_is_taken_back_as_a_whole_when_canceled(void **state)
{
        FakeHost *host = fake_world();
        int job;

        (void)state;
        host->fail = "environment";
        job = fake_prepare("mdg");
        fake_run();
        assert_int_equal(fake_prepare("mdg"), -EBUSY);
        assert_string_equal(fake.error.code, "unfinished");
        host->log[0] = '\0';
        assert_int_equal(fake_about("cancel", job), job);
        fake_run();
        assert_job(job, "canceled");
        assert_string_equal(host->log, "-environment -rewrite -log -clone ");
        assert_task(job, "database", "canceled");
        assert_true(fake_prepare("mdg") > 0);
}

static void a_failure_ends_what_runs_beside_it(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "static";
        host->hold = "dump";
        host->canceled_ends = true;
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "failed");
        assert_task(job, "dump", "canceled");
        assert_task(job, "static", "failed");
        assert_null(strstr(host->log, "script"));
}

static void taking_back_that_fails_is_tried_again_before_anything_else(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "verify";
        host->undo_fail = "swap";
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "failed");
        assert_task(job, "swap", "failed");
        assert_task(job, "restore", "done"); // what comes after it in reverse was not touched
        assert_hint(job, "'swap' could not be taken back");
        host->undo_fail = NULL;
        host->fail = NULL;
        host->log[0] = '\0';
        fake_about("retry", job);
        fake_run();
        assert_job(job, "failed");
        assert_string_equal(host->log, "-swap -restore ");
        fake_about("retry", job);
        fake_run();
        assert_job(job, "done");
}

static void once_the_last_step_has_begun_nothing_is_taken_back(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "settle";
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "failed");
        assert_null(strchr(host->log, '-'));
        assert_int_equal(fake_about("cancel", job), -EBUSY);
        assert_string_equal(fake.error.code, "job-final");
        host->fail = NULL;
        host->log[0] = '\0';
        fake_about("retry", job);
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "settle ");
}

static void a_failed_job_that_another_has_followed_is_neither_retried_nor_canceled(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "dump";
        job = fake_sync("mdg");
        fake_run();
        host->fail = NULL;
        assert_job(fake_sync("mdg"), "running");
        assert_int_equal(fake_about("retry", job), -EBUSY);
        assert_string_equal(fake.error.code, "job-followed");
        assert_int_equal(fake_about("cancel", job), -EBUSY);
        fake_run();
        assert_int_equal(fake_about("retry", job), -EBUSY);
}

// ---- cancel

static void a_queued_job_is_canceled_at_once(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        fake_disconnect(host);
        job = fake_sync("mdg");
        assert_hint(job, "waiting for host alpha, last seen");
        fake_about("cancel", job);
        assert_job(job, "canceled");
        assert_task(job, "dump", "canceled");
        fake_connect(host);
        fake_run();
        assert_string_equal(host->log, "");
}

static void a_running_sync_is_canceled_and_its_restore_taken_back(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->hold = "restore";
        host->canceled_ends = true;
        job = fake_sync("mdg");
        fake_run();
        fake_about("cancel", job);
        assert_job(job, "undoing");
        fake_run();
        assert_job(job, "canceled");
        assert_task(job, "restore", "undone");
        assert_task(job, "mirror", "done");
        assert_int_equal(fake_about("retry", job), -EBUSY);
}

static void a_task_that_ends_well_although_canceled_is_taken_back_all_the_same(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->hold = "restore";
        job = fake_sync("mdg");
        fake_run();
        fake_about("cancel", job);
        fake_run();
        fake_release(host);
        fake_run();
        assert_job(job, "canceled");
        assert_task(job, "restore", "undone");
}

static void a_job_that_is_done_is_not_canceled(void **state)
{
        fake_world();
        (void)state;
        assert_int_equal(fake_about("cancel", 1), -EBUSY);
        assert_string_equal(fake.error.code, "job-state");
}

// ---- waiting for a person

static int prepare_with_review(void)
{
        return fake_job("POST", "/v1/series/{series}/preview", "mdg",
                json_pack("{s:s, s:b}", "site", "bert", "review", 1));
}

static void a_review_stops_behind_the_rewriting_until_it_is_resumed(void **state)
{
        FakeHost *host = fake_world();
        int job = prepare_with_review();

        (void)state;
        fake_run();
        assert_job(job, "waiting");
        assert_string_equal(host->log, "probe space clone log rewrite ");
        assert_hint(job, "job resume");
        assert_int_equal(fake_about("retry", job), -EBUSY);
        fake_about("resume", job);
        fake_run();
        assert_job(job, "done");
        assert_site("mdg", "preview", "bert");
        assert_int_equal(fake_about("resume", job), -EBUSY);
}

static void a_review_that_ends_in_a_cancel_takes_everything_back(void **state)
{
        FakeHost *host = fake_world();
        int job = prepare_with_review();

        (void)state;
        fake_run();
        host->log[0] = '\0';
        fake_about("cancel", job);
        fake_run();
        assert_job(job, "canceled");
        assert_string_equal(host->log, "-rewrite -log -clone ");
}

static void a_dry_run_runs_what_only_reads_and_changes_nothing(void **state)
{
        FakeHost *host = fake_world();
        int job = fake_job("POST", "/v1/series/{series}/preview", "mdg",
                json_pack("{s:s, s:b}", "site", "bert", "dry_run", 1));

        (void)state;
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "probe space rewrite ");
        assert_task(job, "clone", "skipped");
        assert_site("mdg", "preview", "");
}

// ---- what the registry makes of it

static Fleet__ProbeResult *answer(const char *database, const char *prod)
{
        Fleet__ProbeResult *probe =
                (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);

        probe->identity = (Fleet__Identity *)message_new(&fleet__identity__descriptor);
        probe->identity->project_dir = text_copy("/srv/lino/two/anna");
        probe->identity->database = (Fleet__Database *)message_new(&fleet__database__descriptor);
        probe->identity->database->engine = text_copy("sqlite");
        probe->identity->database->name = text_copy(database);
        probe->prod = text_copy(prod);
        return probe;
}

static void an_adoption_fails_when_production_shares_its_database(void **state)
{
        FakeHost *host = fake_world();
        json_t *shown;
        int job;

        (void)state;
        host->probe = answer(ROOT "/anna/default.db", "");
        job = fake_adopt("second", "/srv/lino/two");
        fake_run();
        assert_job(job, "failed");
        assert_int_equal(
                fake_ask("GET", "/v1/series/{series}", "second", NULL, NULL, &shown), -ENOENT);
}

static void an_adoption_fails_when_the_link_prod_points_elsewhere(void **state)
{
        FakeHost *host = fake_world();
        int job;

        (void)state;
        host->probe = answer("/srv/lino/two/anna/default.db", "zoe");
        job = fake_adopt("second", "/srv/lino/two");
        fake_run();
        assert_job(job, "failed");
        fake_about("retry", job);
        host->probe->prod = (free(host->probe->prod), text_copy("anna"));
        fake_run();
        assert_job(job, "done");
        assert_site("second", "production", "anna");
}

static void of_two_adoptions_of_one_root_the_second_fails(void **state)
{
        FakeHost *host = fake_add_host(0, "alpha");
        int first, second;

        (void)state;
        fake_connect(host);
        first = fake_adopt("mdg", ROOT);
        second = fake_adopt("again", ROOT);
        assert_true(first > 0 && second > 0);
        fake_run();
        assert_job(first, "done");
        assert_job(second, "failed");
        assert_int_equal(fake_adopt("third", ROOT), -EEXIST);
}

static void a_job_is_planned_again_when_it_starts(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int first, second;

        (void)state;
        host->hold = "switch";
        first = fake_switch("mdg");
        second = fake_sync("mdg"); // there still is a preview
        fake_run();
        assert_hint(second, "waiting for job");
        fake_release(host);
        fake_run();
        assert_job(first, "done");
        assert_job(second, "failed"); // there is none any more, and nothing was touched
        assert_null(strstr(host->log, "dump"));
}

// ---- what only serves the others

static void what_serves_the_others_is_ended_with_them(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->hold = "warm";
        host->canceled_ends = true;
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "done");
        assert_task(job, "warm", "done");
}

static void what_serves_the_others_fails_nothing(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        host->fail = "warm";
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "done");
}

static void what_serves_the_others_takes_nobodys_place(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int job;

        (void)state;
        fake.setup.limits.host_tasks = 1;
        host->hold = "warm";
        host->canceled_ends = true;
        job = fake_sync("mdg");
        fake_run();
        assert_job(job, "done");
}

// ---- deltas

static void one_difference_turns_deltas_off_until_somebody_looks(void **state)
{
        FakeHost *host = fake_world_with_preview();
        json_t *series = NULL, *setting, *entries = NULL;
        const char *value = "";
        bool told = false;
        size_t i;

        (void)state;
        host->difference = "contacts_person #7 name: 'a', 'b'";
        fake_sync("mdg");
        fake_run();
        assert_int_equal(fake_ask("GET", "/v1/series/{series}", "mdg", NULL, NULL, &series), 0);
        json_array_foreach (json_object_get(series, "settings"), i, setting)
                if (text_equal(json_string_value(json_object_get(setting, "setting")), "delta"))
                        value = json_string_value(json_object_get(setting, "value"));
        assert_string_equal(value, "off");
        assert_int_equal(fake_ask("GET", "/v1/history", NULL, NULL, NULL, &entries), 0);
        json_array_foreach (entries, i, setting) {
                const char *detail = json_string_value(json_object_get(setting, "detail"));

                told = told || (strstr(detail, "contacts_person #7") &&
                                       strstr(detail, "understudyctl series set mdg delta="));
        }
        assert_true(told);
        json_decref(series);
        json_decref(entries);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(a_series_is_adopted_once_production_has_answered),
                FAKE_TEST(prepare_sync_switch_back_and_drop_take_a_site_through_its_life),
                FAKE_TEST(a_failed_sync_takes_back_what_is_flagged_in_reverse),
                FAKE_TEST(a_retried_synchronisation_keeps_the_dump_and_reads_the_script_again),
                FAKE_TEST(a_failed_preparation_stays_as_it_is_and_goes_on_when_retried),
                FAKE_TEST(a_failed_preparation_is_taken_back_as_a_whole_when_canceled),
                FAKE_TEST(a_failure_ends_what_runs_beside_it),
                FAKE_TEST(taking_back_that_fails_is_tried_again_before_anything_else),
                FAKE_TEST(once_the_last_step_has_begun_nothing_is_taken_back),
                FAKE_TEST(a_failed_job_that_another_has_followed_is_neither_retried_nor_canceled),
                FAKE_TEST(a_queued_job_is_canceled_at_once),
                FAKE_TEST(a_running_sync_is_canceled_and_its_restore_taken_back),
                FAKE_TEST(a_task_that_ends_well_although_canceled_is_taken_back_all_the_same),
                FAKE_TEST(a_job_that_is_done_is_not_canceled),
                FAKE_TEST(a_review_stops_behind_the_rewriting_until_it_is_resumed),
                FAKE_TEST(a_review_that_ends_in_a_cancel_takes_everything_back),
                FAKE_TEST(a_dry_run_runs_what_only_reads_and_changes_nothing),
                FAKE_TEST(an_adoption_fails_when_production_shares_its_database),
                FAKE_TEST(an_adoption_fails_when_the_link_prod_points_elsewhere),
                FAKE_TEST(of_two_adoptions_of_one_root_the_second_fails),
                FAKE_TEST(a_job_is_planned_again_when_it_starts),
                FAKE_TEST(what_serves_the_others_is_ended_with_them),
                FAKE_TEST(what_serves_the_others_fails_nothing),
                FAKE_TEST(what_serves_the_others_takes_nobodys_place),
                FAKE_TEST(one_difference_turns_deltas_off_until_somebody_looks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
