// What is found missing or unsafe, without asking a site.
#include "host.h"

#include "adopt/offer.h"

#define MANAGE "execute_from_command_line\n"

// Two sites with their links, as far as a scan needs them.
static void make_sites(const Host *host)
{
        host_write(host, "root/anna/manage.py", MANAGE);
        host_write(host, "root/anna/settings.py", "DEBUG = False\n");
        host_write(host, "root/berta/manage.py", MANAGE);
        host_write(host, "root/berta/settings.py", "DEBUG = False\n");
        host_link(host, "anna", "root/prod");
        host_link(host, "berta", "root/preview");
}

static void apply(Host *host)
{
        host_find(host);
        host_read(host, nginx_read, "etc/nginx");
        host_read(host, supervisor_read, "etc/supervisor");
        host_read(host, cron_read, "etc/cron.d");
        rules_apply(&host->landscape);
}

static void links_give_sites_their_roles(void **state)
{
        Host *host = *state;

        make_sites(host);
        apply(host);
        assert_int_equal(host->landscape.sites[0].role, ROLE_PRODUCTION);
        assert_int_equal(host->landscape.sites[1].role, ROLE_PREVIEW);
        assert_int_equal(host_found(host, FINDING_LINK_MISSING, NULL), 0);
}

static void links_that_lead_astray_are_told(void **state)
{
        Host *host = *state;

        host_write(host, "root/anna/manage.py", MANAGE);
        host_link(host, "/usr", "root/prod");
        host_link(host, "nobody", "root/preview");
        apply(host);
        assert_found(host, FINDING_LINK_OUTSIDE, "/prod");
        assert_found(host, FINDING_LINK_DANGLING, "/preview");
        assert_int_equal(host->landscape.sites[0].role, ROLE_NONE);
}

static void a_root_without_the_link_is_told(void **state)
{
        Host *host = *state;

        host_write(host, "root/anna/manage.py", MANAGE);
        apply(host);
        assert_found(host, FINDING_LINK_MISSING, "/root");
}

static void a_preview_that_is_production_is_told(void **state)
{
        Host *host = *state;

        host_write(host, "root/anna/manage.py", MANAGE);
        host_link(host, "anna", "root/prod");
        host_link(host, "anna", "root/preview");
        apply(host);
        assert_found(host, FINDING_LINKS_SAME, "/preview");
        assert_int_equal(host->landscape.sites[0].role, ROLE_PRODUCTION);
}

static void sites_are_never_found_by_links(void **state)
{
        Host *host = *state;

        host_write(host, "elsewhere/carl/manage.py", MANAGE);
        host_link(host, "../elsewhere/carl", "root/carl");
        host_link(host, ".", "root/self");
        host_find(host);
        assert_int_equal(host->landscape.site_count, 0);
}

static void files_that_name_another_site_are_told(void **state)
{
        Host *host = *state;

        make_sites(host);
        host_write(host, "root/berta/wsgi.py",
                "# @/anna is a comment\nos.environ['DJANGO_SETTINGS_MODULE'] = "
                "'root.anna.settings'\n"
                "sys.path.append(\"@/prod/lib\")\nx = '@/berta/lib:@/gone/lib'\n");
        host_write(host, "root/berta/initdb_from_prod.sh", "cd @/anna\n");
        apply(host);
        assert_found(host, FINDING_SETTINGS_OF_OTHER, "berta/wsgi.py:2");
        assert_found(host, FINDING_PATH_OF_OTHER, "berta/wsgi.py:3");
        assert_found(host, FINDING_PATH_GONE, "berta/wsgi.py:4");
        assert_int_equal(host_found(host, FINDING_PATH_OF_OTHER, NULL), 1);
}

static void secrets_are_told_only_where_others_can_read_them(void **state)
{
        Host *host = *state;
        _cleanup_free_ char *path = text_format("%s/anna/settings.py", host->f.root);

        make_sites(host);
        host_write(host, "root/anna/settings.py", "SECRET_KEY = 'abc'\n");
        host_write(host, "root/berta/settings.py",
                "EMAIL_HOST_PASSWORD = ''\nX = {'PASSWORD': \"pw\"}\n");
        assert_int_equal(chmod(path, 0640), 0);
        apply(host);
        assert_int_equal(host_found(host, FINDING_SECRETS_READABLE, NULL), 1);
        assert_found(host, FINDING_SECRETS_READABLE, "berta/settings.py:2");
}

static void what_lies_wrong_in_a_site_is_told(void **state)
{
        Host *host = *state;

        make_sites(host);
        host_write(host, "root/anna/log/lino.log", "");
        host_link(host, "../anna/log", "root/berta/log");
        host_link(host, "../../../anna/tmp", "root/berta/media/volumes/inbox");
        host_write(host, "root/berta/media/media/x", "");
        host_write(host, "root/berta/env/bin/python", "");
        host_write(host, "root/berta/env/bin/activate", "x\n  VIRTUAL_ENV='@/anna/env'\n");
        host_write(host, "root/anna/lino.ini", "[getlino]\nupstream_port = 8001\nchannels=2\n");
        host_write(host, "root/berta/lino.ini", "[getlino]\nupstream_port = 8001\nchannels=3\n");
        apply(host);
        assert_found(host, FINDING_LOG_SHARED, "berta/log");
        assert_found(host, FINDING_LINK_INTO_OTHER, "media/volumes/inbox");
        assert_found(host, FINDING_NESTED_COPY, "media/media");
        assert_found(host, FINDING_ENV_COPIED, "berta/env/bin/activate");
        assert_found(host, FINDING_ENV_MISSING, "anna/env");
        assert_int_equal(host_found(host, FINDING_ADDRESS_TWICE, "berta/lino.ini"), 1);
}

static void an_environment_of_two_sites_is_told_by_their_roles(void **state)
{
        Host *host = *state;

        make_sites(host);
        host_write(host, "root/carl/manage.py", MANAGE);
        host_write(host, "env/bin/python", "");
        host_link(host, "../../env", "root/anna/env");
        host_link(host, "../../env", "root/berta/env");
        host_link(host, "../../env", "root/carl/env");
        apply(host);
        assert_int_equal(host_found(host, FINDING_ENV_SHARED_WITH_PRODUCTION, "berta/env"), 1);
        assert_int_equal(host_found(host, FINDING_ENV_SHARED, "carl/env"), 1);
}

static void an_old_snapshot_is_told_of_production_with_a_preview(void **state)
{
        Host *host = *state;
        _cleanup_free_ char *path =
                text_format("%s/anna/snapshot2preview/restore.py", host->f.root);
        const struct timespec times[] = {{.tv_sec = 86400}, {.tv_sec = 86400}};

        make_sites(host);
        host_write(host, "root/anna/snapshot2preview/restore.py", "");
        host_write(host, "root/anna/snapshot2preview/restore2preview.py", "");
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        apply(host);
        assert_found(host, FINDING_SNAPSHOT_OLD, "anna/snapshot2preview");
        assert_int_equal(host_found(host, FINDING_SCRIPT_MISSING, NULL), 0);
}

static void a_vhost_that_asks_where_nobody_answers_is_told(void **state)
{
        Host *host = *state;

        make_sites(host);
        host_write(host, "etc/nginx/conf.d/anna.conf",
                "server { listen 80; root @/prod/media; location / { proxy_pass "
                "http://127.0.0.1:8001; } }\n"
                "server { listen 80; root @/preview/media; location / { uwsgi_pass "
                "unix:@/preview/u.sock; } }\n");
        host_write(host, "etc/supervisor/conf.d/berta.conf",
                "[program:berta]\nuser=x\ncommand=uwsgi --ini @/berta/nginx/uwsgi.ini\n");
        host_write(host, "root/berta/nginx/uwsgi.ini", "[uwsgi]\nsocket = @/berta/u.sock\n");
        apply(host);
        assert_int_equal(host_found(host, FINDING_NOTHING_LISTENS, NULL), 1);
        assert_found(host, FINDING_NOTHING_LISTENS, "anna.conf:1");
        assert_int_equal(host_found(host, FINDING_VHOST_BYPASSES_LINKS, NULL), 0);
}

static void production_without_a_vhost_is_told_where_there_are_some(void **state)
{
        Host *host = *state;

        make_sites(host);
        host_write(host, "etc/nginx/conf.d/x.conf", "server { listen 80; root /var/www; }");
        apply(host);
        assert_found(host, FINDING_SITE_UNSERVED, "/anna");
}

static void a_part_that_names_no_path_belongs_to_the_site_it_is_called_after(void **state)
{
        Host *host = *state;

        make_sites(host);
        host_write(host, "etc/supervisor/conf.d/x.conf",
                "[program:linod_berta]\nuser=x\ncommand=/opt/"
                "linod\n[program:annabel]\ncommand=x\n");
        apply(host);
        assert_int_equal(host_part(host, "linod_berta")->site, 2);
        assert_int_equal(host_part(host, "annabel")->site, 0);
        assert_found(host, FINDING_LINOD_IN_PREVIEW, "x.conf:1");
}

static void names_that_say_a_role_are_told(void **state)
{
        Host *host = *state;

        host_write(host, "root/testing/manage.py", MANAGE);
        host_write(host, "root/Mixed-Case/manage.py", MANAGE);
        host_write(host, "root/half/settings.py", "");
        apply(host);
        assert_int_equal(host_found(host, FINDING_NAME_RULE, NULL), 2);
        assert_int_equal(host_found(host, FINDING_SITE_INCOMPLETE, NULL), 1);
}

// ---------------------------------------------------------------- lines

static void a_line_is_quoted_for_the_shell(void **state)
{
        static const char *const pairs[][2] = {{"/srv/lino", "/srv/lino"}, {"a b", "'a b'"},
                {"it's", "'it'\\''s'"}, {"$(x)", "'$(x)'"}, {"", "''"}, {"~/x", "'~/x'"}};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                _cleanup_free_ char *quoted = shell_quoted(pairs[i][0]);

                assert_string_equal(quoted, pairs[i][1]);
        }
}

static void a_series_gets_a_name_that_is_not_taken(void **state)
{
        static char *taken_names[] = {(char *)"mdg", (char *)"mdg-2", NULL};
        const TextList taken = {taken_names, 2};
        Host *host = *state;
        OfferList offers _cleanup_(offer_clear) = {0};

        host_write(host, "root/mdg1/manage.py", MANAGE);
        apply(host);
        offer_lines(&host->landscape, "web1", &taken, &offers);
        assert_int_equal(offers.count, 1);
        assert_true(
                text_starts(offers.items[0].command, "understudyctl series add mdg-3 --host web1"));
}

static void remove_prod(const Host *host)
{
        _cleanup_free_ char *path = text_format("%s/prod", host->f.root);

        assert_int_equal(unlink(path), 0);
}

static void where_nobody_can_tell_production_each_site_is_offered(void **state)
{
        Host *host = *state;
        OfferList offers _cleanup_(offer_clear) = {0};

        make_sites(host);
        remove_prod(host);
        apply(host);
        offer_lines(&host->landscape, "web1", &(TextList){0}, &offers);
        assert_int_equal(offers.count, 2);
        assert_non_null(strstr(offers.items[0].note, "if it is production"));
        assert_found(host, FINDING_ROOT_AMBIGUOUS, NULL);
}

static void the_site_that_is_served_is_production(void **state)
{
        Host *host = *state;
        OfferList offers _cleanup_(offer_clear) = {0};

        make_sites(host);
        remove_prod(host);
        host_write(host, "etc/nginx/conf.d/x.conf", "server { root @/berta/media; }");
        apply(host);
        offer_lines(&host->landscape, "web1", &(TextList){0}, &offers);
        assert_int_equal(offers.count, 1);
        assert_true(text_ends(offers.items[0].command, "--production berta"));
}

// ---------------------------------------------------------------- the table

static void every_finding_has_a_code_of_its_own_and_words(void **state)
{
        (void)state;
        for (size_t i = 0; i < FINDING_COUNT; i++) {
                assert_false(text_blank(finding_infos[i].why));
                assert_false(text_blank(finding_infos[i].next));
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(finding_infos[i].code, finding_infos[k].code);
        }
}

static void findings_are_bounded_and_said_once(void **state)
{
        FindingList list = {0};

        (void)state;
        finding_add(&list, FINDING_MODE, "a", "/x", "same");
        finding_add(&list, FINDING_MODE, "a", "/x", "same");
        assert_int_equal(list.count, 1);
        for (int i = 0; i < FINDINGS_MAX + 5; i++)
                finding_add(&list, FINDING_MODE, "a", "/x", "%d", i);
        assert_int_equal(list.count, FINDINGS_MAX);
        assert_int_equal(list.left_out, 6);
        finding_clear(&list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(links_give_sites_their_roles),
                ON_HOST(links_that_lead_astray_are_told),
                ON_HOST(a_root_without_the_link_is_told),
                ON_HOST(a_preview_that_is_production_is_told),
                ON_HOST(sites_are_never_found_by_links),
                ON_HOST(files_that_name_another_site_are_told),
                ON_HOST(secrets_are_told_only_where_others_can_read_them),
                ON_HOST(what_lies_wrong_in_a_site_is_told),
                ON_HOST(an_environment_of_two_sites_is_told_by_their_roles),
                ON_HOST(an_old_snapshot_is_told_of_production_with_a_preview),
                ON_HOST(a_vhost_that_asks_where_nobody_answers_is_told),
                ON_HOST(production_without_a_vhost_is_told_where_there_are_some),
                ON_HOST(a_part_that_names_no_path_belongs_to_the_site_it_is_called_after),
                ON_HOST(names_that_say_a_role_are_told),
                cmocka_unit_test(a_line_is_quoted_for_the_shell),
                ON_HOST(a_series_gets_a_name_that_is_not_taken),
                ON_HOST(where_nobody_can_tell_production_each_site_is_offered),
                ON_HOST(the_site_that_is_served_is_production),
                cmocka_unit_test(every_finding_has_a_code_of_its_own_and_words),
                cmocka_unit_test(findings_are_bounded_and_said_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
