// What the worker owns of a site's settings: one module, one file of values, one marked line.
#include "fake_site.h"

#include "site/managed.h"

typedef struct World {
        StepFixture f;
        SiteDir site;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        Fleet__Site anna;

        step_fixture_open(&w->f, "rewrite");
        fake_site_make(&w->f, "anna");
        anna = fake_site(&w->f, "anna");
        assert_int_equal(site_open(&w->f.policy, &anna, &w->site, &w->error), 0);
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        site_close(&w->site);
        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static char *text_of(const World *w, const char *name)
{
        char *text;

        assert_int_equal(file_read_at(w->site.fd, name, 1 << 20, &text, NULL), 0);
        return text;
}

// A settings.py for itself, read as Django reads one; prints what its default database became.
static void settings_give(const World *w, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        shell("cd '%s/anna' && rm -rf sites && mkdir sites && ln -s .. sites/anna && "
              "printf '%%s\\n' \"DATABASES = {'default': {'ENGINE': 'x.postgresql', 'NAME': 'zoe', "
              "'USER': 'zoe', 'PASSWORD': 'productions', 'OPTIONS': {'passwd': 'p'}}}\" > "
              "settings.py "
              "&& grep -h 'managed by' saved.py >> settings.py; /usr/bin/python3 -c '"
              "from sites.anna.settings import DATABASES as d; d = d[\"default\"];"
              "print(d[\"NAME\"], d[\"USER\"], d[\"PASSWORD\"], d[\"OPTIONS\"])' > out",
                w->f.root);
        text = text_of(w, "out");
        assert_string_equal(text, expected);
}

static void installing_adds_the_module_and_one_last_line_once(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = text_of(w, "settings.py"), *after = NULL, *again = NULL,
                            *expected = NULL;

        assert_int_equal(managed_install(&w->site, "lino_local.anna.settings", &w->error), 0);
        after = text_of(w, "settings.py");
        expected = text_format("%sfrom lino_local.anna.understudy_managed import apply; "
                               "apply(globals())  # managed by Understudy\n",
                before);
        assert_string_equal(after, expected);
        assert_int_equal(managed_install(&w->site, "lino_local.anna.settings", &w->error), 0);
        again = text_of(w, "settings.py");
        assert_string_equal(again, after);
        assert_int_equal(faccessat(w->site.fd, MANAGED_MODULE, R_OK, 0), 0);
}

static void a_section_is_what_was_set_last_and_leaves_the_others(void **state)
{
        World *w = *state;
        json_t *value = json_pack("{s:s}", "mail", "off"), *got;

        assert_int_equal(managed_get(&w->site, "role", &got, &w->error), 0);
        assert_null(got);
        assert_int_equal(managed_set(&w->site, "role", value, &w->error), 0);
        assert_int_equal(managed_set(&w->site, "other", value, &w->error), 0);
        assert_int_equal(managed_set(&w->site, "other", NULL, &w->error), 0);
        assert_int_equal(managed_get(&w->site, "role", &got, &w->error), 0);
        assert_true(json_equal(got, value));
        json_decref(got);
        assert_int_equal(managed_get(&w->site, "other", &got, &w->error), 0);
        assert_null(got);
        json_decref(value);
}

static void values_are_for_the_sites_owner_and_group_alone(void **state)
{
        World *w = *state;
        struct stat st;
        json_t *value = json_object();

        assert_int_equal(managed_set(&w->site, "role", value, &w->error), 0);
        json_decref(value);
        assert_int_equal(fstatat(w->site.fd, MANAGED_VALUES, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(st.st_uid, w->site.owner.uid);
}

static void values_that_cannot_be_read_are_an_error_and_stay(void **state)
{
        World *w = *state;
        _cleanup_free_ char *text = NULL;
        json_t *value = json_object();

        shell("echo '{' > '%s/anna/" MANAGED_VALUES "'", w->f.root);
        assert_int_equal(managed_set(&w->site, "role", value, &w->error), -EBADMSG);
        assert_string_equal(w->error.code, "managed");
        assert_non_null(w->error.next);
        json_decref(value);
        text = text_of(w, MANAGED_VALUES);
        assert_string_equal(text, "{\n");
}

static void a_database_gets_one_account_and_keeps_it(void **state)
{
        World *w = *state;
        ManagedAccount first _cleanup_managed_account_ = {0},
                             second _cleanup_managed_account_ = {0},
                             third _cleanup_managed_account_ = {0};
        Fleet__Database database = FLEET__DATABASE__INIT;
        json_t *none = json_object();

        database.engine = "postgresql";
        database.name = "anna";
        assert_int_equal(managed_set(&w->site, MANAGED_DATABASE, none, &w->error), 0);
        json_decref(none);
        assert_int_equal(managed_account(&w->site, &database, &first, &w->error), 0);
        assert_string_equal(first.user, "anna");
        assert_int_equal(strlen(first.password), 32);
        assert_int_equal(managed_account(&w->site, &database, &second, &w->error), 0);
        assert_string_equal(second.password, first.password);
        database.name = "zoe";
        assert_int_equal(managed_account(&w->site, &database, &third, &w->error), -EINVAL);
        assert_null(strstr(w->error.why, first.password));
}

static void without_values_the_settings_are_as_they_were(void **state)
{
        World *w = *state;

        assert_int_equal(managed_install(&w->site, "sites.anna.settings", &w->error), 0);
        shell("cd '%s/anna' && cp settings.py saved.py", w->f.root);
        settings_give(w, "zoe zoe productions {'passwd': 'p'}\n");
}

static void an_empty_section_takes_productions_password_away(void **state)
{
        World *w = *state;
        json_t *none = json_object();

        assert_int_equal(managed_install(&w->site, "sites.anna.settings", &w->error), 0);
        assert_int_equal(managed_set(&w->site, MANAGED_DATABASE, none, &w->error), 0);
        json_decref(none);
        shell("cd '%s/anna' && cp settings.py saved.py", w->f.root);
        settings_give(w, "zoe zoe  {}\n");
}

static void an_account_takes_the_place_of_productions(void **state)
{
        World *w = *state;
        json_t *section = json_pack("{s:s, s:s, s:s, s:s}", "engine", "postgresql", "name", "anna",
                "user", "anna", "password", "it's \"50%\" \\ ü");

        assert_int_equal(managed_install(&w->site, "sites.anna.settings", &w->error), 0);
        assert_int_equal(managed_set(&w->site, MANAGED_DATABASE, section, &w->error), 0);
        json_decref(section);
        shell("cd '%s/anna' && cp settings.py saved.py", w->f.root);
        settings_give(w, "anna anna it's \"50%\" \\ ü {}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(installing_adds_the_module_and_one_last_line_once),
                TEST(a_section_is_what_was_set_last_and_leaves_the_others),
                TEST(values_are_for_the_sites_owner_and_group_alone),
                TEST(values_that_cannot_be_read_are_an_error_and_stay),
                TEST(a_database_gets_one_account_and_keeps_it),
                TEST(without_values_the_settings_are_as_they_were),
                TEST(an_empty_section_takes_productions_password_away),
                TEST(an_account_takes_the_place_of_productions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
