#include "fake_site.h"

#include "site/interlock.h"
#include "site/probe.h"

// Two sites, anna and berta; berta may be destroyed, anna may not.
typedef struct World {
        StepFixture f;
        Fleet__Site target;
        Fleet__Guard guard;
        Fleet__Identity *others[1];
} World;

static Fleet__ProbeResult *ask(StepFixture *f, const char *name)
{
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__Site wanted = fake_site(f, name);
        Fleet__ProbeResult *result =
                (Fleet__ProbeResult *)message_new(&fleet__probe_result__descriptor);

        assert_int_equal(site_open(&f->policy, &wanted, &site, &error), 0);
        if (site_probe(f->context, &site, result, &error) < 0)
                fail_msg("%s", error.why);
        return result;
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        Fleet__ProbeResult *anna;

        step_fixture_open(&w->f, "database");
        fake_site_make(&w->f, "anna");
        fake_site_make(&w->f, "berta");
        w->target = fake_site(&w->f, "berta");
        fleet__guard__init(&w->guard);
        anna = ask(&w->f, "anna");
        w->others[0] = TAKE_PTR(anna->identity);
        protobuf_c_message_free_unpacked(&anna->base, NULL);
        w->guard.target = &w->target;
        w->guard.others = w->others;
        w->guard.n_others = 1;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        fleet__identity__free_unpacked(w->others[0], NULL);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static void refused(World *w, const char *why)
{
        _cleanup_free_ char *before = fake_site_manifest(&w->f, "anna");
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__Identity *identity = NULL;

        assert_int_equal(interlock_check(w->f.context, &w->guard, &identity, &error), -EPERM);
        assert_null(identity);
        assert_string_equal(error.code, "interlock");
        assert_non_null(error.next);
        if (!strstr(error.why, why))
                fail_msg("'%s' is not in '%s'", why, error.why);
        _cleanup_free_ char *after = fake_site_manifest(&w->f, "anna");
        assert_string_equal(before, after);
}

static void a_site_that_is_only_itself_passes(void **state)
{
        World *w = *state;
        Error error _cleanup_error_ = ERROR_EMPTY;
        Fleet__Identity *identity = NULL;

        assert_int_equal(interlock_check(w->f.context, &w->guard, &identity, &error), 0);
        assert_true(text_ends(identity->database->name, "/root/berta/berta"));
        fleet__identity__free_unpacked(identity, NULL);
}

static void a_probe_tells_what_the_site_says(void **state)
{
        World *w = *state;
        Fleet__ProbeResult *result = ask(&w->f, "berta");

        assert_string_equal(result->title, "The site berta");
        assert_string_equal(result->identity->settings_module, "sites.berta.settings");
        assert_string_equal(result->versions->app, "Fake");
        assert_int_equal(result->n_allowed_hosts, 1);
        assert_string_equal(result->allowed_hosts[0], "berta.example.com");
        protobuf_c_message_free_unpacked(&result->base, NULL);
}

static void a_site_that_has_become_production_is_refused(void **state)
{
        World *w = *state;

        shell("ln -s anna '%s/prod'", w->f.root);
        a_site_that_is_only_itself_passes(state);
        shell("ln -sfn ../root/berta '%s/prod'", w->f.root); // by hand, while the job was waiting
        refused(w, "it is production");
}

static void production_named_outright_is_refused(void **state)
{
        fake_site_setting(
                &((World *)*state)->f, "berta", "DATABASES['default']['NAME'] = '../anna/anna'");
        refused(*state, "/root/anna/anna, outside of it");
}

static void production_named_by_a_variable_that_only_the_settings_know_is_refused(void **state)
{
        fake_site_setting(&((World *)*state)->f, "berta",
                "DATABASES['default']['NAME'] = os.environ.get('SITE_DB', '../anna/anna')");
        setenv("SITE_DB", "berta", 1); // the worker's own, which the site is not given
        refused(*state, "outside of it");
        unsetenv("SITE_DB");
}

static void production_named_by_an_included_file_is_refused(void **state)
{
        World *w = *state;

        shell("echo \"DATABASES['default']['NAME'] = '%s/anna/anna'\" > '%s/local.py'", w->f.root,
                w->f.root);
        fake_site_setting(&w->f, "berta", "exec(open('../local.py').read())");
        refused(w, "outside of it");
}

static void a_link_to_productions_database_is_refused(void **state)
{
        World *w = *state;

        shell("ln -sf ../anna/anna '%s/berta/berta'", w->f.root);
        refused(w, "outside of it");
}

static void a_hard_link_to_productions_database_is_refused(void **state)
{
        World *w = *state;

        shell("ln -f '%s/anna/anna' '%s/berta/berta'", w->f.root, w->f.root);
        refused(w, "hard link");
        w->guard.n_others = 0; // also when nobody knows whose it is
        refused(w, "hard link");
}

static void a_database_that_lies_in_place_but_is_registered_elsewhere_is_refused(void **state)
{
        World *w = *state;
        Fleet__ProbeResult *berta = ask(&w->f, "berta");

        w->guard.registered = berta->identity;
        fake_site_setting(&w->f, "berta", "DATABASES['default']['NAME'] = 'other'");
        refused(w, "and was");
        w->guard.registered = NULL;
        protobuf_c_message_free_unpacked(&berta->base, NULL);
}

static void another_project_directory_is_refused(void **state)
{
        fake_site_setting(&((World *)*state)->f, "berta",
                "SITE.project_dir = os.path.dirname(PROJECT) + '/anna'");
        refused(*state, "/root/anna");
}

static void another_settings_module_is_refused(void **state)
{
        fake_site_setting(
                &((World *)*state)->f, "berta", "SETTINGS_MODULE = 'sites.anna.settings'");
        refused(*state, "sites.anna.settings");
}

static void productions_media_are_refused(void **state)
{
        fake_site_setting(&((World *)*state)->f, "berta", "MEDIA_ROOT = '../anna/media/sub'");
        refused(*state, "its media directory");
}

static void a_site_that_cannot_answer_is_refused(void **state)
{
        fake_site_setting(&((World *)*state)->f, "berta", "raise RuntimeError('no secrets here')");
        refused(*state, "RuntimeError: no secrets here");
}

static void a_site_whose_settings_print_answers_does_not_answer(void **state)
{
        fake_site_setting(&((World *)*state)->f, "berta", "print('RESULT {}'); os._exit(0)");
        refused(*state, "without an answer");
}

static void a_site_without_settings_for_its_engine_is_refused(void **state)
{
        fake_site_setting(&((World *)*state)->f, "berta", "DATABASES['default'] = {}");
        refused(*state, "no database");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

// Some other file may name it.
static void a_nameless_database_that_does_not_answer_is_refused(void **state)
{
        World *w = *state;
        Fleet__ProbeResult *berta = ask(&w->f, "berta");
        Fleet__Database *anna = w->others[0]->database, nameless = FLEET__DATABASE__INIT;
        Fleet__Database *more[] = {&nameless}, **none = berta->identity->more;
        char *engine = anna->engine;
        Error error _cleanup_error_ = ERROR_EMPTY;

        anna->engine = nameless.engine = (char[]){"postgresql"};
        nameless.name = nameless.alias = (char[]){""};
        berta->identity->more = more;
        berta->identity->n_more = 1;
        assert_int_equal(interlock_compare(&w->guard, berta->identity, &error), -EPERM);
        assert_string_equal(error.code, "interlock");
        nameless.engine = (char[]){"mysql"};
        error_clear(&error);
        assert_int_equal(interlock_compare(&w->guard, berta->identity, &error), 0);
        anna->engine = engine;
        berta->identity->more = none;
        berta->identity->n_more = 0;
        protobuf_c_message_free_unpacked(&berta->base, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_site_that_is_only_itself_passes),
                TEST(a_probe_tells_what_the_site_says),
                TEST(a_site_that_has_become_production_is_refused),
                TEST(production_named_outright_is_refused),
                TEST(production_named_by_a_variable_that_only_the_settings_know_is_refused),
                TEST(production_named_by_an_included_file_is_refused),
                TEST(a_link_to_productions_database_is_refused),
                TEST(a_hard_link_to_productions_database_is_refused),
                TEST(a_database_that_lies_in_place_but_is_registered_elsewhere_is_refused),
                TEST(another_project_directory_is_refused),
                TEST(another_settings_module_is_refused),
                TEST(productions_media_are_refused),
                TEST(a_site_that_cannot_answer_is_refused),
                TEST(a_site_whose_settings_print_answers_does_not_answer),
                TEST(a_site_without_settings_for_its_engine_is_refused),
                TEST(a_nameless_database_that_does_not_answer_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
