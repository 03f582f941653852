// What nginx, Apache, supervisor, systemd and cron are told.
#include "host.h"

#define NGINX_SITE                                                                                 \
        "upstream anna_app { server unix:@/prod/nginx.sock; }\n"                                   \
        "server {\n"                                                                               \
        "  listen 80; # a comment with ; and }\n"                                                  \
        "  server_name anna.example.com\n"                                                         \
        "    www.anna.example.com;\n"                                                              \
        "  location /static { alias \"@/prod/static\"; }\n"                                        \
        "  location / { uwsgi_pass anna_app; set $x ${host}a; }\n"                                 \
        "}\n"

static void an_nginx_vhost_is_read_with_names_paths_and_upstream(void **state)
{
        Host *host = *state;
        const Part *part;

        host_write(host, "etc/nginx/sites-available/anna.conf", NGINX_SITE);
        host_link(host, "../sites-available/anna.conf", "etc/nginx/sites-enabled/anna.conf");
        host_read(host, nginx_read, "etc/nginx");
        assert_int_equal(host->landscape.parts.count, 1);
        part = host_part(host, "anna.example.com");
        assert_false(part->disabled);
        assert_true(text_ends(part->where, "sites-enabled/anna.conf:2"));
        assert_mentions(host, part, MENTION_HOST, "www.anna.example.com");
        assert_mentions(host, part, MENTION_PATH, "@/prod/static");
        assert_mentions(host, part, MENTION_REACHES, "unix:@/prod/nginx.sock");
        assert_mentions(host, part, MENTION_PORT, "80");
}

static void a_vhost_that_is_only_available_is_disabled(void **state)
{
        Host *host = *state;

        host_write(host, "etc/nginx/sites-available/anna.conf", NGINX_SITE);
        host_read(host, nginx_read, "etc/nginx");
        assert_true(host_part(host, "anna.example.com")->disabled);
}

static void includes_are_followed_and_loops_end(void **state)
{
        Host *host = *state;

        host_write(host, "etc/nginx/nginx.conf",
                "http { include vhosts/*; include nginx.conf; include missing; }");
        host_write(
                host, "etc/nginx/vhosts/a", "server { server_name a.example.com; include s/b; }");
        host_write(host, "etc/nginx/s/b", "root @/anna; include vhosts/a; include s/b;");
        host_read(host, nginx_read, "etc/nginx");
        assert_int_equal(host->landscape.parts.count, 1);
        assert_mentions(host, host_part(host, "a.example.com"), MENTION_PATH, "@/anna");
        assert_int_equal(host->landscape.findings.count, 0);
}

static void includes_that_go_too_deep_are_told(void **state)
{
        Host *host = *state;

        for (int i = 0; i < 12; i++) {
                _cleanup_free_ char *path = text_format("etc/nginx/conf.d/z%02d.conf", i),
                                    *text = text_format("include conf.d/z%02d.conf;", i + 1);

                host_write(host, path, text);
        }
        host_read(host, nginx_read, "etc/nginx");
        assert_found(host, FINDING_CONFIG_NOT_READ, NULL);
}

static void broken_nginx_files_say_nothing_of_those_after_them(void **state)
{
        static const char *const texts[] = {"server {", "}}}}", "server { server_name \"open",
                "upstream {", "{;{;", "server_name x;", "\\", "server { root ${", ";;;"};
        Host *host = *state;

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                _cleanup_free_ char *path = text_format("etc/nginx/conf.d/a%zu.conf", i);

                host_write(host, path, texts[i]);
        }
        host_write(host, "etc/nginx/conf.d/b.conf", NGINX_SITE);
        host_read(host, nginx_read, "etc/nginx");
        assert_mentions(host, host_part(host, "anna.example.com"), MENTION_REACHES,
                "unix:@/prod/nginx.sock");
}

static void links_and_files_that_are_none_are_not_read(void **state)
{
        Host *host = *state;
        _cleanup_free_ char *fifo = text_format("%s/nginx/conf.d/fifo.conf", host->etc);
        _cleanup_free_ char *large = text_format("%s/nginx/conf.d/large.conf", host->etc);

        host_write(host, "elsewhere/secret", "server { server_name secret.example.com; }");
        host_write(host, "etc/nginx/conf.d/large.conf", "");
        host_link(host, "../../../elsewhere/secret", "etc/nginx/conf.d/out.conf");
        host_link(host, "nowhere", "etc/nginx/conf.d/dangling.conf");
        host_link(host, "loop.conf", "etc/nginx/conf.d/loop.conf");
        assert_int_equal(mkfifo(fifo, 0644), 0);
        assert_int_equal(truncate(large, (off_t)2 << 20), 0);
        host_read(host, nginx_read, "etc/nginx");
        assert_int_equal(host->landscape.parts.count, 0);
        assert_found(host, FINDING_CONFIG_LINK_DANGLING, "dangling.conf");
        assert_found(host, FINDING_CONFIG_NOT_READ, "out.conf");
        assert_found(host, FINDING_CONFIG_NOT_READ, "loop.conf");
        assert_found(host, FINDING_CONFIG_NOT_READ, "fifo.conf");
        assert_found(host, FINDING_CONFIG_NOT_READ, "large.conf");
}

static void a_link_into_a_root_is_read(void **state)
{
        Host *host = *state;
        _cleanup_free_ char *target = text_format("%s/anna/nginx.conf", host->f.root);

        host_write(host, "root/anna/nginx.conf", NGINX_SITE);
        host_link(host, target, "etc/nginx/sites-enabled/anna");
        host_find(host);
        host_read(host, nginx_read, "etc/nginx");
        assert_false(host_part(host, "anna.example.com")->disabled);
}

static void an_apache_vhost_is_read_whatever_its_case(void **state)
{
        Host *host = *state;
        const Part *part;

        host_write(host, "etc/apache2/sites-enabled/anna.conf",
                "<VirtualHost *:443>\n  servername anna.example.com\n"
                "  ServerAlias www.anna.example.com \\\n    old.example.com\n"
                "  WSGIDaemonProcess anna python-home=@/anna/env python-path=@/anna\n"
                "  Alias /media \"@/anna/media\"\n"
                "  ProxyPass /ws http://127.0.0.1:8001/ws\n"
                "  ProxyPass / unix:@/anna/g.sock|http://localhost/\n</virtualhost>\n");
        host_read(host, apache_read, "etc/apache2");
        part = host_part(host, "anna.example.com");
        assert_mentions(host, part, MENTION_HOST, "old.example.com");
        assert_mentions(host, part, MENTION_PATH, "@/anna/env");
        assert_mentions(host, part, MENTION_PATH, "@/anna/media");
        assert_mentions(host, part, MENTION_REACHES, "port 8001");
        assert_mentions(host, part, MENTION_REACHES, "unix:@/anna/g.sock");
        assert_mentions(host, part, MENTION_PORT, "*:443");
}

static void a_supervisor_program_is_read(void **state)
{
        Host *host = *state;
        const Part *part;

        host_write(host, "etc/supervisor/conf.d/anna.conf",
                "[program:anna-uwsgi]\ncommand = /usr/bin/uwsgi --ini nginx/uwsgi.ini\n"
                "directory = @/anna\nuser = www-data\n[program:linod_anna]\n"
                "command = @/anna/linod.sh\n");
        host_read(host, supervisor_read, "etc/supervisor");
        part = host_part(host, "anna-uwsgi");
        assert_string_equal(part->user, "www-data");
        assert_mentions(host, part, MENTION_INI, "@/anna/nginx/uwsgi.ini");
        assert_mentions(host, part, MENTION_PATH, "@/anna");
        part = host_part(host, "linod_anna");
        assert_mentions(host, part, MENTION_LINOD, "@/anna/linod.sh");
        assert_null(part->user);
}

static void a_systemd_unit_is_read_and_its_enabling_seen(void **state)
{
        static const char unit[] = "[Unit]\nDescription=x\n[Service]\nUser=anna\n"
                                   "WorkingDirectory=-@/anna\n"
                                   "ExecStart=-@/anna/env/bin/gunicorn -b @/anna/g.sock wsgi\n";
        Host *host = *state;
        const Part *part;

        host_write(host, "etc/systemd/anna.service", unit);
        host_write(host, "etc/systemd/bert.service", unit);
        host_link(host, "../anna.service", "etc/systemd/multi-user.target.wants/anna.service");
        host_read(host, systemd_read, "etc/systemd");
        part = host_part(host, "anna.service");
        assert_false(part->disabled);
        assert_mentions(host, part, MENTION_LISTENS, "unix:@/anna/g.sock");
        assert_mentions(host, part, MENTION_PATH, "@/anna");
        assert_true(host_part(host, "bert.service")->disabled);
}

static void cron_jobs_are_read_with_user_and_mail(void **state)
{
        Host *host = *state;
        const Part *part;

        host_write(host, "etc/cron.d/anna",
                "# m h\nMAILTO=\"joe\"\nSHELL=/bin/sh\n"
                "5 4 * * * www-data @/anna/make_snapshot.sh\n"
                "@@hourly root /bin/quiet @/anna > /dev/null\n");
        host_write(host, "etc/crontabs/joe", "*/5 * * * * @/anna/x | mailx joe\n");
        host_write(host, "etc/cron.daily/anna", "#!/bin/sh\n# @/no\ncd @/anna\nlinod.sh\n");
        host_read(host, cron_read, "etc/cron.d");
        host_read(host, cron_read, "etc/crontabs");
        host_read(host, cron_read, "etc/cron.daily");
        assert_int_equal(host->landscape.parts.count, 4);
        part = &host->landscape.parts.items[0];
        assert_string_equal(part->user, "www-data");
        assert_mentions(host, part, MENTION_MAILS, "joe");
        assert_mentions(host, part, MENTION_PATH, "@/anna/make_snapshot.sh");
        part = &host->landscape.parts.items[1];
        assert_string_equal(part->user, "root");
        assert_null(part_find(part, MENTION_MAILS));
        assert_mentions(host, &host->landscape.parts.items[2], MENTION_MAILS, "mailx");
        part = host_part(host, "anna");
        assert_mentions(host, part, MENTION_PATH, "@/anna");
        assert_non_null(part_find(part, MENTION_LINOD));
}

static void a_scan_reads_so_many_parts_and_no_more(void **state)
{
        Host *host = *state;
        _cleanup_free_ char *text = memory_new(120000);

        for (char *to = text; to < text + 90000;)
                to = stpcpy(to, "server{}\n");
        host_write(host, "etc/nginx/conf.d/many.conf", text);
        host_read(host, nginx_read, "etc/nginx");
        assert_int_equal(host->landscape.parts.count, PARTS_MAX);
        assert_int_equal(host_found(host, FINDING_SCAN_LIMIT, NULL), 1);
}

// The pieces that mean something to the readers, in any order, with any bytes between them.
static char *nonsense(unsigned *seed)
{
        static const char *const pieces[] = {"server", "{", "}", ";", "upstream", "a", " ", "\n",
                "include", "conf.d/*", "\"", "'", "\\", "\\\n", "<VirtualHost", ">",
                "</VirtualHost>", "[program:a]", "[Service]", "command=", "ExecStart=", "=", "#",
                "${", "unix:", "/", "//", "*/5 * * * * ", "MAILTO=", "\xff\xfe", "\t", ":", "8000",
                "ProxyPass", "..", "include x.conf;", "server_name", "uwsgi_pass", "gunicorn -b"};
        char *text = memory_new(4096), *to = text;

        for (int i = 0; i < 200; i++) {
                *seed = *seed * 1103515245U + 12345U;
                to = stpcpy(to, pieces[(*seed >> 16) % ELEMENTS(pieces)]);
        }
        return text;
}

static void any_bytes_are_read_without_harm(void **state)
{
        Host *host = *state;
        unsigned seed = 1;

        for (int i = 0; i < 300; i++) {
                _cleanup_free_ char *text = nonsense(&seed);

                host_write(host, "etc/nginx/conf.d/x.conf", text);
                host_write(host, "etc/apache2/sites-enabled/x.conf", text);
                host_write(host, "etc/supervisor/conf.d/x.conf", text);
                host_write(host, "etc/systemd/x.service", text);
                host_write(host, "etc/cron.d/x", text);
                host_write(host, "root/anna/manage.py", text);
                host_find(host);
                host_read(host, nginx_read, "etc/nginx");
                host_read(host, apache_read, "etc/apache2");
                host_read(host, supervisor_read, "etc/supervisor");
                host_read(host, systemd_read, "etc/systemd");
                host_read(host, cron_read, "etc/cron.d");
                rules_apply(&host->landscape);
                landscape_clear(&host->landscape);
                host->landscape.context = host->f.context;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(an_nginx_vhost_is_read_with_names_paths_and_upstream),
                ON_HOST(a_vhost_that_is_only_available_is_disabled),
                ON_HOST(includes_are_followed_and_loops_end),
                ON_HOST(includes_that_go_too_deep_are_told),
                ON_HOST(broken_nginx_files_say_nothing_of_those_after_them),
                ON_HOST(links_and_files_that_are_none_are_not_read),
                ON_HOST(a_link_into_a_root_is_read),
                ON_HOST(an_apache_vhost_is_read_whatever_its_case),
                ON_HOST(a_supervisor_program_is_read),
                ON_HOST(a_systemd_unit_is_read_and_its_enabling_seen),
                ON_HOST(cron_jobs_are_read_with_user_and_mail),
                ON_HOST(any_bytes_are_read_without_harm),
                ON_HOST(a_scan_reads_so_many_parts_and_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
