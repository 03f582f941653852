// Attempts whose worker takes them back by itself when nobody can tell it otherwise.
#include "attempt_world.h"
#include "store/attempt.h"

#define ALONE_S 300

static void open_alone(void)
{
        int job;

        say(ATTEMPT, json_pack("{s:s, s:i, s:i}", "at", "now", "lapse_seconds", 3600,
                             "alone_seconds", ALONE_S));
        job = fake_job("POST", ATTEMPT "/open", "mdg", NULL);
        fake_run();
        assert_job(job, "done");
        assert_attempt("open");
}

// The newest job of a kind. 0: there is none.
static int newest(JobKind kind)
{
        _cleanup_job_ JobRow job = {0};
        int r = job_newest_of_kind(fake.controller->store, "mdg", kind, &job, &fake.error);

        assert_true(r >= 0);
        return (int)job.id;
}

// Its own clock is the simulation's: the moment is put into the past instead.
static void its_moment_comes(FakeHost *host)
{
        for (size_t i = 0; i < host->tasks; i++)
                if (fake_stands_by(&host->journal[i]))
                        host->journal[i].task->standby->at_us = 0;
        fake_stand_alone(host);
}

static int64_t moment(const FakeHost *host)
{
        for (size_t i = 0; i < host->tasks; i++)
                if (fake_stands_by(&host->journal[i]))
                        return host->journal[i].task->standby->at_us;
        return 0;
}

static void its_worker_is_told_of_the_end_and_the_way_back(void **state)
{
        FakeHost *host = world_with_preview();
        const Fleet__StandbyArguments *standby;
        _cleanup_attempt_ AttemptRow attempt = {0};

        (void)state;
        open_alone();
        assert_non_null(strstr(host->log, "switch standby "));
        assert_job(newest(JOB_STANDBY), "running");
        assert_int_equal(host->tasks, 1);
        standby = host->journal[0].task->standby;
        assert_int_equal(attempt_newest(fake.controller->store, "mdg", &attempt, NULL), 1);
        assert_true(standby->at_us == attempt.ends_us + ALONE_S * US_PER_SECOND);
        assert_int_equal(standby->n_way_back, 1);
        assert_string_equal(standby->way_back[0]->switch_->links[0]->name, "prod");
        assert_string_equal(standby->way_back[0]->switch_->links[0]->site, "anna");
        assert_string_equal(standby->way_back[0]->switch_->links[0]->before, "bert");
}

static void without_being_asked_to_nobody_stands_by(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_attempt("cancel");
        assert_null(strstr(host->log, "standby"));
        assert_int_equal(newest(JOB_STANDBY), 0);
}

static void what_stands_by_takes_no_place_and_holds_up_no_job(void **state)
{
        FakeHost *host = world_with_preview();
        int job;

        (void)state;
        fake.setup.limits.host_tasks = 1;
        open_alone();
        host->log[0] = '\0';
        job = fake_job("POST", ATTEMPT "/report", "mdg", NULL);
        fake_run();
        assert_job(job, "done");
        assert_string_equal(host->log, "loss ");
        assert_job(newest(JOB_STANDBY), "running");
}

static void a_cancel_calls_it_back_first(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        host->log[0] = '\0';
        cancel_attempt();
        assert_string_equal(host->log, "switch loss ");
        assert_attempt("canceled");
        assert_job(newest(JOB_STANDBY), "canceled");
        assert_job(newest(JOB_SWITCH), "done");
        assert_site("mdg", "production", "anna");
}

static void the_end_of_the_lapse_is_the_controllers_as_long_as_it_can(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        host->log[0] = '\0';
        look(clock_now_us() + 61 * MINUTE_US);
        assert_string_equal(host->log, "switch loss ");
        assert_attempt("canceled");
        assert_job(newest(JOB_STANDBY), "canceled");
}

static void assert_nobody_accepts(void)
{
        _cleanup_attempt_ AttemptRow attempt = {0};

        assert_int_equal(attempt_newest(fake.controller->store, "mdg", &attempt, NULL), 1);
        assert_null(attempt.accepting);
}

static void accepted_it_is_once_its_worker_has_let_go(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        say(ATTEMPT "/accept", NULL);
        assert_attempt("open");
        fake_run();
        assert_attempt("accepted");
        assert_nobody_accepts();
        assert_job(newest(JOB_STANDBY), "canceled");
        assert_int_equal(host->tasks, 0);
        assert_site("mdg", "production", "bert");
}

static void accepted_while_its_host_is_away_it_waits_and_says_so(void **state)
{
        FakeHost *host = world_with_preview();
        json_t *shown;

        (void)state;
        open_alone();
        fake_disconnect(host);
        say(ATTEMPT "/accept", NULL);
        fake_run();
        assert_attempt("open");
        assert_int_equal(fake_ask("GET", ATTEMPT, "mdg", NULL, NULL, &shown), 0);
        assert_string_equal(json_string_value(json_object_get(shown, "accepting")), "jane");
        json_decref(shown);
        look(clock_now_us() + 70 * MINUTE_US);
        assert_attempt("open");
        fake_connect(host);
        fake_run();
        assert_attempt("accepted");
}

static void the_host_cut_off_its_worker_ends_it_as_agreed(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        fake_disconnect(host);
        host->log[0] = '\0';
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("open");
        its_moment_comes(host);
        fake_connect(host);
        fake_run();
        assert_string_equal(host->log, "alone:switch loss ");
        assert_attempt("canceled");
        assert_job(newest(JOB_STANDBY), "done");
        assert_job(newest(JOB_SWITCH), "canceled");
        assert_site("mdg", "production", "anna");
        assert_site("mdg", "preview", "bert");
        assert_announced("attempt-canceled attempt-open attempt-planned ");
}

static void with_the_controller_down_too(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        host->log[0] = '\0';
        fake_crash();
        its_moment_comes(host);
        fake_connect(host);
        fake_run();
        look(clock_now_us() + 61 * MINUTE_US);
        assert_string_equal(host->log, "alone:switch loss ");
        assert_attempt("canceled");
        assert_site("mdg", "production", "anna");
        // Its links are known: the next way leads forward again.
        assert_true(fake_switch("mdg") > 0);
        fake_run();
        assert_site("mdg", "production", "bert");
}

static void accepted_too_late_it_is_what_its_worker_made_of_it(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        fake_disconnect(host);
        its_moment_comes(host);
        say(ATTEMPT "/accept", NULL);
        fake_connect(host);
        fake_run();
        assert_attempt("canceled");
        assert_site("mdg", "production", "anna");
}

static void with_more_time_its_worker_waits_longer(void **state)
{
        FakeHost *host = world_with_preview();
        int64_t before;

        (void)state;
        open_alone();
        before = moment(host);
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 600));
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 600));
        fake_run();
        assert_int_equal(host->tasks, 1);
        assert_true(moment(host) == before + 20 * MINUTE_US);
        cancel_attempt();
        assert_attempt("canceled");
        assert_int_equal(host->tasks, 0);
}

static void accepted_during_an_extension_nobody_stands_by_any_more(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        fake_disconnect(host);
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 600));
        say(ATTEMPT "/accept", NULL);
        fake_connect(host);
        fake_run();
        assert_attempt("accepted");
        assert_int_equal(host->tasks, 0);
}

static void its_job_canceled_by_hand_the_end_waits_for_the_controller(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        assert_true(fake_about("cancel", newest(JOB_STANDBY)) > 0);
        fake_run();
        assert_attempt("open");
        assert_int_equal(host->tasks, 0);
        say(ATTEMPT "/extend", json_pack("{s:i}", "by_seconds", 600));
        fake_run();
        assert_int_equal(host->tasks, 0);
}

static void what_it_could_not_do_alone_is_told_and_can_be_asked_for(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        open_alone();
        fake_disconnect(host);
        host->fail = "switch";
        its_moment_comes(host);
        host->fail = NULL;
        fake_connect(host);
        fake_run();
        assert_attempt("open");
        assert_site("mdg", "production", "bert");
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("canceled");
        assert_site("mdg", "production", "anna");
}

// It says so at once, while there is time.
static void a_worker_that_cannot_stand_by_leaves_the_end_to_the_controller(void **state)
{
        FakeHost *host = world_with_preview();

        (void)state;
        host->fail = "standby";
        open_alone();
        fake_stand_alone(host);
        assert_job(newest(JOB_STANDBY), "failed");
        assert_attempt("open");
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("canceled");
}

static void what_is_accepted_at_its_end_needs_no_worker_alone(void **state)
{
        (void)state;
        world_with_preview();
        assert_int_equal(fake_ask("POST", ATTEMPT, "mdg",
                                 json_pack("{s:s, s:i, s:s, s:i}", "at", "18:00", "lapse_seconds",
                                         3600, "when_over", "accept", "alone_seconds", 60),
                                 NULL, &(json_t *){NULL}),
                -EINVAL);
        assert_non_null(strstr(fake.error.next, "--outcome-when-over cancel"));
        assert_int_equal(fake_ask("POST", ATTEMPT, "mdg",
                                 json_pack("{s:s, s:i, s:i}", "at", "18:00", "lapse_seconds", 3600,
                                         "alone_seconds", 8 * 24 * 3600),
                                 NULL, &(json_t *){NULL}),
                -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(its_worker_is_told_of_the_end_and_the_way_back),
                TEST(without_being_asked_to_nobody_stands_by),
                TEST(what_stands_by_takes_no_place_and_holds_up_no_job),
                TEST(a_cancel_calls_it_back_first),
                TEST(the_end_of_the_lapse_is_the_controllers_as_long_as_it_can),
                TEST(accepted_it_is_once_its_worker_has_let_go),
                TEST(accepted_while_its_host_is_away_it_waits_and_says_so),
                TEST(the_host_cut_off_its_worker_ends_it_as_agreed),
                TEST(with_the_controller_down_too),
                TEST(accepted_too_late_it_is_what_its_worker_made_of_it),
                TEST(with_more_time_its_worker_waits_longer),
                TEST(accepted_during_an_extension_nobody_stands_by_any_more),
                TEST(its_job_canceled_by_hand_the_end_waits_for_the_controller),
                TEST(what_it_could_not_do_alone_is_told_and_can_be_asked_for),
                TEST(a_worker_that_cannot_stand_by_leaves_the_end_to_the_controller),
                TEST(what_is_accepted_at_its_end_needs_no_worker_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
