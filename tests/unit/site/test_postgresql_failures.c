// What goes wrong on a PostgreSQL server: told in words that help, with nothing lost or left.
#include "postgresql_world.h"

static void fails(World *w, const char *code)
{
        error_clear(&w->error);
        assert_true(w->engine->create(w->f.context, &w->site, &w->database, &w->error) < 0);
        if (!text_equal(w->error.code, code))
                fail_msg("%s, not %s: %s", w->error.code, code, w->error.why);
        assert_non_null(w->error.why);
        assert_non_null(w->error.next);
}

static void administer(World *w, const char *format, ...) _printf_(2, 3);
static void administer(World *w, const char *format, ...)
{
        va_list arguments;

        free(w->f.policy.postgresql.admin);
        va_start(arguments, format);
        w->f.policy.postgresql.admin = text_vformat(format, arguments);
        va_end(arguments);
}

static void as_before(World *w)
{
        free(w->f.policy.postgresql.password_file);
        w->f.policy.postgresql.password_file = NULL;
        administer(w, "host=%s port=%s", w->server.socket, w->server.port);
}

static void a_server_that_is_down_is_told(void **state)
{
        World *w = *state;

        administer(w, "host=%s port=1", w->f.directory);
        fails(w, "server-down");
        as_before(w);
}

static void password_file(World *w, const char *password, mode_t mode)
{
        char *path = text_format("%s/password", w->f.directory);

        assert_int_equal(file_write(path, password, strlen(password), mode), 0);
        free(w->f.policy.postgresql.password_file);
        w->f.policy.postgresql.password_file = path;
}

// As a line of SQL has it.
static void any_password_of_the_administrator_comes_through_whole(void **state)
{
        World *w = *state;
        static const char *const passwords[] = {"plain", "it''s", "back\\slash\\", "100%",
                "\"quoted\"", "colon:", "Grüße ∑", "a b = c"};

        for (size_t i = 0; i < ELEMENTS(passwords); i++) {
                _cleanup_free_ char *typed = text_copy(passwords[i]);
                char *two = strstr(typed, "''");

                free(world_sql(w, "postgres", "CREATE ROLE chief%s SUPERUSER LOGIN PASSWORD '%s'",
                        w->name, passwords[i]));
                if (two)
                        memmove(two, two + 1, strlen(two));
                administer(w, "host=127.0.0.1 port=%s user=chief%s", w->server.port, w->name);
                password_file(w, typed, 0600);
                world_create(w);
                password_file(w, "wrong", 0600);
                fails(w, "server-access");
                assert_int_equal(step_fixture_said(&w->f, typed), 0);
                as_before(w);
                free(world_sql(w, "postgres", "DROP ROLE chief%s", w->name));
        }
}

static void a_password_file_that_others_read_is_refused(void **state)
{
        World *w = *state;

        password_file(w, "secret", 0644);
        fails(w, "configuration");
        assert_null(strstr(w->error.why, "secret"));
        as_before(w);
}

static void an_administrator_without_rights_is_told(void **state)
{
        World *w = *state;

        free(world_sql(w, "postgres", "CREATE ROLE clerk%s LOGIN PASSWORD 'x'", w->name));
        administer(w, "host=127.0.0.1 port=%s user=clerk%s", w->server.port, w->name);
        password_file(w, "x", 0600);
        fails(w, "server-rights");
        as_before(w);
        assert_databases(w, "0");
        free(world_sql(w, "postgres", "DROP ROLE clerk%s", w->name));
}

static void a_program_that_is_not_allowed_is_not_started(void **state)
{
        World *w = *state;

        text_list_clear(&w->f.policy.commands);
        fails(w, "policy");
        text_list_add(&w->f.policy.commands, "/usr/bin/psql");
}

// A small file system for one database; only root can mount it.
static void a_full_disk_is_told_and_leaves_the_preview_as_it_was(void **state)
{
        World *w = *state;
        _cleanup_free_ char *place = text_format("%s/small", w->f.directory);
        DatabaseFigures figures _cleanup_figures_ = {0};
        Fleet__Database from = w->database;

        if (geteuid() != 0)
                skip();
        shell("mkdir '%s' && mount -t tmpfs -o size=24m,mode=700 tmpfs '%s' && chown postgres '%s'",
                place, place, place);
        world_create(w);
        free(world_sql(w, "postgres", "CREATE TABLESPACE small%s LOCATION '%s'", w->name, place));
        free(world_sql(
                w, "postgres", "ALTER DATABASE \"%s\" SET TABLESPACE small%s", w->name, w->name));
        free(world_sql(w, w->name, "CREATE TABLE words AS SELECT 'old'::text AS word"));
        shell("dd if=/dev/zero of='%s/filler' bs=1M count=64 2> "
              "/dev/null || true",
                place);
        // A copy by files lies where its template lies.
        assert_int_equal(w->engine->copy(w->f.context, &w->site, &from, &w->site, &w->database,
                                 true, &figures, &w->error),
                -ENOSPC);
        assert_string_equal(w->error.code, "no-space");
        assert_databases(w, "1");
        assert_sql(w, w->name, "old", "SELECT word FROM words");
        world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        free(world_sql(w, "postgres", "DROP TABLESPACE small%s", w->name));
        shell("umount '%s'", place);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_server_that_is_down_is_told),
                TEST(any_password_of_the_administrator_comes_through_whole),
                TEST(a_password_file_that_others_read_is_refused),
                TEST(an_administrator_without_rights_is_told),
                TEST(a_program_that_is_not_allowed_is_not_started),
                TEST(a_full_disk_is_told_and_leaves_the_preview_as_it_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
