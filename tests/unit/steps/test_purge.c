#include "run.h"

#include "site/probe.h"

extern const StepOps step_purge_ops;

// Production anna and preview berta, which is to be removed.
typedef struct World {
        StepFixture f;
        Fleet__Site anna, berta;
        Fleet__Guard guard;
        Fleet__ProbeResult *probes[2];
        Fleet__Identity *others[1];
        Fleet__PurgeArguments arguments;
        char *logs, *manifest;
        Error error;
} World;

static Fleet__ProbeResult *ask(StepFixture *f, const Fleet__Site *wanted)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__ProbeResult *result =
                (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);

        assert_int_equal(site_open(&f->policy, wanted, &site, &error), 0);
        assert_int_equal(site_probe(f->context, &site, result, &error), 0);
        return result;
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "purge");
        fake_site_make(&w->f, "anna");
        fake_site_make(&w->f, "berta");
        w->anna = fake_site(&w->f, "anna");
        w->berta = fake_site(&w->f, "berta");
        w->probes[0] = ask(&w->f, &w->anna);
        w->probes[1] = ask(&w->f, &w->berta);
        w->others[0] = w->probes[0]->identity;
        fleet__guard__init(&w->guard);
        w->guard.target = &w->berta;
        w->guard.registered = w->probes[1]->identity;
        w->guard.others = w->others;
        w->guard.n_others = 1;
        w->logs = text_format("%s/log/berta", w->f.directory);
        fleet__purge_arguments__init(&w->arguments);
        w->arguments.guard = &w->guard;
        w->arguments.site = &w->berta;
        w->arguments.log_directory = w->logs;
        shell("cd '%s' && mkdir -p log/berta log/anna && ln -s '%s' root/berta/log && ln -s "
              "'%s/log/anna' root/anna/log && ln -s anna root/prod && touch log/berta/lino.log",
                w->f.directory, w->logs, w->f.directory);
        w->manifest = fake_site_manifest(&w->f, "anna");
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;
        _cleanup_free_ char *manifest = fake_site_manifest(&w->f, "anna");

        assert_string_equal(manifest, w->manifest); // whatever the test was about
        free(w->manifest);
        free(w->logs);
        fleet__probe_result__free_unpacked(w->probes[0], NULL);
        fleet__probe_result__free_unpacked(w->probes[1], NULL);
        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static Fleet__PurgeResult *purged(World *w)
{
        return (Fleet__PurgeResult *)step_done(&w->f, &step_purge_ops, "purge", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(&w->f, &step_purge_ops, "purge", &w->arguments.base, code, &w->error);
        assert_true(there(&w->f, "berta/manage.py"));
        assert_true(there(&w->f, "berta/berta"));
        assert_true(there(&w->f, "../log/berta/lino.log"));
}

static void assert_gone(const World *w)
{
        shell("test \"$(ls -A '%s' | tr '\\n' ' ')\" = 'anna prod ' && test \"$(ls -A '%s/log')\" "
              "= "
              "anna",
                w->f.root, w->f.directory);
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

        shell("rm '%s/berta/berta'", w->f.root); // database gone
        shell("mv '%s' '%s/log/.berta.understudy-gone'", w->logs, w->f.directory);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
        shell("mkdir -p '%s/.berta.understudy-gone/media'",
                w->f.root); // project directory half gone
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
        fleet__purge_result__free_unpacked(purged(w), NULL);
}

static void a_shared_environment_loses_only_the_link(void **state)
{
        World *w = *state;

        shell("cd '%s/root' && mv berta/env ../shared && ln -s ../../shared berta/env",
                w->f.directory);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
        assert_true(there(&w->f, "../shared/bin/python"));
}

static void what_is_linked_is_refused(void **state)
{
        World *w = *state;

        shell("ln -sfn berta '%s/prod'", w->f.root);
        refused(w, "in-use");
        shell("ln -sfn ../root/./berta '%s/prod'", w->f.root); // whatever it is spelled like
        refused(w, "in-use");
        shell("ln -sfn anna '%s/prod' && ln -s berta '%s/preview'", w->f.root, w->f.root);
        refused(w, "in-use");
}

static void a_site_that_says_it_is_another_is_refused(void **state)
{
        World *w = *state;
        _cleanup_free_ char *setting =
                text_format("DATABASES['default']['NAME'] = '%s/anna/anna'", w->f.root);

        fake_site_setting(&w->f, "berta", setting);
        refused(w, "interlock");
}

static void a_site_that_once_answered_must_answer(void **state)
{
        World *w = *state;

        write_at(&w->f, "berta/.understudy-clone", "job 1\n");
        fake_site_behave(&w->f, "berta", "fail");
        shell("echo 'raise SystemExit(1)' >> '%s/berta/settings.py'", w->f.root);
        refused(w, "interlock");
}

static void a_preview_that_was_never_finished_goes_without_an_answer(void **state)
{
        World *w = *state;

        w->guard.registered = NULL;
        shell("rm -r '%s/berta/env'", w->f.root);
        refused(w, "interlock"); // no clone step made it
        write_at(&w->f, "berta/.understudy-clone", "job 1\n");
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
}

static void an_unfinished_preview_that_names_production_leaves_productions_database(void **state)
{
        World *w = *state;
        _cleanup_free_ char *setting =
                text_format("DATABASES['default']['NAME'] = '%s/anna/anna'", w->f.root);

        w->guard.registered = NULL;
        fake_site_setting(&w->f, "berta", setting);
        write_at(&w->f, "berta/.understudy-clone", "job 1\n");
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_gone(w);
}

static void another_site_within_the_directory_keeps_it(void **state)
{
        World *w = *state;
        char *media = w->others[0]->media_root;

        w->guard.registered = NULL;
        write_at(&w->f, "berta/.understudy-clone", "job 1\n");
        shell("rm -r '%s/berta/env'", w->f.root);
        w->others[0]->media_root = text_format("%s/berta/media", w->f.root);
        refused(w, "interlock");
        free(w->others[0]->media_root);
        w->others[0]->media_root = media;
}

static void a_log_directory_of_another_roots_site_of_that_name_stays(void **state)
{
        World *w = *state;

        shell("printf /srv/other/berta > '%s/.understudy-log'", w->logs);
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_true(there(&w->f, "../log/berta/lino.log"));
        assert_false(there(&w->f, "berta"));
}

static void a_log_directory_that_the_site_does_not_use_stays(void **state)
{
        World *w = *state;

        free(w->logs);
        w->logs = text_format("%s/log/anna", w->f.directory);
        w->arguments.log_directory = w->logs;
        fleet__purge_result__free_unpacked(purged(w), NULL);
        assert_true(there(&w->f, "../log/anna"));
        assert_true(there(&w->f, "../log/berta/lino.log"));
}

static void the_guard_must_be_about_the_site(void **state)
{
        World *w = *state;

        w->guard.target = &w->anna;
        refused(w, "interlock");
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
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
