// Addresses, commands and files of sections, as the host's programs write them.
#include "host.h"

#include "adopt/address.h"
#include "adopt/command.h"
#include "adopt/ini.h"

static void an_address_has_one_form_however_it_is_written(void **state)
{
        static const char *const pairs[][2] = {
                {"unix:/run/a.sock", "unix:/run/a.sock"},
                {"unix:///run/a.sock", "unix:/run/a.sock"},
                {"/run/a.sock", "unix:/run/a.sock"},
                {"http://unix:/run/a.sock:/path", "unix:/run/a.sock"},
                {"unix:/run/a.sock|http://localhost/", "unix:/run/a.sock"},
                {"127.0.0.1:8000", "port 8000"},
                {"localhost:8000", "port 8000"},
                {":8000", "port 8000"},
                {"8000", "port 8000"},
                {"[::1]:8000", "port 8000"},
                {"http://127.0.0.1:8000/ws/", "port 8000"},
                {"https://db.example.com:8443", "db.example.com:8443"},
                {"http://anna_upstream/", "anna_upstream"},
                {"", NULL},
                {"unix:", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                _cleanup_free_ char *address = address_normal(pairs[i][0]);

                if (!text_equal(address, pairs[i][1]))
                        fail_msg("%s: %s", pairs[i][0], address ? address : "(none)");
        }
}

static void a_commands_words_keep_what_quotes_hold_together(void **state)
{
        static const char *const words[] = {"sh", "-c", "cd /a b", "it's", "x y"};
        const char *rest = " sh -c 'cd /a b' \"it's\"  x\\ y ";

        (void)state;
        for (size_t i = 0; i < ELEMENTS(words); i++) {
                _cleanup_free_ char *word = command_word(&rest);

                assert_string_equal(word, words[i]);
        }
        assert_null(command_word(&rest));
}

static void a_commands_server_says_what_it_offers(void **state)
{
        static const char *const pairs[][2] = {
                {"/srv/a/env/bin/gunicorn --bind unix:/srv/a/a.sock wsgi", "unix:/srv/a/a.sock"},
                {"env/bin/gunicorn -b127.0.0.1:8001 wsgi", "port 8001"},
                {"/srv/a/env/bin/python /srv/a/env/bin/gunicorn --bind=:8002 wsgi", "port 8002"},
                {"uwsgi --ini x.ini --socket /run/a.sock", "unix:/run/a.sock"},
                {"/srv/a/env/bin/daphne -b 127.0.0.1 -p 8003 asgi:application", "port 8003"},
                {"daphne -u /run/d.sock asgi:application", "unix:/run/d.sock"},
                {"gunicorn -p /run/a.pid wsgi", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                PartList list = {0};
                Part *part = part_add(&list, PART_SUPERVISOR, "a", "/etc/a.conf", 1);
                const Mention *mention;

                command_mention(part, pairs[i][0], NULL, "/etc/a.conf", 2);
                mention = part_find(part, MENTION_LISTENS);
                if (!text_equal(mention ? mention->text : NULL, pairs[i][1]))
                        fail_msg("%s: %s", pairs[i][0], mention ? mention->text : "(none)");
                part_list_clear(&list);
        }
}

static void paths_are_found_within_words(void **state)
{
        static const char *const pairs[][2] = {
                {"/srv/a/b", "/srv/a/b"},
                {"python-home=/srv/a/env", "/srv/a/env"},
                {"unix:///srv/a/x.sock", "/srv/a/x.sock"},
                {"--ini=/srv/a/uwsgi.ini", "/srv/a/uwsgi.ini"},
                {"http://example.com/a", NULL},
                {"a/b", NULL},
                {"/", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                PartList list = {0};
                Part *part = part_add(&list, PART_NGINX, "a", "/etc/a.conf", 1);
                const Mention *mention;

                part_mention_paths(part, pairs[i][0], "/etc/a.conf", 2);
                mention = part_find(part, MENTION_PATH);
                if (!text_equal(mention ? mention->text : NULL, pairs[i][1]))
                        fail_msg("%s: %s", pairs[i][0], mention ? mention->text : "(none)");
                part_list_clear(&list);
        }
}

static void take_value(
        void *userdata, const char *section, const char *name, const char *value, unsigned line)
{
        TextList *list = userdata;

        text_list_take(list, name ? text_format("%s.%s=%s:%u", section, name, value, line)
                                  : text_format("[%s]:%u", section, line));
}

static void sections_and_values_are_read_with_their_lines(void **state)
{
        static const char text[] = "# comment\n[program:a]\ncommand = /bin/x -y ; why\n"
                                   "environment=A=1,\n  B=2\n\n; other\nnonsense\n[b]\n"
                                   "ExecStart=/bin/y \\\n  --more\n[open\nz=1";
        static const char *const expected[] = {"[program:a]:2", "program:a.command=/bin/x -y:3",
                "program:a.environment=A=1, B=2:4", "[b]:9", "b.ExecStart=/bin/y  --more:10",
                "[open]:12", "open.z=1:13"};
        TextList found _cleanup_text_list_ = {0};

        (void)state;
        ini_read(text, take_value, &found);
        assert_int_equal(found.count, ELEMENTS(expected));
        for (size_t i = 0; i < ELEMENTS(expected); i++)
                assert_string_equal(found.items[i], expected[i]);
}

static void a_value_that_is_continued_without_end_is_cut(void **state)
{
        size_t size = 1 << 20;
        _cleanup_free_ char *text = memory_new(size + 1);
        TextList found _cleanup_text_list_ = {0};

        (void)state;
        for (char *to = stpcpy(text, "a=b"); to + 3 < text + size;)
                to = stpcpy(to, "\n x");
        ini_read(text, take_value, &found);
        assert_int_equal(found.count, 1);
        assert_true(strlen(found.items[0]) < 100000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_has_one_form_however_it_is_written),
                cmocka_unit_test(a_commands_words_keep_what_quotes_hold_together),
                cmocka_unit_test(a_commands_server_says_what_it_offers),
                cmocka_unit_test(paths_are_found_within_words),
                cmocka_unit_test(sections_and_values_are_read_with_their_lines),
                cmocka_unit_test(a_value_that_is_continued_without_end_is_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
