#include <fcntl.h>

#include "base/sqlite.h"
#include "base/text.h"
#include "test.h"

static const char *const first_schema[] = {
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB);", NULL};
static const char *const second_schema[] = {
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB);",
        "ALTER TABLE t ADD COLUMN more TEXT NOT NULL DEFAULT 'm';", NULL};
static const char *const broken_schema[] = {
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB);",
        "ALTER TABLE t ADD COLUMN more TEXT; ALTER TABLE missing ADD COLUMN x;", NULL};

static char path[64];

static int set_up(void **state)
{
        (void)state;
        strcpy(path, "/tmp/understudy-test-sqlite-XXXXXX");
        if (!mkdtemp(path))
                return -1;
        strcat(path, "/db");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        unlink(path);
        *strrchr(path, '/') = '\0';
        return rmdir(path);
}

static sqlite3 *open_with(const char *const *migrations)
{
        sqlite3 *db = NULL;
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (sql_open(path, migrations, &db, &error) < 0)
                fail_msg("%s: %s", error.what, error.why);
        return db;
}

static void rows_survive_a_new_schema(void **state)
{
        sqlite3 *db = open_with(first_schema);
        _cleanup_statement_ sqlite3_stmt *statement = NULL;

        (void)state;
        assert_int_equal(sql_run(db, NULL, "INSERT INTO t (name, data) VALUES (?, ?)", "tb", "anna",
                                 "\0x", (size_t)2),
                0);
        sqlite3_close(db);
        db = open_with(second_schema);
        assert_int_equal(sql_query(db, &statement, NULL,
                                 "SELECT name, data, more FROM t WHERE id = ?", "i", (int64_t)1),
                0);
        assert_int_equal(sql_step(statement, NULL), 1);
        assert_string_equal(sql_text(statement, 0), "anna");
        assert_int_equal(sqlite3_column_bytes(statement, 1), 2);
        assert_string_equal(sql_text(statement, 2), "m");
        assert_int_equal(sql_step(statement, NULL), 0);
        sqlite3_finalize(TAKE_PTR(statement));
        sqlite3_close(db);
}

static void a_database_of_a_newer_program_is_refused(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        sqlite3 *db = open_with(second_schema);

        (void)state;
        sqlite3_close(db);
        db = NULL;
        assert_int_equal(sql_open(path, first_schema, &db, &error), -EPROTO);
        assert_string_equal(error.code, "database-newer");
        assert_null(db);
}

static void a_failed_migration_leaves_the_old_schema(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        sqlite3 *db = open_with(first_schema);

        (void)state;
        sqlite3_close(db);
        db = NULL;
        assert_true(sql_open(path, broken_schema, &db, &error) < 0);
        db = open_with(second_schema);
        sqlite3_close(db);
}

static void a_violated_constraint_has_an_answer_of_its_own(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        sqlite3 *db = open_with(first_schema);

        (void)state;
        assert_int_equal(sql_run(db, &error, "INSERT INTO t (name) VALUES (?)", "t", "anna"), 0);
        assert_int_equal(
                sql_run(db, &error, "INSERT INTO t (name) VALUES (?)", "t", "anna"), -EEXIST);
        assert_string_equal(error.where, path);
        assert_int_equal(sql_run(db, &error, "INSERT INTO nowhere VALUES (1)", ""), -EIO);
        sqlite3_close(db);
}

static void a_file_that_is_no_database_is_named(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        sqlite3 *db = NULL;
        int fd = open(path, O_WRONLY | O_CREAT, 0600);

        (void)state;
        for (int i = 0; i < 100; i++)
                assert_int_equal(write(fd, "this is not a database ", 23), 23);
        close(fd);
        assert_true(sql_open(path, first_schema, &db, &error) < 0);
        assert_string_equal(error.where, path);
        assert_null(db);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(rows_survive_a_new_schema, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        a_database_of_a_newer_program_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        a_failed_migration_leaves_the_old_schema, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        a_violated_constraint_has_an_answer_of_its_own, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        a_file_that_is_no_database_is_named, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
