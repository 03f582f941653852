// Sites on a private PostgreSQL server, for tests of the engine.
#ifndef UNDERSTUDY_TESTS_POSTGRESQL_WORLD_H
#define UNDERSTUDY_TESTS_POSTGRESQL_WORLD_H

#include "servers.h"

#include "site/database.h"
#include "site/managed.h"

typedef struct World {
        StepFixture f;
        TestServer server;
        SiteDir site;
        Fleet__Database database; // of the site berta: its name is a test's own
        const DatabaseEngine *engine;
        char *name;
        Error error;
} World;

// Runs SQL as administrator in a database; the first word of what it selects, "" when nothing. The
// caller's.
static inline char *world_sql(const World *w, const char *database, const char *format, ...)
        _printf_(3, 4);
static inline char *world_sql(const World *w, const char *database, const char *format, ...)
{
        va_list arguments;
        _cleanup_free_ char *sql = NULL, *file = text_format("%s/sql", w->f.directory),
                            *out = text_format("%s/out", w->f.directory);
        char *text;

        va_start(arguments, format);
        sql = text_vformat(format, arguments);
        va_end(arguments);
        assert_int_equal(file_write(file, sql, strlen(sql), 0644), 0);
        shell("cd / && %s psql -X -q -A -t -v ON_ERROR_STOP=1 -h '%s' -p %s -U postgres -d '%s' < "
              "'%s' > '%s'",
                geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups" : "",
                w->server.socket, w->server.port, database, file, out);
        assert_int_equal(file_read(out, 1 << 20, &text, NULL), 0);
        text[strcspn(text, "\n")] = '\0';
        return text;
}
#define assert_sql(w, database, expected, ...)                                                     \
        do {                                                                                       \
                _cleanup_free_ char *_found = world_sql(w, database, __VA_ARGS__);                 \
                assert_string_equal(_found, expected);                                             \
        } while (0)

static inline void world_done(World *w, int r)
{
        if (r < 0)
                fail_msg("%s: %s: %s", w->error.what, w->error.where, w->error.why);
}

static inline int world_open(void **state)
{
        static unsigned number;
        World *w = memory_new(sizeof(*w));
        Fleet__Site berta;

        step_fixture_open(&w->f, "database");
        w->server = test_server("postgresql");
        test_server_use(&w->server, &w->f.policy.postgresql);
        text_list_add(&w->f.policy.commands, "/usr/bin/psql");
        fake_site_make(&w->f, "berta");
        berta = fake_site(&w->f, "berta");
        assert_int_equal(site_open(&w->f.policy, &berta, &w->site, &w->error), 0);
        w->name = text_format("berta%d%u", getpid(), number++);
        fleet__database__init(&w->database);
        w->database.engine = "postgresql";
        w->database.name = w->name;
        w->database.user = w->name;
        w->database.host = w->server.socket;
        w->database.port = w->server.port;
        assert_int_equal(database_engine(&w->database, &w->engine, &w->error), 0);
        *state = w;
        return 0;
}

static inline int world_close(void **state)
{
        World *w = *state;

        world_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        site_close(&w->site);
        test_server_clear(&w->server);
        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w->name);
        free(w);
        return 0;
}

// The staging database of `w`, with one table that says `word`.
static inline void world_restore(World *w, const char *word)
{
        _cleanup_free_ char *staging = w->engine->staging_name(&w->database);
        uint64_t bytes;

        world_done(w, w->engine->open_staging(w->f.context, &w->site, &w->database, &w->error));
        free(world_sql(w, staging,
                "SET ROLE \"%s\"; CREATE TABLE words AS SELECT '%s'::text AS word", w->name, word));
        world_done(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error));
        assert_true(bytes > 0);
}

static inline void world_create(World *w)
{
        world_done(w, w->engine->create(w->f.context, &w->site, &w->database, &w->error));
}

static inline bool world_swap(World *w)
{
        bool kept;

        world_done(w, w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error));
        return kept;
}

// How many of the site's databases there are.
static inline void assert_databases(World *w, const char *expected)
{
        assert_sql(w, "postgres", expected,
                "SELECT count(*) FROM pg_database WHERE datname = '%s' OR datname LIKE '%s-%%'",
                w->name, w->name);
}

#endif
