// The site berta and its database on a MariaDB server of the tests.
#ifndef UNDERSTUDY_TESTS_MYSQL_WORLD_H
#define UNDERSTUDY_TESTS_MYSQL_WORLD_H

#include "servers.h"
#include "site/managed.h"
#include "site/mysql.h"
#include "site/mysql_client.h"

typedef struct MysqlWorld {
        StepFixture f;
        TestServer server;
        SiteDir site;
        Fleet__Database database;
        const DatabaseEngine *engine;
        char *staging;
        Error error;
} MysqlWorld;

// Runs statements as the server's administrator; returns what they answer, rows by newlines.
static inline char *mysql_sql(const MysqlWorld *w, const char *sql)
{
        _cleanup_free_ char *path = text_format("%s/sql", w->f.directory);
        char *text;
        size_t length;

        assert_int_equal(file_write(path, sql, strlen(sql), 0600), 0);
        shell("mariadb --no-defaults -S '%s' -uroot -N -B < '%s' > '%s.out'", w->server.socket,
                path, path);
        shell("mv '%s.out' '%s'", path, path);
        assert_int_equal(file_read(path, 1 << 20, &text, &length), 0);
        if (length > 0)
                text[length - 1] = '\0';
        return text;
}

static inline void assert_sql(const MysqlWorld *w, const char *sql, const char *expect)
{
        _cleanup_free_ char *found = mysql_sql(w, sql);

        if (!text_equal(found, expect))
                fail_msg("%s: '%s' instead of '%s'", sql, found, expect);
}

static inline void run_sql(const MysqlWorld *w, const char *sql)
{
        free(mysql_sql(w, sql));
}

// Names of all databases, users and rights that the tests have left: must stay "".
static inline char *mysql_left(const MysqlWorld *w)
{
        return mysql_sql(w, "SELECT GROUP_CONCAT(schema_name ORDER BY schema_name) FROM "
                            "information_schema.schemata WHERE schema_name LIKE 'berta%' "
                            "UNION ALL SELECT user FROM mysql.global_priv WHERE user LIKE 'berta%' "
                            "UNION ALL SELECT db FROM mysql.db WHERE db LIKE 'berta%'");
}

static inline int mysql_world_open(void **state)
{
        MysqlWorld *w = memory_new(sizeof(*w));
        Fleet__Site berta;

        step_fixture_open(&w->f, "swap");
        fake_site_make(&w->f, "berta");
        berta = fake_site(&w->f, "berta");
        w->site = SITE_DIR_EMPTY;
        assert_int_equal(site_open(&w->f.policy, &berta, &w->site, &w->error), 0);
        w->server = test_server("mariadb");
        test_server_use(&w->server, &w->f.policy.mysql);
        text_list_add(&w->f.policy.commands, "/usr/bin/mariadb");
        fleet__database__init(&w->database);
        w->database.engine = (char *)"mysql";
        w->database.name = (char *)"berta";
        assert_int_equal(database_engine(&w->database, &w->engine, &w->error), 0);
        w->staging = w->engine->staging_name(&w->database);
        run_sql(w, "DROP DATABASE IF EXISTS anna; DROP DATABASE IF EXISTS berta;"
                   "DROP DATABASE IF EXISTS berta_understudy_staging;"
                   "DROP DATABASE IF EXISTS berta_understudy_kept;"
                   "DROP DATABASE IF EXISTS berta_understudy_old; DROP USER IF EXISTS berta");
        *state = w;
        return 0;
}

static inline int mysql_world_close(void **state)
{
        MysqlWorld *w = *state;

        site_close(&w->site);
        free(w->f.policy.mysql.admin);
        w->f.policy.mysql.admin = NULL;
        step_fixture_close(&w->f);
        test_server_clear(&w->server);
        error_clear(&w->error);
        free(w->staging);
        free(w);
        return 0;
}

// Ends the test with the error's words, when there is one.
static inline void assert_done(MysqlWorld *w, int r)
{
        if (r < 0) {
                _cleanup_free_ char *line = error_line(&w->error);

                fail_msg("%s", line);
        }
}

static inline void mysql_create_berta(MysqlWorld *w)
{
        assert_done(w, w->engine->create(w->f.context, &w->site, &w->database, &w->error));
}

// Like a restore that writes one number.
static inline void mysql_restore_number(MysqlWorld *w, int value)
{
        _cleanup_free_ char *sql = NULL;
        uint64_t bytes = 0;

        assert_done(w, w->engine->open_staging(w->f.context, &w->site, &w->database, &w->error));
        sql = text_format("CREATE TABLE %s.parent (id INT AUTO_INCREMENT PRIMARY KEY, v INT);"
                          "CREATE TABLE %s.child (v INT, parent INT, CONSTRAINT fk FOREIGN KEY "
                          "(parent) REFERENCES %s.parent (id));"
                          "INSERT INTO %s.parent (v) VALUES (%d);"
                          "INSERT INTO %s.child VALUES (%d, 1)",
                w->staging, w->staging, w->staging, w->staging, value, w->staging, value);
        run_sql(w, sql);
        assert_done(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error));
        assert_true(bytes > 0);
}

#endif
