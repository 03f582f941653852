#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "mysql_world.h"

// Every kind of value that gets lost when it travels as text, and names that need quoting.
#define MAKE_ANNA                                                                                  \
        "CREATE DATABASE anna CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; USE anna; "        \
        "CREATE TABLE parent (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), "               \
        "f FLOAT, d DOUBLE, n DECIMAL(20,6), t DATETIME(6), s TIMESTAMP NULL, b BLOB, bits "       \
        "BIT(9),"                                                                                  \
        "len INT AS (CHAR_LENGTH(name)) STORED, UNIQUE (name)); "                                  \
        "CREATE TABLE child (id INT PRIMARY KEY, parent INT, body LONGTEXT, CONSTRAINT fk "        \
        "FOREIGN "                                                                                 \
        "KEY (parent) REFERENCES parent (id) ON DELETE CASCADE, FULLTEXT (body)); "                \
        "CREATE TABLE `we'ird ``t\\able` (`c''ol \"` INT, `b``c` VARCHAR(9)); "                    \
        "CREATE TABLE django_session (k INT); INSERT INTO django_session VALUES (1); "             \
        "INSERT INTO parent (name, f, d, n, t, s, b, bits) VALUES "                                \
        "('NULL', NULL, NULL, NULL, NULL, NULL, NULL, NULL), "                                     \
        "('\\\\n\\t\\n''\"', 1.23456789, 0.1, 12345678901234.567891, '2026-10-25 "                 \
        "02:30:00.123456',"                                                                        \
        " '2026-10-25 00:30:00', X'00FF0A5C27', b'101010101'), "                                   \
        "(CONVERT(X'F09F9880C3A9' USING utf8mb4), -0.0, 1e300, 0, '0001-01-01', "                  \
        "'2026-10-25 01:30:00', '', b'0'); "                                                       \
        "INSERT INTO parent (id) VALUES (70000); DELETE FROM parent WHERE id = 70000; "            \
        "INSERT INTO child SELECT seq, 1 + seq % 3, REPEAT('x', seq % 200) FROM seq_1_to_2000; "   \
        "INSERT INTO `we'ird ``t\\able` VALUES (1, 'a'), (1, 'a'), (NULL, NULL); "

typedef struct Anna {
        SiteDir site;
        Fleet__Database database;
} Anna;

static Anna make_anna(MysqlWorld *w, const char *more)
{
        Anna anna = {.site = SITE_DIR_EMPTY};
        _cleanup_free_ char *sql = text_format("%s%s", MAKE_ANNA, more);

        fleet__database__init(&anna.database);
        anna.database.engine = (char *)"mysql";
        anna.database.name = (char *)"anna";
        run_sql(w, sql);
        mysql_create_berta(w);
        return anna;
}

static char *digest(MysqlWorld *w, const char *name, const char *table)
{
        char *text = NULL;

        assert_done(w, w->engine->digest(w->f.context, &w->site, &w->database, name, table, &text,
                               &w->error));
        return text;
}

static void assert_copied(MysqlWorld *w, const Anna *anna, bool frozen)
{
        DatabaseFigures figures _cleanup_figures_ = {0};
        _cleanup_free_ char *copied = NULL, *weird = NULL, *weird_copied = NULL, *sums = NULL,
                            *sums_copied = NULL;
        uint64_t bytes;

        assert_done(w, w->engine->copy(w->f.context, &anna->site, &anna->database, &w->site,
                               &w->database, frozen, &figures, &w->error));
        copied = digest(w, w->staging, NULL);
        assert_string_equal(copied, figures.digest);
        assert_true(figures.bytes > 0);
        weird = digest(w, "anna", "we'ird `t\\able");
        weird_copied = digest(w, w->staging, "we'ird `t\\able");
        assert_string_equal(weird, weird_copied);
        sums = mysql_sql(w, "CHECKSUM TABLE anna.parent, anna.child EXTENDED");
        sums_copied = mysql_sql(w, "CHECKSUM TABLE berta_understudy_staging.parent, "
                                   "berta_understudy_staging.child EXTENDED");
        assert_string_equal(strrchr(sums, 9), strrchr(sums_copied, 9));
        assert_done(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error));
        assert_sql(w,
                "SELECT default_collation_name FROM information_schema.schemata "
                "WHERE schema_name = 'berta_understudy_staging' UNION ALL "
                "SELECT auto_increment FROM information_schema.tables WHERE table_name = 'parent' "
                "AND table_schema = 'berta_understudy_staging' UNION ALL "
                "SELECT COUNT(*) FROM information_schema.referential_constraints "
                "WHERE constraint_schema = 'berta_understudy_staging' UNION ALL "
                "SELECT COUNT(*) FROM berta_understudy_staging.django_session",
                "utf8mb4_general_ci\n70001\n1\n0");
}

static void a_database_at_work_is_copied_with_every_value(void **state)
{
        MysqlWorld *w = *state;
        Anna anna = make_anna(w, "");

        assert_copied(w, &anna, false);
        assert_true(step_fixture_said(&w->f, "Production's writers had to wait"));
        assert_copied(w, &anna, false); // again, over what is there
}

static void a_frozen_database_is_copied_as_files(void **state)
{
        MysqlWorld *w = *state;
        Anna anna = make_anna(w, "");

        assert_copied(w, &anna, true);
        assert_false(step_fixture_said(&w->f, "row by row"));
}

static void what_differs_changes_the_digest_and_the_order_of_rows_does_not(void **state)
{
        static const char *const changes[] = {
                "UPDATE anna.parent SET name = 'null' WHERE name = 'NULL'",
                "UPDATE anna.parent SET b = NULL WHERE b = ''",
                "UPDATE anna.parent SET f = f + 0.0000002 WHERE f > 1",
                "UPDATE anna.parent SET s = s + INTERVAL 1 HOUR WHERE s IS NOT NULL LIMIT 1",
                "DELETE FROM anna.`we'ird ``t\\able` WHERE `b``c` = 'a' LIMIT 1",
                "DELETE FROM anna.child WHERE id = 7",
                "INSERT INTO anna.child (id) VALUES (0)",
        };
        MysqlWorld *w = *state;

        make_anna(w, "");
        run_sql(w, "CREATE DATABASE berta_understudy_old; CREATE TABLE berta_understudy_old.t "
                   "(b INT, a VARCHAR(5)) CHARACTER SET latin1; INSERT INTO "
                   "berta_understudy_old.t VALUES (1, 'x'), (2, CHAR(0xE9)), (3, NULL);"
                   "CREATE TABLE anna.t (a VARCHAR(5) CHARACTER SET utf8mb4, b INT PRIMARY KEY); "
                   "INSERT INTO anna.t SELECT a, b FROM berta_understudy_old.t ORDER BY b DESC");
        {
                _cleanup_free_ char *one = digest(w, "anna", "t"),
                                    *other = digest(w, "berta_understudy_old", "t");

                assert_string_equal(one, other);
        }
        for (size_t i = 0; i < ELEMENTS(changes); i++) {
                _cleanup_free_ char *before = digest(w, "anna", NULL), *after = NULL;

                run_sql(w, changes[i]);
                after = digest(w, "anna", NULL);
                if (text_equal(before, after))
                        fail_msg("not seen: %s", changes[i]);
        }
}

static void rows_are_counted_by_names_and_what_is_not_there_is_told(void **state)
{
        static const char *const tables[] = {"child", "nobody", "we'ird `t\\able"};
        MysqlWorld *w = *state;
        int64_t rows[3];

        make_anna(w, "");
        assert_done(w, w->engine->count_rows(w->f.context, &w->site, &w->database, "anna", tables,
                               3, rows, &w->error));
        assert_int_equal(rows[0], 2000);
        assert_int_equal(rows[1], -1);
        assert_int_equal(rows[2], 3);
}

// Moves amounts from one table to the other, in transactions, until it is ended.
static pid_t start_writer(const MysqlWorld *w)
{
        pid_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execlp("mariadb", "mariadb", "--no-defaults", "-S", w->server.socket, "-uroot",
                        "anna", "-e",
                        "delimiter //\nBEGIN NOT ATOMIC WHILE TRUE DO SET @p = 1 + FLOOR(RAND() * "
                        "500), @q = 1 + FLOOR(RAND() * 500); START TRANSACTION; "
                        "UPDATE purse SET amount = amount - 1 WHERE id = @p; "
                        "UPDATE safe SET amount = amount + 1 WHERE id = @q; "
                        "COMMIT; END WHILE; END //",
                        NULL);
                _exit(127);
        }
        return pid;
}

static void a_copy_of_a_database_that_is_written_never_has_a_torn_sum(void **state)
{
        MysqlWorld *w = *state;
        Anna anna = make_anna(w,
                "CREATE TABLE purse (id INT PRIMARY KEY, amount INT, note TEXT); CREATE TABLE safe "
                "LIKE purse; INSERT INTO purse SELECT seq, 1000, REPEAT('x', 500) FROM "
                "seq_1_to_5000; INSERT INTO safe SELECT * FROM purse");
        pid_t writer = start_writer(w);
        uint64_t seen = 0;

        for (int i = 0; i < 5; i++) {
                DatabaseFigures figures _cleanup_figures_ = {0};
                _cleanup_free_ char *moved = NULL;

                assert_done(w, w->engine->copy(w->f.context, &anna.site, &anna.database, &w->site,
                                       &w->database, false, &figures, &w->error));
                assert_sql(w,
                        "SELECT (SELECT SUM(amount) FROM berta_understudy_staging.purse) + "
                        "(SELECT SUM(amount) FROM berta_understudy_staging.safe)",
                        "10000000");
                moved = mysql_sql(
                        w, "SELECT 5000000 - SUM(amount) FROM berta_understudy_staging.purse");
                assert_true(strtoull(moved, NULL, 10) > seen); // the writer did go on
                seen = strtoull(moved, NULL, 10);
        }
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        run_sql(w, "DROP DATABASE anna"); // its session in the server ends, too
}

static void assert_refused(MysqlWorld *w, const Anna *anna, bool frozen, const char *why)
{
        DatabaseFigures figures _cleanup_figures_ = {0};

        assert_int_equal(w->engine->copy(w->f.context, &anna->site, &anna->database, &w->site,
                                 &w->database, frozen, &figures, &w->error),
                -EOPNOTSUPP);
        assert_string_equal(w->error.code, "native");
        if (!strstr(w->error.why, why))
                fail_msg("%s", w->error.why);
}

static void what_has_no_snapshot_or_other_characters_is_not_copied_so(void **state)
{
        MysqlWorld *w = *state;
        Anna anna = make_anna(w, "CREATE TABLE old (id INT) ENGINE=MyISAM; INSERT INTO old "
                                 "VALUES (1)");

        assert_refused(w, &anna, false, "old is no InnoDB table");
        assert_copied(w, &anna, true);
        run_sql(w, "CREATE TABLE anna.other (t TEXT) CHARACTER SET latin1");
        assert_refused(w, &anna, true, "other is latin1_swedish_ci");
        anna.database.server = (char *)"mysql:elsewhere:/data:anna";
        assert_refused(w, &anna, true, "on another server");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_database_at_work_is_copied_with_every_value,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        a_frozen_database_is_copied_as_files, mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        what_differs_changes_the_digest_and_the_order_of_rows_does_not,
                        mysql_world_open, mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        rows_are_counted_by_names_and_what_is_not_there_is_told, mysql_world_open,
                        mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        a_copy_of_a_database_that_is_written_never_has_a_torn_sum, mysql_world_open,
                        mysql_world_close),
                cmocka_unit_test_setup_teardown(
                        what_has_no_snapshot_or_other_characters_is_not_copied_so, mysql_world_open,
                        mysql_world_close),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
