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
        assert_string_equal(host->log, "probe probe space dump script mirror restore static ledger "
                                       "swap verify settle ");

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(a_series_is_adopted_once_production_has_answered),
                FAKE_TEST(prepare_sync_switch_back_and_drop_take_a_site_through_its_life),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
