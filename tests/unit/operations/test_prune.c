// What goes once a job ended long ago, and what stays.
#include "control/prune.h"
#include "fake.h"
#include "tell/watch.h"

static int64_t number(const char *sql, int64_t job)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;

        assert_int_equal(
                sql_query(store_database(fake.controller->store), &statement, NULL, sql, "i", job),
                0);
        assert_int_equal(sql_step(statement, NULL), 1);
        return sqlite3_column_int64(statement, 0);
}

static int64_t events_of(int64_t job)
{
        return number("SELECT count(*) FROM event WHERE job = ?", job);
}

static void change(const char *sql, int64_t job)
{
        assert_int_equal(
                sql_run(store_database(fake.controller->store), &fake.error, sql, "i", job), 0);
}

static void age(int64_t job)
{
        change("UPDATE job SET created_us = created_us - 40 * 86400000000,"
               " ended_us = ended_us - 40 * 86400000000 * (ended_us > 0) WHERE id = ?",
                job);
}

// Production was adopted (job 1) and a preview prepared (job 2); events are kept for 30 days.
static void open_world(void)
{
        fake_world_with_preview();
        fake.setup.keep_events_seconds = 30 * 86400;
        fake.controller->prune = prune_new(fake.controller);
}

static int prune(void)
{
        return prune_some(fake.controller->prune, &fake.error);
}

static void events_of_a_job_that_ended_long_ago_go(void **state)
{
        int64_t before, history;

        (void)state;
        open_world();
        before = events_of(2);
        history = number("SELECT count(*) FROM history WHERE id > ?", 0);
        assert_int_equal(prune(), 0);
        assert_true(events_of(1) > 0);
        age(1);
        assert_int_equal(prune(), 1);
        assert_int_equal(prune(), 0);
        assert_int_equal(events_of(1), 0);
        assert_int_equal(events_of(2), before);
        assert_job(1, "done");
        assert_int_equal(number("SELECT count(*) FROM history WHERE id > ?", 0), history);
}

static void a_job_that_waits_for_long_keeps_its_events(void **state)
{
        FakeHost *host;
        int job;

        (void)state;
        open_world();
        host = &fake.hosts[0];
        host->hold = "dump";
        job = fake_sync("mdg");
        fake_run();
        age(1);
        age(2);
        age(job);
        while (prune() > 0) {
        }
        assert_int_equal(events_of(2), 0);
        assert_true(events_of(job) > 0);
        fake_release(host);
        fake_run();
        assert_job(job, "done");
}

static void many_events_go_a_few_in_each_transaction(void **state)
{
        int64_t left;

        (void)state;
        open_world();
        change("WITH RECURSIVE n(i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n LIMIT 1200)"
               " INSERT INTO event SELECT ?, i, '{}' FROM n",
                1);
        age(1);
        left = events_of(1);
        for (; left > 0; left = left > PRUNE_BATCH ? left - PRUNE_BATCH : 0) {
                assert_int_equal(events_of(1), left);
                assert_int_equal(prune(), 1);
        }
        assert_int_equal(prune(), 0);
}

static void it_happens_by_itself(void **state)
{
        (void)state;
        open_world();
        age(1);
        while (events_of(1) > 0)
                event_base_loop(fake.base, EVLOOP_ONCE);
}

static void on_events(void *userdata, json_t *events, bool last)
{
        size_t *count = userdata;

        *count = json_array_size(events);
        assert_true(last);
        event_base_loopbreak(fake.base);
}

static void who_watches_such_a_job_is_told_that_it_is_over(void **state)
{
        size_t count = 99;
        Watch *watch;

        (void)state;
        open_world();
        age(1);
        while (prune() > 0) {
        }
        // Only the last progress of its tasks is left.
        assert_int_equal(watch_new(fake.controller, 1, 0, on_events, &count, &watch, NULL), 0);
        event_base_dispatch(fake.base);
        assert_true(count < 10);
        watch_free(watch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(events_of_a_job_that_ended_long_ago_go),
                FAKE_TEST(a_job_that_waits_for_long_keeps_its_events),
                FAKE_TEST(many_events_go_a_few_in_each_transaction),
                FAKE_TEST(it_happens_by_itself),
                FAKE_TEST(who_watches_such_a_job_is_told_that_it_is_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
