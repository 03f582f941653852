// A scan of a host with fake sites, from arguments to result.
#include "run.h"

#include "step/step.h"

typedef struct Scene {
        StepFixture f;
        char *etc;
} Scene;

static int scene_open(void **state)
{
        Scene *s = memory_new(sizeof(*s));

        step_fixture_open(&s->f, "scan");
        s->etc = text_format("%s/etc", s->f.directory);
        shell("mkdir -p '%s/nginx/sites-enabled' '%s/cron.d'", s->etc, s->etc);
        text_list_take(&s->f.policy.scan.nginx, text_format("%s/nginx", s->etc));
        text_list_take(&s->f.policy.scan.cron, text_format("%s/cron.d", s->etc));
        s->f.policy.scan.patience_seconds = 20;
        fake_site_make(&s->f, "anna");
        fake_site_make(&s->f, "berta");
        shell("cd '%s' && ln -s anna prod && ln -s berta preview", s->f.root);
        *state = s;
        return 0;
}

static int scene_close(void **state)
{
        Scene *s = *state;

        step_fixture_close(&s->f);
        free(s->etc);
        free(s);
        return 0;
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

static Fleet__ScanResult *scan(Scene *s, Fleet__ScanArguments *arguments)
{
        arguments->host = "web 1";
        return (Fleet__ScanResult *)step_done(
                &s->f, step_ops(step_info_find("scan")), "scan", &arguments->base);
}

static Fleet__ScanResult *scan_all(Scene *s)
{
        Fleet__ScanArguments arguments = FLEET__SCAN_ARGUMENTS__INIT;

        return scan(s, &arguments);
}

static const Fleet__ScanFinding *found(
        const Fleet__ScanResult *result, const char *code, const char *site)
{
        for (size_t i = 0; i < result->n_findings; i++)
                if (text_equal(result->findings[i]->code, code) &&
                        (!site || text_equal(result->findings[i]->site, site)))
                        return result->findings[i];
        return NULL;
}

static const Fleet__ScanFinding *must_find(
        const Fleet__ScanResult *result, const char *code, const char *site)
{
        const Fleet__ScanFinding *finding = found(result, code, site);

        if (!finding) {
                for (size_t i = 0; i < result->n_findings; i++)
                        print_error("%s: %s (%s)\n", result->findings[i]->code,
                                result->findings[i]->what, result->findings[i]->where);
                fail_msg("%s of %s was not found", code, site ? site : "any site");
        }
        return finding;
}

static void release(Fleet__ScanResult *result)
{
        fleet__scan_result__free_unpacked(result, NULL);
}

static void sites_are_found_with_their_roles_and_a_line_is_offered(void **state)
{
        Scene *s = *state;
        Fleet__ScanResult *result = scan_all(s);
        _cleanup_free_ char *line = text_format(
                "understudyctl series add anna --host 'web 1' --root %s --production anna",
                s->f.root);

        assert_int_equal(result->n_found, 2);
        assert_string_equal(result->found[0]->name, "anna");
        assert_string_equal(result->found[0]->role, "production");
        assert_string_equal(result->found[0]->application, "Fake 1.0");
        assert_string_equal(result->found[1]->role, "preview");
        assert_int_equal(result->n_lines, 1);
        assert_string_equal(result->lines[0]->command, line);
        release(result);
}

static void a_site_of_a_series_is_not_offered_again(void **state)
{
        Scene *s = *state;
        Fleet__ScanArguments arguments = FLEET__SCAN_ARGUMENTS__INIT;
        Fleet__KnownSite known = FLEET__KNOWN_SITE__INIT, *list = &known;
        Fleet__Site site = fake_site(&s->f, "anna");
        Fleet__ScanResult *result;

        known.series = "noi";
        known.site = &site;
        arguments.known = &list;
        arguments.n_known = 1;
        result = scan(s, &arguments);
        assert_string_equal(result->found[0]->series, "noi");
        assert_int_equal(result->n_lines, 0);
        release(result);
}

static void a_scan_changes_nothing(void **state)
{
        Scene *s = *state;
        _cleanup_free_ char *before = fake_site_manifest(&s->f, "anna"), *after = NULL;

        release(scan_all(s));
        after = fake_site_manifest(&s->f, "anna");
        assert_string_equal(before, after);
}

static void what_a_preview_must_not_do_is_told(void **state)
{
        Scene *s = *state;
        Fleet__ScanResult *result;

        fake_site_setting(&s->f, "berta",
                "DEBUG = True\nEMAIL_BACKEND = 'django.core.mail.backends.smtp.EmailBackend'\n"
                "ALLOWED_HOSTS = ['*']");
        shell("echo 'MAILTO=joe\n1 1 * * * joe %s/preview/x.sh' > '%s/cron.d/x'", s->f.root,
                s->etc);
        result = scan_all(s);
        assert_true(text_ends(must_find(result, "mail-in-preview", "berta")->where, ":21"));
        assert_true(text_ends(must_find(result, "debug-on", "berta")->where, ":20"));
        must_find(result, "hosts-any", "berta");
        must_find(result, "cron-mails-in-preview", "berta");
        assert_null(found(result, "mail-in-preview", "anna"));
        assert_int_equal(result->findings[0]->severity, FLEET__SEVERITY__DANGER);
        release(result);
}

static void a_database_of_two_sites_is_told(void **state)
{
        Scene *s = *state;
        _cleanup_free_ char *setting =
                text_format("DATABASES['default']['NAME'] = '%s/anna/anna'", s->f.root);
        Fleet__ScanResult *result;

        fake_site_setting(&s->f, "berta", setting);
        result = scan_all(s);
        assert_true(text_ends(
                must_find(result, "database-shared", "berta")->where, "berta/settings.py:5"));
        must_find(result, "path-of-other", "berta");
        must_find(result, "sqlite-left-behind", "berta");
        release(result);
}

static void directories_and_settings_of_another_site_are_told(void **state)
{
        Scene *s = *state;
        _cleanup_free_ char *media = text_format("MEDIA_ROOT = '%s/anna/media'", s->f.root);
        _cleanup_free_ char *database = text_format(
                "DATABASES['second'] = dict(DATABASES['default'], NAME='%s/x')", s->etc);
        Fleet__ScanResult *result;

        fake_site_setting(&s->f, "anna", "STATIC_ROOT = '/srv/static'");
        fake_site_setting(&s->f, "berta", "STATIC_ROOT = '/srv/static'");
        fake_site_setting(&s->f, "berta", media);
        fake_site_setting(&s->f, "berta", database);
        result = scan_all(s);
        must_find(result, "static-shared", "berta");
        must_find(result, "database-outside", "berta");
        assert_non_null(strstr(must_find(result, "path-of-other", "berta")->what, "media"));
        release(result);

        fake_site_setting(&s->f, "berta", "MEDIA_ROOT = '/srv/media'");
        result = scan_all(s);
        must_find(result, "media-outside", "berta");
        release(result);
}

static void a_name_that_a_vhost_has_and_the_site_does_not_allow_is_told(void **state)
{
        Scene *s = *state;
        Fleet__ScanResult *result;

        shell("echo 'server { server_name anna.example.com b.example.org c.example.org; root "
              "%s/prod/media; }' > '%s/nginx/sites-enabled/x'",
                s->f.root, s->etc);
        fake_site_setting(&s->f, "anna", "ALLOWED_HOSTS += ['.EXAMPLE.com', 'b.example.org']");
        result = scan_all(s);
        assert_non_null(
                strstr(must_find(result, "host-not-allowed", "anna")->what, "c.example.org"));
        assert_string_equal(result->found[0]->parts[0]->link, "prod");
        assert_int_equal(result->found[0]->parts[0]->n_hosts, 3);
        release(result);
}

static void a_site_that_fails_or_hangs_is_a_finding(void **state)
{
        Scene *s = *state;
        Fleet__ScanResult *result;

        s->f.policy.scan.patience_seconds = 1;
        shell("sed -i '1i import time; time.sleep(600)' '%s/anna/settings.py'", s->f.root);
        shell("echo 'raise ValueError(\"broken\")' >> '%s/berta/settings.py'", s->f.root);
        result = scan_all(s);
        assert_string_equal(
                must_find(result, "site-silent", "anna")->what, "the site did not answer in time");
        assert_non_null(strstr(must_find(result, "site-silent", "berta")->why, "broken"));
        assert_string_equal(result->lines[0]->note, "once the site answers");
        release(result);
}

static void a_canceled_scan_ends(void **state)
{
        Scene *s = *state;
        Fleet__ScanArguments arguments = FLEET__SCAN_ARGUMENTS__INIT;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__scan_result__descriptor);
        _cleanup_error_ Error error = ERROR_EMPTY;

        step_fixture_cancel(&s->f);
        assert_int_equal(step_ops(step_info_find("scan"))
                                 ->run(s->f.context, &arguments.base, result, &error),
                -ECANCELED);
}

static void a_root_that_the_worker_does_not_accept_is_refused(void **state)
{
        Scene *s = *state;
        Fleet__ScanArguments arguments = FLEET__SCAN_ARGUMENTS__INIT;
        _cleanup_error_ Error error = ERROR_EMPTY;

        arguments.root = "/etc";
        step_refused(
                &s->f, step_ops(step_info_find("scan")), "scan", &arguments.base, "policy", &error);
}

static void sites_one_level_deeper_are_found_and_their_root_named(void **state)
{
        Scene *s = *state;
        Fleet__ScanResult *result;

        shell("mkdir '%s/lino_local' && mv '%s/anna' '%s/lino_local/' && rm '%s/prod' "
              "'%s/preview' && rm -r '%s/berta'",
                s->f.root, s->f.root, s->f.root, s->f.root, s->f.root, s->f.root);
        result = scan_all(s);
        assert_int_equal(result->n_found, 1);
        assert_true(text_ends(result->found[0]->root, "/lino_local"));
        must_find(result, "root-not-accepted", NULL);
        assert_non_null(strstr(result->lines[0]->command, "/lino_local --production anna"));
        assert_non_null(strstr(result->lines[0]->note, "worker.conf"));
        release(result);
}

static void a_site_of_another_user_is_not_run(void **state)
{
        Scene *s = *state;
        Fleet__ScanResult *result;

        text_list_clear(&s->f.policy.users);
        text_list_add(&s->f.policy.users, "nobody");
        result = scan_all(s);
        must_find(result, "site-not-asked", "anna");
        assert_string_equal(result->found[0]->application, "");
        release(result);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SCENE(sites_are_found_with_their_roles_and_a_line_is_offered),
                SCENE(a_site_of_a_series_is_not_offered_again),
                SCENE(a_scan_changes_nothing),
                SCENE(what_a_preview_must_not_do_is_told),
                SCENE(a_database_of_two_sites_is_told),
                SCENE(directories_and_settings_of_another_site_are_told),
                SCENE(a_name_that_a_vhost_has_and_the_site_does_not_allow_is_told),
                SCENE(a_site_that_fails_or_hangs_is_a_finding),
                SCENE(a_canceled_scan_ends),
                SCENE(a_root_that_the_worker_does_not_accept_is_refused),
                SCENE(sites_one_level_deeper_are_found_and_their_root_named),
                SCENE(a_site_of_another_user_is_not_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
