// A controller killed at every point of a run: opened again, all goes on to the same end.
#include "fake.h"

// What is left of a run: job and task states, results, the registry and the history.
static char *outcome(void)
{
        static const char *const tables[] = {"SELECT id, kind, state, dry_run, failure FROM job",
                "SELECT job, label, state, mode, execution, result, failure FROM task ORDER BY id",
                "SELECT name, host, root, prod_link, preview_link, last_dump_bytes FROM series",
                "SELECT series, name, state, identity, log_directory FROM site",
                "SELECT who, series, job, event FROM history"};
        char *text = text_copy("");

        for (size_t i = 0; i < ELEMENTS(tables); i++) {
                _cleanup_statement_ sqlite3_stmt *statement = NULL;

                assert_int_equal(sql_query(store_database(fake.controller->store), &statement, NULL,
                                         tables[i], ""),
                        0);
                while (sql_step(statement, NULL) > 0) {
                        for (int c = 0; c < sqlite3_column_count(statement); c++) {
                                char *longer = text_format("%s%s|", text, sql_text(statement, c));

                                free(text);
                                text = longer;
                        }
                        {
                                char *longer = text_format("%s\n", text);

                                free(text);
                                text = longer;
                        }
                }
        }
        return text;
}

// Where the controller dies.
typedef enum CrashAt { CRASH_NEVER, CRASH_BEFORE_COMMIT, CRASH_AFTER_COMMIT } CrashAt;

// Hands the host's events over one by one; after the `point`-th the controller dies. Returns how
// many there were in all.
static long run_with_crash(FakeHost *host, CrashAt at, long point)
{
        long count = 0;
        bool moved = true;

        fake_commit();
        while (moved) {
                moved = fake_read(host);
                for (size_t i = 0; i < host->tasks; i++) {
                        Fleet__Event *event;

                        if (host->journal[i].count == 0)
                                continue;
                        event = (Fleet__Event *)message_copy(&host->journal[i].events[0]->base);
                        fake_event(host, event);
                        fleet__event__free_unpacked(event, NULL);
                        moved = true;
                        if (at == CRASH_AFTER_COMMIT && ++count == point) {
                                fake.drop_at = fake.sends + 1;
                                fake_commit();
                        }
                        if (at == CRASH_BEFORE_COMMIT)
                                count++;
                        if (at != CRASH_NEVER && count == point) {
                                fake_crash();
                                fake_connect(host);
                                break;
                        }
                        fake_commit();
                        fake_read(host);
                }
        }
        return count;
}

// A preview, a sync that fails at `fail` (or not), and its retry.
static char *life(CrashAt at, long point, const char *fail, long *ret_events)
{
        FakeHost *host;
        char *end;
        int job;

        fake_setup(NULL);
        host = fake_world();
        fake_prepare("mdg");
        *ret_events = run_with_crash(host, at, point);
        host->fail = fail;
        job = fake_sync("mdg");
        *ret_events += run_with_crash(host, at, point - *ret_events);
        host->fail = NULL;
        if (fail) {
                fake_about("retry", job);
                *ret_events += run_with_crash(host, at, point - *ret_events);
        }
        assert_int_equal(host->tasks, 0); // everything was acknowledged
        end = outcome();
        fake_teardown(NULL);
        return end;
}

static void check_all_points(CrashAt at, const char *fail)
{
        long events;
        _cleanup_free_ char *expected = life(CRASH_NEVER, 0, fail, &events);

        for (long point = 1;; point++) {
                _cleanup_free_ char *end = life(at, point, fail, &events);

                assert_string_equal(end, expected);
                if (events < point) {
                        assert_true(point > 60);
                        return;
                }
        }
}

static void killed_before_any_commit_it_comes_to_the_same_end(void **state)
{
        (void)state;
        check_all_points(CRASH_BEFORE_COMMIT, NULL);
}

static void killed_after_any_commit_it_comes_to_the_same_end(void **state)
{
        (void)state;
        check_all_points(CRASH_AFTER_COMMIT, NULL);
}

static void killed_while_a_job_fails_goes_back_and_is_retried_it_comes_to_the_same_end(void **state)
{
        (void)state;
        check_all_points(CRASH_AFTER_COMMIT, "verify");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(killed_before_any_commit_it_comes_to_the_same_end),
                cmocka_unit_test(killed_after_any_commit_it_comes_to_the_same_end),
                cmocka_unit_test(
                        killed_while_a_job_fails_goes_back_and_is_retried_it_comes_to_the_same_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
