#include "fake_site.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "site/python.h"
#include "test.h"

typedef struct World {
        StepFixture f;
        SiteDir site;
        json_t *answer;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        Fleet__Site anna;

        step_fixture_open(&w->f, "dump");
        fake_site_make(&w->f, "anna");
        anna = fake_site(&w->f, "anna");
        w->site = SITE_DIR_EMPTY;
        assert_int_equal(site_open(&w->f.policy, &anna, &w->site, &w->error), 0);
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        json_decref(w->answer);
        site_close(&w->site);
        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static int run(World *w, const char *helper, json_t *take_request)
{
        int r = python_run(w->f.context, &w->site, helper, take_request, NULL, NULL, NULL, 0,
                &w->answer, &w->error);

        json_decref(take_request);
        return r;
}

static json_t *dump_request(const World *w)
{
        _cleanup_free_ char *work = text_format("%s/work", w->f.directory),
                            *directory = text_format("%s/dump", work);

        shell("mkdir -p '%s'", work);
        return json_pack("{s:s, s:s, s:i, s:[]}", "work", work, "directory", directory, "max_rows",
                0, "volatile");
}

static void a_helper_answers_and_tells_its_progress(void **state)
{
        World *w = *state;

        if (run(w, "dump", dump_request(w)) < 0)
                fail_msg("%s", w->error.why);
        assert_int_equal(json_integer_value(json_object_get(w->answer, "objects")), 3);
        assert_true(step_fixture_said(&w->f, "Wrote 3 objects to") == 1);
        assert_true(step_fixture_said(&w->f, "PROGRESS") == 0);
}

static void a_dump_changes_no_file_of_the_site(void **state)
{
        World *w = *state;
        _cleanup_free_ char *before = fake_site_manifest(&w->f, "anna"), *after = NULL;

        assert_int_equal(run(w, "dump", dump_request(w)), 0);
        after = fake_site_manifest(&w->f, "anna");
        assert_string_equal(before, after);
}

static void a_dump_of_a_database_in_wal_mode_changes_no_file_either(void **state)
{
        World *w = *state;
        _cleanup_free_ char *database = text_format("%s/anna", w->site.path), *before = NULL,
                            *after = NULL;

        fake_sql(database, "PRAGMA journal_mode=WAL");
        before = fake_site_manifest(&w->f, "anna");
        assert_int_equal(run(w, "dump", dump_request(w)), 0);
        after = fake_site_manifest(&w->f, "anna");
        assert_string_equal(before, after);
        assert_int_equal(json_integer_value(json_object_get(w->answer, "objects")), 3);
}

static void a_dump_sees_what_a_server_has_only_in_its_wal(void **state)
{
        World *w = *state;
        _cleanup_free_ char *database = text_format("%s/anna", w->site.path);
        sqlite3 *server = NULL;

        assert_int_equal(sqlite3_open(database, &server), SQLITE_OK);
        assert_int_equal(sqlite3_exec(server,
                                 "PRAGMA journal_mode=WAL;"
                                 "INSERT INTO contacts_person VALUES (3, 'Eve')",
                                 NULL, NULL, NULL),
                SQLITE_OK);
        assert_int_equal(run(w, "dump", dump_request(w)), 0);
        assert_int_equal(json_integer_value(json_object_get(w->answer, "objects")), 4);
        assert_int_equal(sqlite3_close(server), SQLITE_OK);
}

static _Noreturn void write_for_ever(const char *database)
{
        for (;;) {
                fake_sql(database, "PRAGMA busy_timeout = 60000;"
                                   "INSERT INTO contacts_person VALUES (5, 'busy')");
                poll(NULL, 0, 2);
        }
}

// Each write makes a copy in steps begin anew.
static void a_busy_database_is_copied_all_the_same(void **state)
{
        World *w = *state;
        _cleanup_free_ char *database = text_format("%s/anna", w->site.path);

        fake_sql(database, "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
                           "i + 1 FROM n WHERE i < 5000) SELECT randomblob(4000) FROM n");
        pid_t writer = fork();
        if (writer == 0)
                write_for_ever(database);
        int r = run(w, "dump", dump_request(w));
        assert_int_equal(kill(writer, SIGKILL), 0);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        if (r < 0)
                fail_msg("%s", w->error.why);
        assert_true(json_integer_value(json_object_get(w->answer, "objects")) >= 3);
}

// Lines that look like answers, on the standard output that site code believes to have.
static void garbage_is_not_mistaken_for_an_answer(void **state)
{
        World *w = *state;

        fake_site_behave(&w->f, "anna", "garbage");
        assert_int_equal(run(w, "dump", dump_request(w)), 0);
        assert_int_equal(json_integer_value(json_object_get(w->answer, "objects")), 3);
}

static void exit_0_without_an_answer_is_a_failure(void **state)
{
        World *w = *state;

        fake_site_behave(&w->f, "anna", "nothing");
        assert_int_equal(run(w, "dump", dump_request(w)), -EIO);
        assert_string_equal(w->error.code, "site-code");
        assert_non_null(strstr(w->error.why, "without an answer"));
}

static void an_exception_is_told_in_its_own_words(void **state)
{
        World *w = *state;

        fake_site_behave(&w->f, "anna", "fail");
        assert_int_equal(run(w, "dump", dump_request(w)), -EIO);
        assert_string_equal(w->error.why, "exit status 1: ValueError: this site is broken\n");
        assert_non_null(strstr(w->error.next, w->site.path));
}

static void a_site_that_ignores_sigterm_ends_all_the_same(void **state)
{
        World *w = *state;
        _cleanup_free_ char *hanging = text_format("%s/hanging", w->site.path);
        pid_t canceler = fork();

        if (canceler == 0) {
                while (access(hanging, F_OK) < 0)
                        poll(NULL, 0, 10);
                _exit(eventfd_write(w->f.cancel_fd, 1));
        }
        fake_site_behave(&w->f, "anna", "hang");
        assert_int_equal(run(w, "dump", dump_request(w)), -ECANCELED);
        assert_int_equal(waitpid(canceler, NULL, 0), canceler);
}

static void a_site_that_prints_without_end_is_ended(void **state)
{
        World *w = *state;

        fake_site_behave(&w->f, "anna", "flood");
        assert_int_equal(run(w, "dump", dump_request(w)), -EFBIG);
        assert_string_equal(w->error.code, "output");
}

static void root_runs_it_as_the_sites_owner_and_nothing_more(void **state)
{
        World *w = *state;
        Fleet__Site anna = fake_site(&w->f, "anna");

        if (geteuid() != 0)
                skip_because("only root can act as other users");
        fake_site_setting(&w->f, "anna",
                "open('who', 'w').write(repr((os.getresuid(), os.getresgid(), os.getgroups())))");
        shell("chown -R nobody:nogroup '%s'", w->site.path);
        site_close(&w->site);
        text_list_add(&w->f.policy.users, "nobody");
        assert_int_equal(site_open(&w->f.policy, &anna, &w->site, &w->error), 0);
        if (run(w, "probe", json_object()) < 0)
                fail_msg("%s: %s", w->error.what, w->error.why);
        shell("test \"$(cat '%s/who')\" = "
              "'((65534, 65534, 65534), (65534, 65534, 65534), [65534])'",
                w->site.path);
}

static void an_environment_without_python_is_told(void **state)
{
        World *w = *state;

        shell("rm '%s/env/bin/python'", w->site.path);
        assert_int_equal(run(w, "probe", json_object()), -ENOENT);
        assert_non_null(strstr(w->error.what, "env/bin/python"));
}

static void a_helper_that_is_not_there_is_told(void **state)
{
        World *w = *state;

        assert_int_equal(run(w, "no_such_helper", json_object()), -ENOENT);
        assert_string_equal(w->error.code, "helper");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_helper_answers_and_tells_its_progress),
                TEST(a_dump_changes_no_file_of_the_site),
                TEST(a_dump_of_a_database_in_wal_mode_changes_no_file_either),
                TEST(a_dump_sees_what_a_server_has_only_in_its_wal),
                TEST(a_busy_database_is_copied_all_the_same),
                TEST(garbage_is_not_mistaken_for_an_answer),
                TEST(exit_0_without_an_answer_is_a_failure),
                TEST(an_exception_is_told_in_its_own_words),
                TEST(a_site_that_ignores_sigterm_ends_all_the_same),
                TEST(a_site_that_prints_without_end_is_ended),
                TEST(root_runs_it_as_the_sites_owner_and_nothing_more),
                TEST(an_environment_without_python_is_told),
                TEST(a_helper_that_is_not_there_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
