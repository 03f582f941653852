// A whole PostgreSQL database copied, by rows and by files, and compared by its digest.
#include "postgresql_world.h"

// Production: another user's database, with all kinds of things in it.
typedef struct Copies {
        World *w;
        Fleet__Database from;
        char *name;
} Copies;

static int copies_open(void **state)
{
        Copies *c = memory_new(sizeof(*c));

        world_open((void **)&c->w);
        for (size_t i = 0; i < 2; i++)
                text_list_add(
                        &c->w->f.policy.commands, i ? "/usr/bin/pg_dump" : "/usr/bin/pg_restore");
        c->name = text_format("anna%s", c->w->name);
        c->from = c->w->database;
        c->from.name = c->name;
        c->from.user = c->name;
        free(world_sql(c->w, "postgres", "CREATE ROLE \"%s\" LOGIN", c->name));
        free(world_sql(c->w, "postgres", "CREATE DATABASE \"%s\" OWNER \"%s\"", c->name, c->name));
        free(world_sql(c->w, c->name,
                "SET ROLE \"%s\"; CREATE TABLE city (id int GENERATED ALWAYS AS IDENTITY PRIMARY "
                "KEY, "
                "name text, made timestamptz, sum numeric(10,2), t text);"
                "CREATE TABLE person (id serial PRIMARY KEY, city_id int REFERENCES city, photo "
                "bytea);"
                "CREATE VIEW pairs AS SELECT city.name FROM city JOIN person ON city_id = city.id;"
                "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';"
                "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE django_session (k text);"
                "INSERT INTO city (name, made, sum, t) SELECT 'city ' || i, now(), i / 7.0, "
                "E'tab\\t\\\\''\"' FROM generate_series(1, 500) i;"
                "INSERT INTO person (city_id, photo) SELECT id, decode('00ff', 'hex') FROM city;"
                "INSERT INTO django_session VALUES ('a');",
                c->name));
        world_create(c->w);
        *state = c;
        return 0;
}

static int copies_close(void **state)
{
        Copies *c = *state;

        free(world_sql(c->w, "postgres", "DROP DATABASE \"%s\" WITH (FORCE)", c->name));
        free(world_sql(c->w, "postgres", "DROP ROLE \"%s\"", c->name));
        world_close((void **)&c->w);
        free(c->name);
        free(c);
        return 0;
}

static char *digest_of(Copies *c, const char *name, const char *table)
{
        char *text = NULL;

        world_done(c->w, c->w->engine->digest(c->w->f.context, &c->w->site, &c->w->database, name,
                                 table, &text, &c->w->error));
        return text;
}

static void copy(Copies *c, bool frozen, DatabaseFigures *figures)
{
        world_done(c->w, c->w->engine->copy(c->w->f.context, &c->w->site, &c->from, &c->w->site,
                                 &c->w->database, frozen, figures, &c->w->error));
}

static void check_copy(Copies *c, bool frozen)
{
        World *w = c->w;
        _cleanup_free_ char *staging = w->engine->staging_name(&w->database), *before = NULL,
                            *after = NULL, *schema = NULL, *copied_schema = NULL;
        DatabaseFigures figures _cleanup_figures_ = {0};
        uint64_t bytes;

        before = digest_of(c, c->name, NULL);
        copy(c, frozen, &figures);
        after = digest_of(c, staging, NULL);
        assert_string_equal(figures.digest, before);
        assert_string_equal(after, before);
        assert_true(figures.bytes > 0);
        assert_sql(w, staging, w->name,
                "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ' ') FROM pg_class WHERE "
                "relnamespace = 'public'::regnamespace");
        assert_sql(w, staging, w->name,
                "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = "
                "'one'");
        assert_sql(w, staging, w->name,
                "SELECT pg_get_userbyid(typowner) FROM pg_type WHERE typname = "
                "'mood'");
        assert_sql(w, "postgres", c->name,
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '%s'", c->name);
        assert_sql(w, staging, "0", "SELECT count(*) FROM django_session");
        assert_sql(w, staging, "501", "INSERT INTO city (name) VALUES ('x') RETURNING id");
        for (size_t i = 0; i < 2; i++)
                world_done(
                        w, w->engine->schema(w->f.context, &w->site, &w->database,
                                   i ? staging : c->name, i ? &copied_schema : &schema, &w->error));
        assert_string_equal(schema, copied_schema);
        world_done(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error));
        assert_sql(w, staging, "on", "SHOW synchronous_commit");
        shell("test ! -e '%s/.understudy-copy'", w->site.path);
}

static void a_copy_of_production_at_work_is_equal_and_the_previews_own(void **state)
{
        check_copy(*state, false);
}

static void a_copy_of_frozen_production_is_equal_and_the_previews_own(void **state)
{
        check_copy(*state, true);
}

static void the_digest_is_of_what_was_copied_while_production_changes(void **state)
{
        Copies *c = *state;
        World *w = c->w;
        _cleanup_free_ char *staging = w->engine->staging_name(&w->database), *after = NULL;
        DatabaseFigures figures _cleanup_figures_ = {0};

        shell("cd / && { for i in $(seq 200); do echo \"INSERT INTO city (name) VALUES ('$i');\"; "
              "done; } | %s psql -X -q -h '%s' -p %s -U postgres -d '%s' > /dev/null &",
                geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups" : "",
                w->server.socket, w->server.port, c->name);
        copy(c, false, &figures);
        after = digest_of(c, staging, NULL);
        assert_string_equal(after, figures.digest);
}

static void of_a_production_in_use_the_rows_are_copied_not_the_files(void **state)
{
        Copies *c = *state;
        World *w = c->w;
        DatabaseFigures figures _cleanup_figures_ = {0};
        _cleanup_free_ char *before = NULL;
        const char *as =
                geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups" : "";

        shell("cd / && %s psql -X -q -h '%s' -p %s -U postgres -d '%s' -c 'SELECT pg_sleep(60)' "
              "> /dev/null 2>&1 & i=0; until %s psql -X -A -t -h '%s' -p %s -U postgres -d "
              "postgres "
              "-c \"SELECT 'there' FROM pg_stat_activity WHERE datname = '%s' AND query LIKE "
              "'%%pg_sleep%%'\" | grep -q there; do sleep 0.05; i=$((i + 1)); [ $i -lt 200 ] || "
              "exit "
              "1; done",
                as, w->server.socket, w->server.port, c->name, as, w->server.socket, w->server.port,
                c->name);
        before = digest_of(c, c->name, NULL);
        copy(c, true, &figures);
        assert_string_equal(figures.digest, before);
        assert_sql(w, "postgres", "t",
                "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '%s' AND query LIKE "
                "'%%pg_sleep%%'",
                c->name);
}

static void a_digest_tells_every_change_of_a_row(void **state)
{
        Copies *c = *state;
        static const char *const changes[] = {"UPDATE city SET sum = sum + 0.01 WHERE id = 3",
                "UPDATE city SET name = NULL WHERE id = 4", "DELETE FROM person WHERE id = 9",
                "UPDATE person SET photo = '' WHERE id = 1",
                "UPDATE city SET name = 'city ' || (3 - id) WHERE id < 3"};
        _cleanup_free_ char *before = digest_of(c, c->name, NULL), *person, *again;

        for (size_t i = 0; i < ELEMENTS(changes); i++) {
                char *after;

                free(world_sql(c->w, c->name, "%s", changes[i]));
                after = digest_of(c, c->name, NULL);
                assert_string_not_equal(before, after);
                free(before);
                before = after;
        }
        person = digest_of(c, c->name, "person");
        free(world_sql(c->w, c->name, "UPDATE city SET t = ''; DELETE FROM django_session"));
        again = digest_of(c, c->name, "person");
        assert_string_equal(person, again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, copies_open, copies_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_copy_of_production_at_work_is_equal_and_the_previews_own),
                TEST(a_copy_of_frozen_production_is_equal_and_the_previews_own),
                TEST(the_digest_is_of_what_was_copied_while_production_changes),
                TEST(of_a_production_in_use_the_rows_are_copied_not_the_files),
                TEST(a_digest_tells_every_change_of_a_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
