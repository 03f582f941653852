#include "run.h"

#include "steps/words.h"

extern const StepOps step_rewrite_ops;

// Production afoo as getlino makes it, and bfoo, its clone.
typedef struct World {
        StepFixture f;
        Fleet__Site afoo, bfoo;
        Fleet__RewriteArguments arguments;
        Fleet__RewriteResult *result;
        Error error;
} World;

static const char settings[] = "from lino_noi.lib.noi.settings import *\n"
                               "from lino_local.settings import *\n\n"
                               "class Site(Site):\n"
                               "    title = \"afoo\"\n"
                               "    server_url = \"https://afoo.example.com\"\n\n"
                               "# the site of afoo, not of afoobar or afoo_x\n"
                               "ALLOWED_HOSTS = ['afoo.example.com', 'localhost']\n"
                               "SECRET_KEY = 'production-secret'\n"
                               "DATABASES = {'default': {\n"
                               "    'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'afoo',\n"
                               "    'PASSWORD': 'db-secret'}}\n"
                               "EMAIL_SUBJECT_PREFIX = '[afoo] '\n";

static void write_site(World *w, const char *name)
{
        _cleanup_free_ char *path = text_format("%s/settings.py", name);

        shell("cd '%s' && mkdir -p %s/nginx %s/media/uploads %s/config/deep/deeper && cd %s && "
              "echo 'os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", "
              "\"lino_local.afoo.settings\")' > "
              "manage.py && chmod 775 manage.py && "
              "printf 'chdir = %s/afoo\\nsocket = %s/afoo/nginx.sock\\n' > nginx/uwsgi.ini && "
              "echo 'upstream_port = 8001' > lino.ini && echo x > nginx/afoo.conf && "
              "printf 'OLD=/r/zfoo\\nNEW=/r/afoo\\ncd $NEW # afoo\\n' > initdb_from_prod.sh && "
              "echo 'about afoo' > media/uploads/note.txt && ln -s ../../afoo/x media/uploads/l && "
              "echo 'deep afoo_y' > config/deep/deeper/file && printf 'a\\0 afoo' > binary",
                w->f.root, name, name, name, name, w->f.root, w->f.root);
        write_at(&w->f, path, settings);
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "rewrite");
        w->afoo = fake_site(&w->f, "afoo");
        w->bfoo = fake_site(&w->f, "bfoo");
        write_site(w, "afoo");
        fleet__rewrite_arguments__init(&w->arguments);
        w->arguments.production = &w->afoo;
        w->arguments.preview = &w->bfoo;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        if (w->result)
                fleet__rewrite_result__free_unpacked(w->result, NULL);
        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static void rewrite(World *w)
{
        if (w->result)
                fleet__rewrite_result__free_unpacked(w->result, NULL);
        w->result = (Fleet__RewriteResult *)step_done(
                &w->f, &step_rewrite_ops, "rewrite", &w->arguments.base);
}

static void rewrite_clone(World *w)
{
        write_site(w, "bfoo");
        rewrite(w);
}

static bool found(const World *w, const char *path, unsigned line, const char *text)
{
        for (size_t i = 0; i < w->result->n_remaining; i++) {
                const Fleet__Finding *finding = w->result->remaining[i];

                if (text_equal(finding->path, path) && finding->line == line &&
                        strstr(finding->text, text))
                        return true;
        }
        return false;
}

static void whole_words_are_renamed_wherever_a_site_is_named(void **state)
{
        World *w = *state;
        _cleanup_free_ char *text = NULL, *uwsgi = NULL, *expected = NULL;

        rewrite_clone(w);
        text = text_at(&w->f, "bfoo/settings.py");
        assert_non_null(strstr(text, "title = \"bfoo\""));
        assert_non_null(strstr(text, "https://bfoo.example.com"));
        assert_non_null(strstr(text, "# the site of bfoo, not of afoobar or afoo_x"));
        assert_non_null(strstr(text, "'NAME': 'bfoo'"));
        assert_non_null(strstr(text, "'[bfoo] '"));
        uwsgi = text_at(&w->f, "bfoo/nginx/uwsgi.ini");
        expected =
                text_format("chdir = %s/bfoo\nsocket = %s/bfoo/nginx.sock\n", w->f.root, w->f.root);
        assert_string_equal(uwsgi, expected);
        assert_text_at(&w->f, "bfoo/manage.py",
                "os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", "
                "\"lino_local.bfoo.settings\")\n");
        shell("cd '%s' && test $(stat -c %%a bfoo/manage.py) = 775", w->f.root);
}

static void file_names_are_renamed_too(void **state)
{
        World *w = *state;

        rewrite_clone(w);
        assert_true(there(&w->f, "bfoo/nginx/bfoo.conf"));
        assert_false(there(&w->f, "bfoo/nginx/afoo.conf"));
}

static void the_preview_gets_a_secret_of_its_own_and_no_secret_is_shown(void **state)
{
        World *w = *state;
        _cleanup_free_ char *first = NULL, *second = NULL;

        rewrite_clone(w);
        first = text_at(&w->f, "bfoo/settings.py");
        assert_null(strstr(first, "production-secret"));
        assert_non_null(strstr(first, "db-secret"));
        assert_null(strstr(w->result->diff, "production-secret"));
        assert_null(strstr(w->result->diff, "db-secret"));
        assert_non_null(strstr(w->result->diff, "-SECRET_KEY = '(production's)'"));
        assert_non_null(strstr(w->result->diff, "+SECRET_KEY = '(a new one)'"));
        rewrite(w);
        second = text_at(&w->f, "bfoo/settings.py");
        assert_string_equal(first, second); // once is enough
}

static void the_diff_is_whole_after_a_kill(void **state)
{
        World *w = *state;
        _cleanup_free_ char *diff = NULL;

        rewrite_clone(w);
        diff = text_copy(w->result->diff);
        assert_non_null(strstr(diff, "--- a/afoo/settings.py"));
        assert_non_null(strstr(diff, "+++ b/bfoo/settings.py"));
        rewrite(w);
        assert_string_equal(w->result->diff, diff);
        shell("cp '%s/afoo/manage.py' '%s/bfoo/manage.py' && mv '%s/bfoo/nginx/bfoo.conf' "
              "'%s/bfoo/nginx/afoo.conf'",
                w->f.root, w->f.root, w->f.root, w->f.root);
        rewrite(w);
        assert_string_equal(w->result->diff, diff);
        assert_true(there(&w->f, "bfoo/nginx/bfoo.conf"));
}

static void a_dry_run_shows_the_same_and_writes_nothing(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = fake_site_manifest(&w->f, "afoo"), *after = NULL,
                            *diff = NULL;
        size_t findings;

        w->arguments.dry_run = true;
        rewrite(w);
        after = fake_site_manifest(&w->f, "afoo");
        assert_string_equal(before, after);
        assert_false(there(&w->f, "bfoo"));
        diff = text_copy(w->result->diff);
        findings = w->result->n_remaining;
        w->arguments.dry_run = false;
        rewrite_clone(w);
        assert_string_equal(w->result->diff, diff);
        assert_int_equal(w->result->n_remaining, findings);
}

static void what_still_has_the_name_is_listed(void **state)
{
        World *w = *state;

        rewrite_clone(w);
        assert_true(found(w, "settings.py", 8, "afoo_x"));
        assert_true(found(w, "config/deep/deeper/file", 1, "deep afoo_y"));
        assert_true(found(w, "binary", 0, "binary file"));
        assert_true(found(w, "media/uploads/l", 0, "-> ../../afoo/x"));
        assert_false(found(w, "media/uploads/note.txt", 1, "afoo")); // users' own files
        assert_true(found(w, "lino.ini", 1, "upstream_port = 8001"));
        assert_false(found(w, "settings.py", 5, "title"));
}

static void the_script_that_names_production_on_purpose_goes_on_doing_so(void **state)
{
        World *w = *state;

        rewrite_clone(w);
        assert_text_at(
                &w->f, "bfoo/initdb_from_prod.sh", "OLD=/r/afoo\nNEW=/r/bfoo\ncd $NEW # bfoo\n");
        rewrite(w);
        assert_text_at(
                &w->f, "bfoo/initdb_from_prod.sh", "OLD=/r/afoo\nNEW=/r/bfoo\ncd $NEW # bfoo\n");
        write_at(&w->f, "bfoo/initdb_from_prod.sh", "export OLD=\"prod\"\nNEW=$1\nNEWER=afoo\n");
        rewrite(w);
        assert_text_at(
                &w->f, "bfoo/initdb_from_prod.sh", "export OLD=\"prod\"\nNEW=$1\nNEWER=bfoo\n");
}

static void production_and_media_stay_as_they_are(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = fake_site_manifest(&w->f, "afoo"), *after = NULL;

        rewrite_clone(w);
        after = fake_site_manifest(&w->f, "afoo");
        assert_string_equal(before, after);
        assert_text_at(&w->f, "bfoo/media/uploads/note.txt", "about afoo\n");
}

static void a_link_is_not_followed_and_its_target_not_changed(void **state)
{
        World *w = *state;

        write_site(w, "bfoo");
        write_at(&w->f, "shared.py", "afoo\n");
        shell("ln -s ../shared.py '%s/bfoo/local.py'", w->f.root);
        rewrite(w);
        assert_text_at(&w->f, "shared.py", "afoo\n");
        assert_text_at(&w->f, "bfoo/local.py", "../shared.py");
}

static void a_new_name_that_is_taken_is_told(void **state)
{
        World *w = *state;

        write_site(w, "bfoo");
        write_at(&w->f, "bfoo/nginx/bfoo.conf", "y\n");
        step_refused(&w->f, &step_rewrite_ops, "rewrite", &w->arguments.base, "rewrite", &w->error);
        assert_string_equal(w->error.why, "its new name is taken");
}

static void words_are_found_by_their_edges(void **state)
{
        static const struct {
                const char *text, *replaced;
        } cases[] = {
                {"", ""},
                {"afoo", "b"},
                {"afoo afoo", "b b"},
                {"afoo_x xafoo afoo2 \xc3\xa9"
                 "afoo",
                        "afoo_x xafoo afoo2 \xc3\xa9"
                        "afoo"},
                {"/afoo/afoo-afoo.afoo", "/b/b-b.b"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = word_replace(cases[i].text, "afoo", "b", NULL);

                assert_string_equal(text, cases[i].replaced);
        }
        assert_non_null(word_find("x_afoo_y", 8, "afoo"));
        assert_null(word_find("xafoo", 5, "afoo"));
        assert_null(word_find("afoo", 3, "afoo"));
}

static void secrets_are_masked_in_any_notation(void **state)
{
        static const char *const lines[] = {"SECRET_KEY = 'hush'", "    'PASSWORD': \"hush\",",
                "password = hush", "EMAIL_HOST_PASSWORD='hush'", "export API_TOKEN=hush",
                "URL = 'postgres://user:hush@host/db'", "d['PASSWORD'] = 'hush'"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lines); i++) {
                _cleanup_free_ char *masked = secrets_mask(lines[i], "(key)");

                if (strstr(masked, "hush"))
                        fail_msg("%s", masked);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(whole_words_are_renamed_wherever_a_site_is_named),
                TEST(file_names_are_renamed_too),
                TEST(the_preview_gets_a_secret_of_its_own_and_no_secret_is_shown),
                TEST(the_diff_is_whole_after_a_kill),
                TEST(a_dry_run_shows_the_same_and_writes_nothing),
                TEST(what_still_has_the_name_is_listed),
                TEST(the_script_that_names_production_on_purpose_goes_on_doing_so),
                TEST(production_and_media_stay_as_they_are),
                TEST(a_link_is_not_followed_and_its_target_not_changed),
                TEST(a_new_name_that_is_taken_is_told),
                cmocka_unit_test(words_are_found_by_their_edges),
                cmocka_unit_test(secrets_are_masked_in_any_notation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
