// A site's role: what is written beside its settings, and how it is taken back.
#include "serving.h"

extern const StepOps step_role_ops;

typedef struct World {
        StepFixture f;
        FakeServing s;
        Fleet__SiteRole anna, berta, *sites[2];
        Fleet__RoleArguments arguments;
        Error error;
} World;

static void set_role(Fleet__SiteRole *site, char *name, char *role, char *module)
{
        fleet__site_role__init(site);
        site->site = name;
        site->role = role;
        site->settings_module = module;
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "role");
        fake_serving(&w->s);
        fake_site_make(&w->f, "anna");
        fake_site_make(&w->f, "berta");
        set_role(&w->anna, "anna", "preview", "fake.anna.settings");
        set_role(&w->berta, "berta", "prod", "fake.berta.settings");
        fleet__role_arguments__init(&w->arguments);
        w->sites[0] = &w->anna;
        w->sites[1] = &w->berta;
        w->arguments.root = w->f.root;
        w->arguments.serving = &w->s.serving;
        w->arguments.sites = w->sites;
        w->arguments.n_sites = 2;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static void run(World *w)
{
        step_done_unseen(&w->f, &step_role_ops, "role", &w->arguments.base);
}

static void assert_holds(World *w, const char *path, const char *text)
{
        _cleanup_free_ char *found = text_at(&w->f, path);

        if (!strstr(found, text))
                fail_msg("%s has no %s:\n%s", path, text, found);
}

static void the_role_stands_beside_the_settings_and_one_line_applies_it(void **state)
{
        World *w = *state;

        run(w);
        assert_holds(w, "anna/understudy_managed.json", "\"role\": \"preview\"");
        assert_holds(w, "berta/understudy_managed.json", "\"role\": \"prod\"");
        assert_holds(w, "berta/understudy_managed.json", "\"lino.example.com\"");
        assert_holds(w, "anna/settings.py",
                "from fake.anna.understudy_managed import apply; apply(globals())");
        assert_true(step_fixture_said(&w->f, "berta is production now."));
}

static void a_second_run_changes_nothing(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = NULL, *after = NULL;

        run(w);
        before = fake_site_manifest(&w->f, "anna");
        run(w);
        after = fake_site_manifest(&w->f, "anna");
        assert_string_equal(before, after);
}

static void undone_a_site_has_the_role_it_had(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = NULL;

        // The role of an earlier job.
        write_at(&w->f, "anna/understudy_managed.json",
                "{\"role\": {\"role\": \"prod\", \"roles\": {}}, \"role_before\": {\"job\": "
                "\"0\"}}");
        run(w);
        run(w); // as after a kill
        step_undone(&w->f, &step_role_ops, &w->arguments.base);
        assert_holds(w, "anna/understudy_managed.json", "\"role\": \"prod\"");
        before = text_at(&w->f, "berta/understudy_managed.json");
        assert_null(strstr(before, "role"));
        step_undone(&w->f, &step_role_ops, &w->arguments.base);
        assert_holds(w, "anna/understudy_managed.json", "\"role\": \"prod\"");
}

static void settings_that_could_break_a_configuration_are_refused(void **state)
{
        World *w = *state;

        w->s.prod_hosts[0] = "lino.example.com; include /etc/shadow";
        step_refused(&w->f, &step_role_ops, "role", &w->arguments.base, "serving", &w->error);
        w->s.prod_hosts[0] = "lino.example.com";
        w->s.serving.health_path = "/a\nb";
        step_refused(&w->f, &step_role_ops, "role", &w->arguments.base, "serving", &w->error);
        w->s.serving.health_path = "/";
        w->s.serving.listen = "80;";
        step_refused(&w->f, &step_role_ops, "role", &w->arguments.base, "serving", &w->error);
        assert_false(there(&w->f, "anna/understudy_managed.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_role_stands_beside_the_settings_and_one_line_applies_it),
                TEST(a_second_run_changes_nothing),
                TEST(undone_a_site_has_the_role_it_had),
                TEST(settings_that_could_break_a_configuration_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
