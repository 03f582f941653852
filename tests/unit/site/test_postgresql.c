// The PostgreSQL engine on a server: create, restore, swap and back, drop, at any point of a kill.
#include "postgresql_world.h"

static void a_new_database_is_its_users_alone(void **state)
{
        World *w = *state;

        world_create(w);
        assert_sql(w, "postgres", w->name,
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '%s'", w->name);
        assert_sql(w, "postgres", "fffff",
                "SELECT concat(rolsuper, rolcreatedb, rolcreaterole, rolreplication, "
                "has_database_privilege('public', '%s', 'CONNECT')) FROM pg_roles WHERE rolname = "
                "'%s'",
                w->name, w->name);
        assert_sql(w, "postgres", "UTF8",
                "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = '%s'",
                w->name);
}

static void creating_again_finds_it_done(void **state)
{
        World *w = *state;
        ManagedAccount first _cleanup_managed_account_ = {0},
                             second _cleanup_managed_account_ = {0};

        world_create(w);
        assert_int_equal(managed_account_known(&w->site, &w->database, &first, &w->error), 0);
        world_create(w);
        assert_int_equal(managed_account_known(&w->site, &w->database, &second, &w->error), 0);
        assert_string_equal(first.password, second.password);
}

static void the_password_lets_in_and_the_server_never_sees_it(void **state)
{
        World *w = *state;
        ManagedAccount account _cleanup_managed_account_ = {0};

        world_create(w);
        assert_int_equal(managed_account_known(&w->site, &w->database, &account, &w->error), 0);
        shell("PGPASSWORD='%s' psql -X -q -h '%s' -p %s -U '%s' -d '%s' -c 'SELECT 1' > /dev/null",
                account.password, w->server.socket, w->server.port, w->name, w->name);
        shell("! PGPASSWORD='x' psql -X -q -h '%s' -p %s -U '%s' -d '%s' -c '' 2> /dev/null",
                w->server.socket, w->server.port, w->name, w->name);
        shell("! grep -F '%s' '%s/../log'", account.password, w->server.socket);
        assert_int_equal(step_fixture_said(&w->f, account.password), 0);
}

static void a_database_with_tables_is_not_taken_for_new(void **state)
{
        World *w = *state;

        world_create(w);
        free(world_sql(w, w->name, "CREATE TABLE mine ()"));
        assert_int_equal(
                w->engine->create(w->f.context, &w->site, &w->database, &w->error), -EEXIST);
        assert_string_equal(w->error.code, "database-exists");
        assert_non_null(w->error.next);
}

static void names_that_others_have_are_refused(void **state)
{
        World *w = *state;

        free(world_sql(w, "postgres", "CREATE DATABASE \"%s\"", w->name));
        assert_int_equal(
                w->engine->create(w->f.context, &w->site, &w->database, &w->error), -EEXIST);
        assert_string_equal(w->error.code, "name-taken");
        free(world_sql(w, "postgres", "DROP DATABASE \"%s\"; ", w->name));
        free(world_sql(w, "postgres", "CREATE ROLE \"%s\"", w->name));
        error_clear(&w->error);
        assert_int_equal(
                w->engine->create(w->f.context, &w->site, &w->database, &w->error), -EEXIST);
        assert_string_equal(w->error.code, "name-taken");
        assert_databases(w, "0");
        // Not ours, so dropping the site leaves it.
        world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(
                w, "postgres", "1", "SELECT count(*) FROM pg_roles WHERE rolname = '%s'", w->name);
        free(world_sql(w, "postgres", "DROP ROLE \"%s\"", w->name));
}

static void a_name_that_leaves_no_room_beside_it_is_refused(void **state)
{
        World *w = *state;
        Fleet__Database database = w->database;

        database.name = "a23456789012345678901234567890123456789012345";
        assert_int_equal(
                w->engine->create(w->f.context, &w->site, &database, &w->error), -ENAMETOOLONG);
        assert_non_null(w->error.next);
}

static void a_name_is_data(void **state)
{
        World *w = *state;
        Fleet__Database database = w->database;
        Fleet__Database *same = &database;
        _cleanup_free_ char *name = text_format("x'\\\"; -- host=%d %%s ü", getpid()),
                            *digest = NULL;
        bool kept;
        uint64_t bytes;

        database.name = name;
        database.user = name;
        world_done(w, w->engine->create(w->f.context, &w->site, same, &w->error));
        world_done(w, w->engine->open_staging(w->f.context, &w->site, same, &w->error));
        world_done(w, w->engine->seal(w->f.context, &w->site, same, &bytes, &w->error));
        world_done(w, w->engine->swap(w->f.context, &w->site, same, &kept, &w->error));
        assert_false(kept);
        world_done(
                w, w->engine->digest(w->f.context, &w->site, same, name, NULL, &digest, &w->error));
        world_done(w, w->engine->drop(w->f.context, &w->site, same, &w->error));
        assert_sql(w, "postgres", "0",
                "SELECT count(*) FROM pg_database WHERE datname LIKE '%%host=%d%%'", getpid());
}

static void staging_is_cheap_until_it_is_sealed(void **state)
{
        World *w = *state;
        _cleanup_free_ char *staging = w->engine->staging_name(&w->database);
        uint64_t bytes;

        world_create(w);
        world_done(w, w->engine->open_staging(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(w, staging, "off", "SHOW synchronous_commit");
        world_done(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error));
        assert_sql(w, staging, "on", "SHOW synchronous_commit");
        assert_sql(w, w->name, "on", "SHOW synchronous_commit");
}

static void a_swap_keeps_what_was_and_put_back_returns_it(void **state)
{
        World *w = *state;

        world_create(w);
        world_restore(w, "old");
        assert_false(world_swap(w)); // what was is empty
        uint64_t freed = 0;
        world_done(w, w->engine->settle(w->f.context, &w->site, &w->database, &freed, &w->error));
        assert_true(freed > 0);
        world_restore(w, "new");
        assert_sql(w, w->name, "old", "SELECT word FROM words");
        assert_true(world_swap(w));
        assert_sql(w, w->name, "new", "SELECT word FROM words");
        assert_true(world_swap(w)); // again, after a kill
        assert_databases(w, "2");
        world_done(w, w->engine->put_back(w->f.context, &w->site, &w->database, &w->error));
        world_done(w, w->engine->put_back(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(w, w->name, "old", "SELECT word FROM words");
        assert_databases(w, "1");
}

static void sessions_on_the_preview_are_ended_by_a_swap(void **state)
{
        World *w = *state;

        world_create(w);
        world_restore(w, "new");
        shell("cd / && %s psql -X -q -h '%s' -p %s -U postgres -d '%s' -c 'BEGIN' -c 'SELECT "
              "pg_advisory_lock(1)' -c 'SELECT pg_sleep(60)' > /dev/null 2>&1 & "
              "i=0; until %s psql -X -A -t -h '%s' -p %s -U postgres -d postgres -c \"SELECT "
              "'there' "
              "FROM pg_stat_activity WHERE datname = '%s' AND query LIKE '%%pg_sleep%%'\" | grep "
              "-q "
              "there; do sleep 0.05; i=$((i + 1)); [ $i -lt 200 ] || exit 1; done",
                geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups" : "",
                w->server.socket, w->server.port, w->name,
                geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups" : "",
                w->server.socket, w->server.port, w->name);
        world_swap(w);
        assert_sql(w, w->name, "new", "SELECT word FROM words");
}

// Whichever of the three there are after a kill, the operations end as they would have.
static void make_state(World *w, unsigned bits)
{
        static const char *const suffixes[] = {"", "-understudy-staging", "-understudy-kept"};
        static const char *const words[] = {"current", "staging", "kept"};

        world_create(w);
        free(world_sql(w, "postgres", "DROP DATABASE \"%s\"", w->name));
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_free_ char *name = text_format("%s%s", w->name, suffixes[i]);

                if (!(bits & 1U << i))
                        continue;
                free(world_sql(
                        w, "postgres", "CREATE DATABASE \"%s\" OWNER \"%s\"", name, w->name));
                free(world_sql(
                        w, name, "CREATE TABLE words AS SELECT '%s'::text AS word", words[i]));
        }
}

static void whatever_a_kill_left_swap_ends_with_the_restored_one(void **state)
{
        World *w = *state;

        for (unsigned bits = 0; bits < 8; bits++) {
                bool kept;
                int r;

                make_state(w, bits);
                error_clear(&w->error);
                r = w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error);
                if (bits & 2) {
                        world_done(w, r);
                        assert_sql(w, w->name, "staging", "SELECT word FROM words");
                } else if (bits == 5) { // swapped already
                        world_done(w, r);
                        assert_sql(w, w->name, "current", "SELECT word FROM words");
                        assert_true(kept);
                } else if (!(bits & 4)) {
                        assert_int_equal(r, -ENOENT);
                }
                world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        }
}

static void whatever_a_kill_left_put_back_ends_with_the_kept_one(void **state)
{
        World *w = *state;

        for (unsigned bits = 0; bits < 8; bits++) {
                make_state(w, bits);
                world_done(w, w->engine->put_back(w->f.context, &w->site, &w->database, &w->error));
                if (bits & 4)
                        assert_sql(w, w->name, "kept", "SELECT word FROM words");
                else if (bits & 1)
                        assert_sql(w, w->name, "current", "SELECT word FROM words");
                world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
                assert_databases(w, "0");
        }
}

#define USER_COUNT "SELECT count(*) FROM pg_roles WHERE rolname = '%s'"

static void drop_user(World *w)
{
        world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        world_done(w, w->engine->drop_user(w->f.context, &w->site, &w->database, &w->error));
}

// As an operator makes them for a site that is adopted.
static void a_user_made_by_hand_goes_when_it_is_nothing_elses(void **state)
{
        World *w = *state;

        free(world_sql(w, "postgres", "CREATE ROLE \"%s\" LOGIN CREATEDB PASSWORD 'x'", w->name));
        free(world_sql(w, "postgres", "CREATE DATABASE \"%s\" OWNER \"%s\"", w->name, w->name));
        drop_user(w);
        assert_databases(w, "0");
        assert_sql(w, "postgres", "0", USER_COUNT, w->name);
        drop_user(w);
}

static void a_user_that_has_something_elsewhere_or_rules_is_left(void **state)
{
        World *w = *state;

        free(world_sql(w, "postgres", "CREATE ROLE \"%s\" LOGIN", w->name));
        free(world_sql(
                w, "postgres", "CREATE DATABASE \"%s-archive\" OWNER \"%s\"", w->name, w->name));
        drop_user(w);
        assert_sql(w, "postgres", "1", USER_COUNT, w->name);
        assert_true(step_fixture_said(&w->f, "is left"));
        free(world_sql(w, "postgres", "DROP DATABASE \"%s-archive\"", w->name));
        free(world_sql(w, "postgres", "ALTER ROLE \"%s\" SUPERUSER", w->name));
        drop_user(w);
        assert_sql(w, "postgres", "1", USER_COUNT, w->name);
        free(world_sql(w, "postgres", "ALTER ROLE \"%s\" NOSUPERUSER", w->name));
        drop_user(w);
        assert_sql(w, "postgres", "0", USER_COUNT, w->name);
}

static void dropping_leaves_neither_database_nor_user(void **state)
{
        World *w = *state;

        world_create(w);
        world_restore(w, "old");
        world_swap(w);
        world_restore(w, "new");
        assert_databases(w, "3");
        world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        assert_databases(w, "0");
        assert_sql(
                w, "postgres", "0", "SELECT count(*) FROM pg_roles WHERE rolname = '%s'", w->name);
        world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
}

static void a_canceled_restore_leaves_no_session_and_no_database(void **state)
{
        World *w = *state;

        world_create(w);
        world_restore(w, "half");
        step_fixture_cancel(&w->f);
        world_done(w, w->engine->drop_staging(w->f.context, &w->site, &w->database, &w->error));
        assert_databases(w, "1");
}

static void rows_are_counted_and_missing_tables_told(void **state)
{
        World *w = *state;
        const char *const tables[] = {"words", "none", "odd\"'name"};
        int64_t rows[3];

        world_create(w);
        free(world_sql(w, w->name,
                "CREATE TABLE words AS SELECT generate_series(1, 7); CREATE TABLE \"odd\"\"'name\" "
                "()"));
        world_done(w, w->engine->count_rows(w->f.context, &w->site, &w->database, w->name, tables,
                              3, rows, &w->error));
        assert_int_equal(rows[0], 7);
        assert_int_equal(rows[1], -1);
        assert_int_equal(rows[2], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_new_database_is_its_users_alone),
                TEST(creating_again_finds_it_done),
                TEST(the_password_lets_in_and_the_server_never_sees_it),
                TEST(a_database_with_tables_is_not_taken_for_new),
                TEST(names_that_others_have_are_refused),
                TEST(a_name_that_leaves_no_room_beside_it_is_refused),
                TEST(a_name_is_data),
                TEST(staging_is_cheap_until_it_is_sealed),
                TEST(a_swap_keeps_what_was_and_put_back_returns_it),
                TEST(sessions_on_the_preview_are_ended_by_a_swap),
                TEST(whatever_a_kill_left_swap_ends_with_the_restored_one),
                TEST(whatever_a_kill_left_put_back_ends_with_the_kept_one),
                TEST(a_user_made_by_hand_goes_when_it_is_nothing_elses),
                TEST(a_user_that_has_something_elsewhere_or_rules_is_left),
                TEST(dropping_leaves_neither_database_nor_user),
                TEST(a_canceled_restore_leaves_no_session_and_no_database),
                TEST(rows_are_counted_and_missing_tables_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
