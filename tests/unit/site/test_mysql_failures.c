#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "mysql_world.h"

static void assert_failed(MysqlWorld *w, int r, int expect, const char *code)
{
        if (r != expect || !text_equal(w->error.code, code)) {
                _cleanup_free_ char *line = error_line(&w->error);

                fail_msg("%d, %s: %s", r, w->error.code ? w->error.code : "-", line);
        }
        assert_false(text_blank(w->error.why));
        assert_false(text_blank(w->error.next));
}

static int create(MysqlWorld *w)
{
        return w->engine->create(w->f.context, &w->site, &w->database, &w->error);
}

static int swap(MysqlWorld *w)
{
        bool kept;

        return w->engine->swap(w->f.context, &w->site, &w->database, &kept, &w->error);
}

static void use_admin(MysqlWorld *w, const char *admin, const char *password)
{
        free(w->f.policy.mysql.admin);
        w->f.policy.mysql.admin = text_format("host=%s %s", w->server.socket, admin);
        free(w->f.policy.mysql.password_file);
        w->f.policy.mysql.password_file = text_format("%s/password", w->f.directory);
        assert_int_equal(
                file_write(w->f.policy.mysql.password_file, password, strlen(password), 0600), 0);
}

static void a_server_that_is_down_is_told_as_such(void **state)
{
        MysqlWorld *w = *state;

        free(w->f.policy.mysql.admin);
        w->f.policy.mysql.admin = text_copy("host=/nonexistent/socket");
        assert_failed(w, create(w), -ECONNREFUSED, "server-down");
        free(w->f.policy.mysql.admin);
        w->f.policy.mysql.admin = text_copy("host=127.0.0.1 port=1");
        assert_failed(w, create(w), -ECONNREFUSED, "server-down");
}

static void a_password_of_any_characters_reaches_the_server(void **state)
{
        static const char *const passwords[] = {"it's \"quoted\"", "100% \\n \\\\ back\\slash\\",
                "# no comment; [client]", " blanks ", "p\xC3\xA4ss\xE2\x82\xACword\xF0\x9F\x98\x80",
                "'", "\"", "\\"};
        MysqlWorld *w = *state;

        for (size_t i = 0; i < ELEMENTS(passwords); i++) {
                _cleanup_free_ char *sql = mysql_fill(
                        "SET NAMES utf8mb4; DROP USER IF EXISTS boss; CREATE USER boss IDENTIFIED "
                        "BY {password'}; GRANT ALL ON *.* TO boss WITH GRANT OPTION",
                        (const MysqlValue[]){{"password", passwords[i]}, {0}});

                run_sql(w, sql);
                use_admin(w, "user=boss", passwords[i]);
                assert_done(w, create(w));
        }
        use_admin(w, "user=boss", "another");
        assert_failed(w, create(w), -EACCES, "server-access");
        assert_false(step_fixture_said(&w->f, "another"));
        use_admin(w, "", "");
        run_sql(w, "DROP USER boss");
}

static void an_administrator_without_rights_is_told_which_to_give(void **state)
{
        MysqlWorld *w = *state;

        run_sql(w, "CREATE USER boss IDENTIFIED BY 'x'; GRANT SELECT ON mysql.* TO boss");
        use_admin(w, "user=boss", "x");
        assert_failed(w, create(w), -EPERM, "server-rights");
        assert_non_null(strstr(w->error.next, "GRANT OPTION"));
        use_admin(w, "", "");
        run_sql(w, "DROP USER boss");
}

static void a_name_that_is_taken_is_left_to_whose_it_is(void **state)
{
        MysqlWorld *w = *state;

        assert_done(w, create(w));
        run_sql(w, "CREATE TABLE berta.t (id INT)");
        assert_failed(w, create(w), -EEXIST, "database-exists");
        run_sql(w, "DROP TABLE berta.t; CREATE USER other; GRANT SELECT ON berta.* TO other");
        assert_failed(w, create(w), -EEXIST, "name-taken");
        run_sql(w, "DROP USER other, berta");
        assert_failed(w, create(w), -EEXIST, "name-taken"); // empty, and not ours
        run_sql(w, "DROP DATABASE berta; CREATE USER berta IDENTIFIED BY 'x'");
        assert_failed(w, create(w), -EEXIST, "name-taken");
        // Nor is it dropped with the database.
        assert_done(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(w, "SELECT COUNT(*) FROM mysql.global_priv WHERE user = 'berta'", "1");
        run_sql(w, "DROP USER berta");
}

static void the_servers_own_databases_and_long_names_are_refused(void **state)
{
        static const char *const names[] = {
                "mysql", "MySQL", "sys", "", "a23456789_123456789_123456789_123456789_12345_"};
        MysqlWorld *w = *state;

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                w->database.name = (char *)names[i];
                assert_failed(w, w->engine->drop(w->f.context, &w->site, &w->database, &w->error),
                        -EINVAL, "bad-name");
        }
}

static void a_table_that_cannot_hold_every_character_is_not_sealed(void **state)
{
        MysqlWorld *w = *state;
        uint64_t bytes;

        mysql_create_berta(w);
        assert_done(w, w->engine->open_staging(w->f.context, &w->site, &w->database, &w->error));
        run_sql(w, "CREATE TABLE berta_understudy_staging.old (t TEXT) CHARACTER SET latin1");
        assert_failed(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error),
                -EILSEQ, "collation");
        assert_non_null(strstr(w->error.why, "old is latin1_swedish_ci"));
        // As Lino's initdb does on a bare server.
        run_sql(w, "DROP DATABASE berta_understudy_staging; CREATE DATABASE "
                   "berta_understudy_staging CHARACTER SET latin1");
        assert_failed(w, w->engine->seal(w->f.context, &w->site, &w->database, &bytes, &w->error),
                -EILSEQ, "collation");
}

// A session of the server that runs `sql`, and then waits for its end.
static pid_t start_session(const MysqlWorld *w, const char *sql)
{
        _cleanup_free_ char *ready = text_format("%s; SELECT 1; DO SLEEP(60)", sql);
        int ends[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(ends[1], 1);
                execlp("mariadb", "mariadb", "--no-defaults", "--unbuffered", "-N", "-S",
                        w->server.socket, "-uroot", "-e", ready, NULL);
                _exit(127);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        close(ends[0]);
        return pid;
}

static void end_session(const MysqlWorld *w, pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        run_sql(w, "delimiter //\nBEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1094 BEGIN END; "
                   "FOR one IN (SELECT id FROM information_schema.processlist WHERE info LIKE "
                   "'DO SLEEP%') DO EXECUTE IMMEDIATE CONCAT('KILL ', one.id); END FOR; END //");
}

static void a_preview_in_use_is_left_as_it_was(void **state)
{
        MysqlWorld *w = *state;
        pid_t reader;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        assert_done(w, swap(w));
        mysql_restore_number(w, 2);
        reader = start_session(w, "START TRANSACTION; SELECT * FROM berta.child INTO @a, @b");
        assert_failed(w, swap(w), -EBUSY, "database-busy");
        assert_sql(w, "SELECT v FROM berta.child", "1");
        end_session(w, reader);
        assert_done(w, swap(w));
        assert_sql(w, "SELECT v FROM berta.child", "2");
}

static void tables_with_triggers_stay_where_they_are(void **state)
{
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        assert_done(w, swap(w));
        run_sql(w,
                "CREATE TRIGGER berta.t BEFORE INSERT ON berta.child FOR EACH ROW SET new.v = 0");
        mysql_restore_number(w, 2);
        assert_failed(w, swap(w), -EOPNOTSUPP, "database-triggers");
        assert_sql(w, "SELECT v FROM berta.child", "1");
        run_sql(w, "DROP TRIGGER berta.t");
        assert_done(w, swap(w));
        assert_sql(w, "SELECT v FROM berta.child", "2");
}

static void a_writer_who_holds_on_does_not_stop_a_copy(void **state)
{
        MysqlWorld *w = *state;
        Fleet__Database anna = FLEET__DATABASE__INIT;
        SiteDir site = SITE_DIR_EMPTY;
        DatabaseFigures figures _cleanup_figures_ = {0};
        pid_t writer;

        anna.engine = (char *)"mysql";
        anna.name = (char *)"anna";
        run_sql(w, "CREATE DATABASE anna CHARACTER SET utf8mb4; CREATE TABLE anna.t (id INT); "
                   "CREATE TABLE anna.u (id INT); INSERT INTO anna.t VALUES (1)");
        mysql_create_berta(w);
        writer = start_session(w, "USE anna; START TRANSACTION; INSERT INTO t VALUES (9)");
        assert_done(w, w->engine->copy(w->f.context, &site, &anna, &w->site, &w->database, false,
                               &figures, &w->error));
        assert_sql(w, "SELECT id FROM berta_understudy_staging.t", "1");
        assert_false(step_fixture_said(&w->f, "had to wait"));
        end_session(w, writer);
}

static void what_a_killed_restore_left_in_the_server_ends(void **state)
{
        MysqlWorld *w = *state;
        pid_t stuck, holder;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        holder = start_session(w, "USE berta_understudy_staging; START TRANSACTION; "
                                  "SELECT * FROM child INTO @a, @b");
        stuck = start_session(w, "DO GET_LOCK(CONCAT('understudy session ', "
                                 "MD5('berta_understudy_staging')), 0); START TRANSACTION; SELECT "
                                 "* FROM berta_understudy_staging.child INTO @a, @b");
        assert_done(w, w->engine->drop_staging(w->f.context, &w->site, &w->database, &w->error));
        assert_sql(w,
                "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                "'DO SLEEP%'",
                "0");
        end_session(w, holder);
        end_session(w, stuck);
}

static void a_change_waits_for_the_one_that_a_killed_worker_left(void **state)
{
        MysqlWorld *w = *state;
        pid_t earlier;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        earlier = start_session(w, "DO GET_LOCK('understudy berta', 0)");
        if (fork() == 0) {
                usleep(500 * 1000);
                run_sql(w, "delimiter //\nBEGIN NOT ATOMIC EXECUTE IMMEDIATE CONCAT('KILL ', "
                           "IS_USED_LOCK('understudy berta')); END //");
                _exit(0);
        }
        assert_done(w, swap(w));
        assert_sql(w, "SELECT v FROM berta.child", "1");
        while (wait(NULL) > 0)
                end_session(w, earlier);
}

// Runs a call in a process of its own, which is killed after some time.
static void kill_in(MysqlWorld *w, int (*call)(MysqlWorld *), unsigned delay_us)
{
        pid_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)!call(w);
                _exit(0);
        }
        usleep(delay_us);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static int put_back(MysqlWorld *w)
{
        return w->engine->put_back(w->f.context, &w->site, &w->database, &w->error);
}
static int settle(MysqlWorld *w)
{
        uint64_t freed;

        return w->engine->settle(w->f.context, &w->site, &w->database, &freed, &w->error);
}

static void killed_at_any_point_it_shows_one_or_the_other_and_goes_on(void **state)
{
        const char *often = getenv("UNDERSTUDY_TEST_KILLS");
        int rounds = often ? atoi(often) : 8;
        MysqlWorld *w = *state;

        mysql_create_berta(w);
        mysql_restore_number(w, 1);
        assert_done(w, swap(w));
        assert_done(w, settle(w));
        for (int i = 0; i < rounds; i++) {
                unsigned delay = (unsigned)(rand() % 120) * 1000;
                _cleanup_free_ char *sum = NULL;

                mysql_restore_number(w, 2);
                kill_in(w, swap, delay);
                sum = mysql_sql(w, "SELECT SUM(p.v + c.v) FROM berta.parent p, berta.child c");
                assert_true(text_equal(sum, "2") || text_equal(sum, "4"));
                assert_done(w, swap(w));
                assert_sql(w, "SELECT SUM(p.v + c.v) FROM berta.parent p, berta.child c", "4");
                kill_in(w, i % 2 ? put_back : settle, delay);
                if (i % 2) {
                        assert_done(w, put_back(w));
                        assert_sql(
                                w, "SELECT SUM(p.v + c.v) FROM berta.parent p, berta.child c", "2");
                        continue;
                }
                assert_done(w, settle(w));
                assert_sql(w, "SELECT SUM(p.v + c.v) FROM berta.parent p, berta.child c", "4");
                mysql_restore_number(w, 1);
                assert_done(w, swap(w));
                assert_done(w, settle(w));
        }
        assert_sql(w,
                "SELECT GROUP_CONCAT(schema_name) FROM information_schema.schemata WHERE "
                "schema_name LIKE 'berta%'",
                "berta");
}

static void complaints_of_a_full_disk_say_so(void **state)
{
        static const char *const errors[] = {"1114", "1021"};
        MysqlWorld *w = *state;

        for (size_t i = 0; i < ELEMENTS(errors); i++)
                assert_failed(w,
                        mysql_do(w->f.context, &w->database, "cannot fill it",
                                "delimiter //\nBEGIN NOT ATOMIC SIGNAL SQLSTATE 'HY000' SET "
                                "MYSQL_ERRNO = {errno!}; END //\n",
                                (const MysqlValue[]){{"errno", errors[i]}, {0}}, &w->error),
                        -ENOSPC, "no-space");
}

#define test(name) cmocka_unit_test_setup_teardown(name, mysql_world_open, mysql_world_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test(a_server_that_is_down_is_told_as_such),
                test(a_password_of_any_characters_reaches_the_server),
                test(an_administrator_without_rights_is_told_which_to_give),
                test(a_name_that_is_taken_is_left_to_whose_it_is),
                test(the_servers_own_databases_and_long_names_are_refused),
                test(a_table_that_cannot_hold_every_character_is_not_sealed),
                test(a_preview_in_use_is_left_as_it_was),
                test(tables_with_triggers_stay_where_they_are),
                test(a_writer_who_holds_on_does_not_stop_a_copy),
                test(what_a_killed_restore_left_in_the_server_ends),
                test(a_change_waits_for_the_one_that_a_killed_worker_left),
                test(killed_at_any_point_it_shows_one_or_the_other_and_goes_on),
                test(complaints_of_a_full_disk_say_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
