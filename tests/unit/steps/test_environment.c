#include "run.h"

#include "steps/requirements.h"

extern const StepOps step_environment_ops;

// Production afoo, whose env is a link to an environment with the packages one, two and lino-app,
// all of version 1.0; bfoo, its clone, has none yet. pip finds newer versions in a directory of
// wheels.
typedef struct World {
        StepFixture f;
        Fleet__Site afoo, bfoo;
        Fleet__EnvironmentArguments arguments;
        char *install[4];
        Error error;
} World;

static char *shared; // directory of the wheels and of production's environment
static char *wheels;

static const char make_wheels[] =
        "import zipfile\n"
        "def wheel(name, version, *needs):\n"
        "    under = name.replace('-', '_')\n"
        "    info = f'{under}-{version}.dist-info'\n"
        "    with zipfile.ZipFile(f'wheels/{under}-{version}-py3-none-any.whl', 'w') as z:\n"
        "        z.writestr(f'{under}.py', f'version = {version!r}\\ndef tell(): "
        "print(version)\\n')\n"
        "        z.writestr(f'{info}/entry_points.txt', "
        "f'[console_scripts]\\n{name}={under}:tell')\n"
        "        z.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: {name}\\n'\n"
        "                   f'Version: {version}\\n' + ''.join(f'Requires-Dist: {n}\\n' for n in "
        "needs))\n"
        "        z.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\n'\n"
        "                   'Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        z.writestr(f'{info}/RECORD', '')\n"
        "wheel('one', '1.0'); wheel('one', '2.0')\n"
        "wheel('two', '1.0', 'one'); wheel('two', '2.0', 'one>=2')\n"
        "wheel('lino', '1.0'); wheel('lino', '2.0')\n"
        "wheel('lino-app', '1.0', 'lino'); wheel('lino-app', '2.0', 'lino')\n";

static int open_group(void **state)
{
        char template[] = "/tmp/understudy-test-XXXXXX";
        _cleanup_free_ char *path = NULL;

        (void)state;
        assert_non_null(mkdtemp(template));
        shared = text_copy(template);
        path = text_format("%s/wheels.py", shared);
        assert_int_equal(file_write(path, make_wheels, strlen(make_wheels), 0644), 0);
        shell("cd '%s' && mkdir wheels && /usr/bin/python3 wheels.py && /usr/bin/python3 -m venv "
              "env && "
              "env/bin/python -m pip -q install --disable-pip-version-check --no-index "
              "--find-links "
              "wheels one==1.0 two==1.0 lino==1.0 lino-app==1.0 2>/dev/null",
                shared);
        wheels = text_format("%s/wheels", shared);
        setenv("PIP_NO_INDEX", "1", 1);
        setenv("PIP_FIND_LINKS", wheels, 1);
        return 0;
}

static int close_group(void **state)
{
        (void)state;
        remove_tree(shared);
        free(wheels);
        free(shared);
        return 0;
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "environment");
        text_list_add(&w->f.policy.environment, "PIP_NO_INDEX");
        text_list_add(&w->f.policy.environment, "PIP_FIND_LINKS");
        shell("cd '%s' && mkdir afoo bfoo && touch afoo/manage.py bfoo/manage.py && ln -s '%s/env' "
              "afoo/env",
                w->f.root, shared);
        w->afoo = fake_site(&w->f, "afoo");
        w->bfoo = fake_site(&w->f, "bfoo");
        fleet__environment_arguments__init(&w->arguments);
        w->arguments.production = &w->afoo;
        w->arguments.preview = &w->bfoo;
        w->arguments.install = w->install;
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

static void install(World *w, char *requirement)
{
        w->install[w->arguments.n_install++] = requirement;
}

static Fleet__EnvironmentResult *built(World *w)
{
        return (Fleet__EnvironmentResult *)step_done(
                &w->f, &step_environment_ops, "environment", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(
                &w->f, &step_environment_ops, "environment", &w->arguments.base, code, &w->error);
}

static const Fleet__PackageChange *change_of(
        const Fleet__EnvironmentResult *result, const char *name)
{
        for (size_t i = 0; i < result->n_changes; i++)
                if (text_equal(result->changes[i]->name, name))
                        return result->changes[i];
        return NULL;
}

static void assert_version(const World *w, const char *package, const char *version)
{
        shell("'%s/bfoo/env/bin/python' -c 'import %s; assert %s.version == \"%s\", %s.version'",
                w->f.root, package, package, version, package);
}

static void it_has_productions_packages_but_for_those_asked_for(void **state)
{
        World *w = *state;
        Fleet__EnvironmentResult *result;
        const Fleet__PackageChange *change;

        install(w, "one==2.0");
        result = built(w);
        assert_int_equal(result->n_changes, 1);
        change = change_of(result, "one");
        assert_non_null(change);
        assert_string_equal(change->before, "1.0");
        assert_string_equal(change->after, "2.0");
        assert_true(result->bytes > 1000000);
        fleet__environment_result__free_unpacked(result, NULL);
        assert_version(w, "two", "1.0");
        assert_false(there(&w->f, "bfoo/env/.understudy-building"));
        shell("'%s/env/bin/python' -c 'import one; assert one.version == \"1.0\"'", shared);
}

// What somebody has mended in production counts; what Lino has written beside its packages does
// not.
static void what_stays_as_it_is_is_copied_and_nothing_is_fetched(void **state)
{
        World *w = *state;

        shell("cd '%s'/env/lib/*/site-packages && echo \"version = '1.0, mended'\" >> one.py && "
              "touch beside.py",
                shared);
        setenv("PIP_FIND_LINKS", "/nowhere", 1);
        fleet__environment_result__free_unpacked(built(w), NULL);
        setenv("PIP_FIND_LINKS", wheels, 1);
        assert_version(w, "one", "1.0, mended");
        shell("cd '%s/bfoo/env' && test ! -e lib/*/site-packages/beside.py && grep -q "
              "\"^#!$PWD/bin/python\" bin/one && test \"$(bin/one)\" = '1.0, mended' && "
              "bin/pip --version | grep -q \"from $PWD/\"",
                w->f.root);
        shell("cd '%s'/env/lib/*/site-packages && rm beside.py && sed -i '/mended/d' one.py",
                shared);
}

static void what_cannot_be_copied_is_installed(void **state)
{
        World *w = *state;

        shell("cd '%s'/env/lib/*/site-packages && echo '../../../../../etc/x,,' >> "
              "two-1.0.dist-info/RECORD",
                shared);
        fleet__environment_result__free_unpacked(built(w), NULL);
        assert_version(w, "two", "1.0");
        assert_true(step_fixture_said(&w->f, "x is outside of the environment") > 0);
        shell("sed -i '/etc.x/d' '%s'/env/lib/*/site-packages/two-1.0.dist-info/RECORD", shared);
}

static void linos_packages_go_together(void **state)
{
        World *w = *state;
        Fleet__EnvironmentResult *result;

        install(w, "lino_app==2.0");
        result = built(w);
        assert_int_equal(result->n_changes, 2);
        assert_string_equal(change_of(result, "lino")->after, "2.0");
        fleet__environment_result__free_unpacked(result, NULL);
        assert_true(step_fixture_said(&w->f, "lino gets the newest version that fits") > 0);
}

static void a_contradiction_names_what_to_ask_for(void **state)
{
        World *w = *state;

        install(w, "two==2.0");
        refused(w, "pip");
        assert_non_null(strstr(w->error.why, "one==1.0"));
        assert_non_null(strstr(w->error.next, "--install one"));
        assert_true(there(&w->f, "bfoo/env/.understudy-building"));
        install(w, "one");
        fleet__environment_result__free_unpacked(built(w), NULL);
        assert_version(w, "two", "2.0");
}

static void what_is_not_to_be_had_is_told(void **state)
{
        World *w = *state;

        install(w, "three==1.0");
        refused(w, "pip");
        assert_non_null(strstr(w->error.why, "three==1.0"));
        assert_non_null(strstr(w->error.next, "understudyctl job retry 1"));
}

static void a_killed_run_begins_again_and_a_link_is_replaced_not_emptied(void **state)
{
        World *w = *state;
        _cleanup_message_ ProtobufCMessage *result =
                message_new(&fleet__environment_result__descriptor);

        shell("cd '%s/bfoo' && mkdir env .env.understudy-new && touch env/.understudy-building "
              "env/junk",
                w->f.root);
        fleet__environment_result__free_unpacked(built(w), NULL);
        assert_false(there(&w->f, "bfoo/env/junk"));
        assert_int_equal(
                step_environment_ops.check(w->f.context, &w->arguments.base, result, &w->error), 1);
        shell("cd '%s/bfoo' && rm -r env && ln -s '%s/env' env", w->f.root, shared);
        fleet__environment_result__free_unpacked(built(w), NULL);
        shell("cd '%s/bfoo' && test ! -L env && test -e '%s/env/bin/python'", w->f.root, shared);
}

static void repositories_come_along_and_the_sites_own_script_is_run(void **state)
{
        World *w = *state;
        _cleanup_free_ char *path = text_format("%s/env/bin/pull.sh", shared);
        static const char script[] = "#!/bin/bash\nread -p 'go on? ' answer; test -z \"$answer\"\n"
                                     "echo pulled > afoo.pulled\n";

        assert_int_equal(file_write(path, script, strlen(script), 0755), 0);
        shell("mkdir -p '%s/env/repositories/app' && echo edited > '%s/env/repositories/app/f'",
                shared, shared);
        install(w, "pull.sh");
        fleet__environment_result__free_unpacked(built(w), NULL);
        assert_text_at(&w->f, "bfoo/env/repositories/app/f", "edited\n");
        assert_text_at(&w->f, "bfoo/bfoo.pulled", "pulled\n");
        shell("rm -r '%s/env/repositories' '%s'", shared, path);
}

static void an_environment_without_python_is_told(void **state)
{
        World *w = *state;

        shell("rm '%s/afoo/env'", w->f.root);
        step_refused(&w->f, &step_environment_ops, "environment", &w->arguments.base,
                "no-environment", &w->error);
}

// ---------------------------------------------------------------- requirements alone

static char *asked(const char *const *install_items, size_t count, const char *packages)
{
        Requirements requirements _cleanup_(requirements_clear) = {0};
        Error error _cleanup_error_ = ERROR_EMPTY;
        SiteDir site = SITE_DIR_EMPTY;
        const char *const from[] = {"/r/afoo/env", "/r/afoo"}, *const to[] = {
                                                                       "/r/bfoo/env", "/r/bfoo"};
        json_t *list = json_loads(packages, 0, NULL);

        assert_non_null(list);
        if (requirements_ask(&requirements, &site, (char *const *)install_items, count, &error) <
                0) {
                json_decref(list);
                return text_copy(error.code);
        }
        requirements_freeze(&requirements, list, from, to);
        json_decref(list);
        return requirements_text(&requirements);
}

static void a_named_package_frees_its_pin(void **state)
{
        static const char *const items[] = {
                "My_Package[extra]>=2", "git+https://h/x.git@v1#egg=Other"};
        _cleanup_free_ char *text = asked(items, 2,
                "[{\"name\": \"my-package\", \"version\": \"1\"}, {\"name\": \"other\", "
                "\"version\": \"1\"},"
                " {\"name\": \"third\", \"version\": \"3\"}]");

        (void)state;
        assert_null(strstr(text, "my-package==1"));
        assert_null(strstr(text, "other==1"));
        assert_non_null(strstr(text, "third==3\n"));
        assert_non_null(strstr(text, "My_Package[extra]>=2\n"));
}

static void editable_packages_of_the_site_move_with_it(void **state)
{
        _cleanup_free_ char *text = asked(NULL, 0,
                "[{\"name\": \"a\", \"version\": \"1\", \"editable\": "
                "\"/r/afoo/env/repositories/a\"},"
                " {\"name\": \"b\", \"version\": \"1\", \"editable\": \"/home/joe/b\"},"
                " {\"name\": \"c\", \"version\": \"1\", \"editable\": null, \"url\": "
                "\"git+https://h/c@1\"}]");

        (void)state;
        assert_non_null(strstr(text, "-e /r/bfoo/env/repositories/a\n"));
        assert_non_null(strstr(text, "-e /home/joe/b\n"));
        assert_non_null(strstr(text, "c @ git+https://h/c@1\n"));
}

static void a_requirements_file_of_the_project_frees_what_it_names(void **state)
{
        World *w = *state;
        Requirements requirements _cleanup_(requirements_clear) = {0};
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        char *const items[] = {"requirements.txt"}, *const outside[] = {"../shared.txt"};
        _cleanup_free_ char *expected = text_format("-r %s/bfoo/requirements.txt", w->f.root);

        write_at(&w->f, "bfoo/requirements.txt", "# ours\n--no-binary :all:\n  Two==2.0\n\none\n");
        write_at(&w->f, "shared.txt", "one\n");
        assert_int_equal(site_open(&w->f.policy, &w->bfoo, &site, &w->error), 0);
        assert_int_equal(requirements_ask(&requirements, &site, items, 1, &w->error), 0);
        assert_int_equal(requirements.named.count, 2);
        assert_string_equal(requirements.named.items[0], "two");
        assert_string_equal(requirements.asked.items[0], expected);
        assert_true(requirements_ask(&requirements, &site, outside, 1, &w->error) < 0);
        assert_string_equal(w->error.code, "bad-requirement");
}

static void options_and_lines_are_refused(void **state)
{
        static const char *const items[] = {"--index-url=http://evil", "a\nb", "", "../x.txt"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(items); i++) {
                _cleanup_free_ char *code = asked(&items[i], 1, "[]");

                assert_string_equal(code, "bad-requirement");
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(it_has_productions_packages_but_for_those_asked_for),
                TEST(what_stays_as_it_is_is_copied_and_nothing_is_fetched),
                TEST(what_cannot_be_copied_is_installed),
                TEST(linos_packages_go_together),
                TEST(a_contradiction_names_what_to_ask_for),
                TEST(what_is_not_to_be_had_is_told),
                TEST(a_killed_run_begins_again_and_a_link_is_replaced_not_emptied),
                TEST(repositories_come_along_and_the_sites_own_script_is_run),
                TEST(an_environment_without_python_is_told),
                cmocka_unit_test(a_named_package_frees_its_pin),
                cmocka_unit_test(editable_packages_of_the_site_move_with_it),
                TEST(a_requirements_file_of_the_project_frees_what_it_names),
                cmocka_unit_test(options_and_lines_are_refused),
        };

        return cmocka_run_group_tests(tests, open_group, close_group);
}
