#include "pair.h"

extern const StepOps step_purge_ops;

// berta is to be removed.
typedef struct World {
        Pair pair;
        Fleet__PurgeArguments arguments;
        char *logs, *manifest;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        pair_open(&w->pair, "purge");
        w->pair.guard.registered = w->pair.probes[1]->identity;
        w->logs = text_format("%s/log/berta", w->pair.f.directory);
        fleet__purge_arguments__init(&w->arguments);
        w->arguments.guard = &w->pair.guard;
        w->arguments.site = &w->pair.berta;
        w->arguments.log_directory = w->logs;
        shell("cd '%s' && mkdir -p log/berta log/anna && ln -s '%s' root/berta/log && ln -s "
              "'%s/log/anna' root/anna/log && ln -s anna root/prod && touch log/berta/lino.log",
                w->pair.f.directory, w->logs, w->pair.f.directory);
        w->manifest = fake_site_manifest(&w->pair.f, "anna");
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;
        _cleanup_free_ char *manifest = fake_site_manifest(&w->pair.f, "anna");

        assert_string_equal(manifest, w->manifest); // whatever the test was about
        free(w->manifest);
        free(w->logs);
        pair_close(&w->pair);
        free(w);
        return 0;
}

static Fleet__PurgeResult *purged(World *w)
{
        return (Fleet__PurgeResult *)step_done(
                &w->pair.f, &step_purge_ops, "purge", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(
                &w->pair.f, &step_purge_ops, "purge", &w->arguments.base, code, &w->pair.error);
        assert_true(there(&w->pair.f, "berta/manage.py"));
        assert_true(there(&w->pair.f, "berta/berta"));
        assert_true(there(&w->pair.f, "../log/berta/lino.log"));
}

static void assert_gone(const World *w)
{
        shell("test \"$(ls -A '%s' | tr '\\n' ' ')\" = 'anna prod ' && test \"$(ls -A '%s/log')\" "
              "= "
              "anna",
                w->pair.f.root, w->pair.f.directory);
}

static void nothing_of_the_site_is_left(void **state)
{
        World *w = *state;
        Fleet__PurgeResult *result = purged(w);

        assert_int_equal(result->n_removed, 3);
        assert_true(result->files > 3);
        assert_true(result->bytes >= 4096);
        fleet__purge_result__free_unpacked(result, NULL);
        assert_gone(w);
}

static void a_killed_purge_goes_on(void **state)
{
        World *w = *state;

        shell("rm '%s/berta/berta'", w->pair.f.root); // database gone
        shell("mv '%s' '%s/log/.berta.understudy-gone'", w->logs, w->pair.f.directory);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
        shell("mkdir -p '%s/.berta.understudy-gone/media'",
                w->pair.f.root); // project directory half gone
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
        fleet__purge_result__free_unpacked(purged(w), NULL);
}

static void a_shared_environment_loses_only_the_link(void **state)
{
        World *w = *state;

        shell("cd '%s/root' && mv berta/env ../shared && ln -s ../../shared berta/env",
                w->pair.f.directory);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
        assert_true(there(&w->pair.f, "../shared/bin/python"));
}

static void what_is_linked_is_refused(void **state)
{
        World *w = *state;

        shell("ln -sfn berta '%s/prod'", w->pair.f.root);
        refused(w, "in-use");
        shell("ln -sfn ../root/./berta '%s/prod'", w->pair.f.root); // whatever it is spelled like
        refused(w, "in-use");
        shell("ln -sfn anna '%s/prod' && ln -s berta '%s/preview'", w->pair.f.root, w->pair.f.root);
        refused(w, "in-use");
}

static void a_site_that_says_it_is_another_is_refused(void **state)
{
        World *w = *state;
        _cleanup_free_ char *setting =
                text_format("DATABASES['default']['NAME'] = '%s/anna/anna'", w->pair.f.root);

        fake_site_setting(&w->pair.f, "berta", setting);
        refused(w, "interlock");
}

static void a_site_that_once_answered_must_answer(void **state)
{
        World *w = *state;

        write_at(&w->pair.f, "berta/.understudy-clone", "job 1\n");
        fake_site_behave(&w->pair.f, "berta", "fail");
        shell("echo 'raise SystemExit(1)' >> '%s/berta/settings.py'", w->pair.f.root);
        refused(w, "interlock");
}

static void a_preview_that_was_never_finished_goes_without_an_answer(void **state)
{
        World *w = *state;

        w->pair.guard.registered = NULL;
        shell("rm -r '%s/berta/env'", w->pair.f.root);
        refused(w, "interlock"); // no clone step made it
        write_at(&w->pair.f, "berta/.understudy-clone", "job 1\n");
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
}

static void an_unfinished_preview_that_names_production_leaves_productions_database(void **state)
{
        World *w = *state;
        _cleanup_free_ char *setting =
                text_format("DATABASES['default']['NAME'] = '%s/anna/anna'", w->pair.f.root);

        w->pair.guard.registered = NULL;
        fake_site_setting(&w->pair.f, "berta", setting);
        write_at(&w->pair.f, "berta/.understudy-clone", "job 1\n");
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
}

static void another_site_within_the_directory_keeps_it(void **state)
{
        World *w = *state;
        char *media = w->pair.others[0]->media_root;

        w->pair.guard.registered = NULL;
        write_at(&w->pair.f, "berta/.understudy-clone", "job 1\n");
        shell("rm -r '%s/berta/env'", w->pair.f.root);
        w->pair.others[0]->media_root = text_format("%s/berta/media", w->pair.f.root);
        refused(w, "interlock");
        free(w->pair.others[0]->media_root);
        w->pair.others[0]->media_root = media;
}

static void a_log_directory_of_another_roots_site_of_that_name_stays(void **state)
{
        World *w = *state;

        shell("printf /srv/other/berta > '%s/.understudy-log'", w->logs);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_true(there(&w->pair.f, "../log/berta/lino.log"));
        assert_false(there(&w->pair.f, "berta"));
}

static void a_log_directory_that_the_site_does_not_use_stays(void **state)
{
        World *w = *state;

        free(w->logs);
        w->logs = text_format("%s/log/anna", w->pair.f.directory);
        w->arguments.log_directory = w->logs;
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_true(there(&w->pair.f, "../log/anna"));
        assert_true(there(&w->pair.f, "../log/berta/lino.log"));
}

static void the_guard_must_be_about_the_site(void **state)
{
        World *w = *state;

        w->pair.guard.target = &w->pair.anna;
        refused(w, "interlock");
}

static void a_retired_site_takes_the_log_with_it_that_no_job_made(void **state)
{
        World *w = *state;

        w->arguments.log_directory = "";
        w->arguments.retire = true;
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
}

static void a_retired_sites_pid_file_and_socket_go_when_nobody_is_behind_them(void **state)
{
        World *w = *state;
        const char *run = w->pair.f.directory;

        w->arguments.retire = true;
        shell("mkdir '%s/run' '%s/berta/nginx' && echo 4194305 > '%s/run/dead.pid' && echo %d > "
              "'%s/run/alive.pid' && echo text > '%s/run/text' && printf '[uwsgi]\nsocket = "
              "%s/run/dead.sock\nsafe-pidfile = %s/run/dead.pid\npidfile = %s/run/alive.pid\n"
              "pidfile2 = %s/run/text\nlogto = %s/run/log\n' > '%s/berta/nginx/uwsgi.ini' && "
              "touch '%s/run/log'",
                run, w->pair.f.root, run, getpid(), run, run, run, run, run, run, run,
                w->pair.f.root, run);
        make_socket(&w->pair.f, "../run/dead.sock");
        fleet__purge_result__free_unpacked(purged(w), NULL);
        shell("test \"$(ls '%s/run' | tr '\\n' ' ')\" = 'alive.pid log text '", run);
        assert_true(step_fixture_said(&w->pair.f, "that process runs"));
}

static void a_log_that_another_known_site_writes_stays(void **state)
{
        World *w = *state;

        w->arguments.log_directory = "";
        w->arguments.retire = true;
        shell("ln -sfn '%s' '%s/anna/log'", w->logs, w->pair.f.root);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_true(there(&w->pair.f, "../log/berta/lino.log"));
        shell("ln -sfn '%s/log/anna' '%s/anna/log'", w->pair.f.directory, w->pair.f.root);
        free(w->manifest);
        w->manifest = fake_site_manifest(&w->pair.f, "anna");
}

static void a_site_that_is_used_is_not_retired(void **state)
{
        World *w = *state;

        w->arguments.retire = true;
        shell("ln -s berta '%s/archive'", w->pair.f.root);
        refused(w, "in-use");
        shell("rm '%s/archive' && cd '%s/berta' && { sleep 1000 & echo $! > ../../sleeper; }",
                w->pair.f.root, w->pair.f.root);
        refused(w, "in-use");
        shell("kill $(cat '%s/sleeper')", w->pair.f.directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_of_the_site_is_left),
                TEST(a_killed_purge_goes_on),
                TEST(a_shared_environment_loses_only_the_link),
                TEST(what_is_linked_is_refused),
                TEST(a_site_that_says_it_is_another_is_refused),
                TEST(a_site_that_once_answered_must_answer),
                TEST(a_preview_that_was_never_finished_goes_without_an_answer),
                TEST(an_unfinished_preview_that_names_production_leaves_productions_database),
                TEST(another_site_within_the_directory_keeps_it),
                TEST(a_log_directory_of_another_roots_site_of_that_name_stays),
                TEST(a_log_directory_that_the_site_does_not_use_stays),
                TEST(the_guard_must_be_about_the_site),
                TEST(a_retired_site_takes_the_log_with_it_that_no_job_made),
                TEST(a_retired_sites_pid_file_and_socket_go_when_nobody_is_behind_them),
                TEST(a_log_that_another_known_site_writes_stays),
                TEST(a_site_that_is_used_is_not_retired),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
