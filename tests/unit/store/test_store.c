#include "fleet.pb-c.h"
#include "scratch.h"
#include "store/history.h"
#include "store/host.h"
#include "store/job.h"
#include "store/series.h"

static HostRow host = {.name = "alpha", .state = HOST_JOINED, .invited_us = 7};

static void add_host(void)
{
        assert_int_equal(row_insert(store, &host_table, &host, NULL), 0);
}

static JobRow add_job(const char *series, JobState state, int64_t queued_us)
{
        JobRow job = {.kind = JOB_SYNC,
                .series = (char *)series,
                .host = "alpha",
                .state = state,
                .ending = JOB_FAILED,
                .who = "jane",
                .request = "preview sync",
                .queued_us = queued_us};

        assert_int_equal(row_insert(store, &job_table, &job, NULL), 0);
        return job;
}

// ---- transactions

static void a_change_outside_a_transaction_is_refused(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        assert_int_equal(row_insert(store, &host_table, &host, &error), -EPERM);
        assert_int_equal(host_seen(store, "alpha", 1, &error), -EPERM);
}

static void what_is_not_committed_is_gone_after_a_restart(void **state)
{
        _cleanup_host_ HostRow found = {0};

        (void)state;
        begin();
        add_host();
        scratch_reopen();
        assert_int_equal(host_get(store, "alpha", &found, NULL), 0);
}

static void what_is_committed_is_there_after_a_restart(void **state)
{
        _cleanup_host_ HostRow found = {0};

        (void)state;
        begin();
        begin(); // within a turn it is the same one
        add_host();
        commit();
        commit();
        scratch_reopen();
        assert_int_equal(host_get(store, "alpha", &found, NULL), 1);
        assert_int_equal(found.state, HOST_JOINED);
        assert_int_equal(found.invited_us, 7);
        assert_null(found.fingerprint);
}

static void a_commit_that_fails_rolls_back(void **state)
{
        _cleanup_host_ HostRow found = {0};

        (void)state;
        assert_int_equal(
                sql_run(store_database(store), NULL, "PRAGMA defer_foreign_keys=ON", ""), 0);
        begin();
        add_host();
        assert_int_equal(
                sql_run(store_database(store), NULL, "PRAGMA defer_foreign_keys=ON", ""), 0);
        assert_int_equal(
                row_insert(store, &series_table,
                        &(SeriesRow){.name = "mdg", .host = "nowhere", .root = "/srv"}, NULL),
                0);
        assert_true(store_commit(store, NULL) < 0);
        assert_false(store_is_open(store));
        assert_int_equal(host_get(store, "alpha", &found, NULL), 0);
}

// ---- rows

static void check_columns(const Table *table)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        size_t found = 0;

        assert_int_equal(sql_query(store_database(store), &statement, NULL,
                                 "SELECT name FROM pragma_table_info(?)", "t", table->name),
                0);
        while (sql_step(statement, NULL) > 0) {
                bool known = strcmp(sql_text(statement, 0), "seq") == 0; // the job's counter

                for (size_t i = 0; i < table->count; i++)
                        known |= text_equal(table->columns[i].name, sql_text(statement, 0));
                if (!known)
                        fail_msg("%s.%s is in no struct", table->name, sql_text(statement, 0));
                found++;
        }
        assert_true(found >= table->count);
}

static void each_column_of_the_schema_is_in_its_struct(void **state)
{
        static const Table *const tables[] = {&host_table, &series_table, &site_table,
                &allowance_table, &job_table, &task_table, &history_table};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(tables); i++)
                check_columns(tables[i]);
}

static void a_row_comes_back_as_it_was_written(void **state)
{
        Fleet__Failure failure = FLEET__FAILURE__INIT;
        _cleanup_job_ JobRow found = {0};
        Fleet__Failure *read;
        JobRow job;

        (void)state;
        begin();
        job = add_job("mdg", JOB_RUNNING, 5);
        failure.code = "broken";
        blob_set(&job.failure, &failure.base);
        job.state = JOB_FAILED;
        assert_int_equal(row_update(store, &job_table, &job, NULL), 0);
        free(job.failure.data);
        assert_int_equal(job_get(store, job.id, &found, NULL), 1);
        assert_int_equal(found.state, JOB_FAILED);
        assert_int_equal(found.kind, JOB_SYNC);
        assert_string_equal(found.request, "preview sync");
        assert_null(found.site);
        read = (Fleet__Failure *)blob_message(&found.failure, &fleet__failure__descriptor);
        assert_string_equal(read->code, "broken");
        fleet__failure__free_unpacked(read, NULL);
}

static void an_empty_message_is_not_the_same_as_none(void **state)
{
        Fleet__Failure failure = FLEET__FAILURE__INIT;
        _cleanup_job_ JobRow found = {0};
        ProtobufCMessage *read;
        JobRow job;

        (void)state;
        begin();
        job = add_job("mdg", JOB_RUNNING, 5);
        blob_set(&job.failure, &failure.base);
        assert_int_equal(row_update(store, &job_table, &job, NULL), 0);
        free(job.failure.data);
        assert_int_equal(job_get(store, job.id, &found, NULL), 1);
        read = blob_message(&found.failure, &fleet__failure__descriptor);
        assert_non_null(read);
        protobuf_c_message_free_unpacked(read, NULL);
}

static void columns_that_stand_apart_are_left_alone_by_an_update(void **state)
{
        _cleanup_task_ TaskRow found = {0};
        JobRow job;
        TaskRow task = {.label = "dump", .step = "dump", .host = "alpha", .wire_id = "1.0.1"};

        (void)state;
        begin();
        job = add_job("mdg", JOB_RUNNING, 5);
        task.job = job.id;
        assert_int_equal(row_insert(store, &task_table, &task, NULL), 0);
        assert_int_equal(task_set_cursor(store, task.id, 9, NULL), 0);
        task.state = TASK_DONE;
        assert_int_equal(row_update(store, &task_table, &task, NULL), 0);
        assert_int_equal(task_get_by_wire_id(store, "1.0.1", &found, NULL), 1);
        assert_int_equal(found.cursor, 9);
        assert_int_equal(found.state, TASK_DONE);
}

// ---- jobs

static void jobs_under_way_come_in_the_order_in_which_they_were_queued(void **state)
{
        _cleanup_rows_ Rows rows = {0};
        const JobRow *jobs;

        (void)state;
        begin();
        add_job("a", JOB_QUEUED, 30);
        add_job("b", JOB_DONE, 10);
        add_job("c", JOB_WAITING, 20);
        add_job("d", JOB_UNDOING, 10);
        assert_int_equal(jobs_under_way(store, &rows, NULL), 0);
        jobs = rows.items;
        assert_int_equal(rows.count, 3);
        assert_string_equal(jobs[0].series, "d");
        assert_string_equal(jobs[1].series, "c");
        assert_string_equal(jobs[2].series, "a");
}

static void the_number_of_a_job_is_never_given_again(void **state)
{
        JobRow first, second;

        (void)state;
        begin();
        first = add_job("a", JOB_DONE, 1);
        assert_int_equal(store_run(store, NULL, "DELETE FROM job WHERE id = ?", "i", first.id), 0);
        second = add_job("a", JOB_DONE, 1);
        assert_true(second.id > first.id);
}

static void note_seq(void *userdata, int64_t seq, const char *body)
{
        int64_t *last = userdata;

        assert_int_equal(seq, *last + 1 + (seq == 3)); // 2 was progress, of which none is kept
        assert_string_equal(body, "{}");
        *last = seq;
}

static void events_are_numbered_within_their_job(void **state)
{
        int64_t last = 0;
        int64_t seq;
        JobRow job;

        (void)state;
        begin();
        add_job("a", JOB_RUNNING, 1);
        job = add_job("b", JOB_RUNNING, 1);
        assert_int_equal(event_keep(store, job.id, "{}", NULL), 0);
        assert_int_equal(event_number(store, job.id, &seq, NULL), 0);
        assert_int_equal(seq, 2);
        assert_int_equal(event_keep(store, job.id, "{}", NULL), 0);
        assert_int_equal(events_after(store, job.id, 0, 100, note_seq, &last, NULL), 2);
        assert_int_equal(last, 3);
        assert_int_equal(events_after(store, job.id, 3, 100, note_seq, &last, NULL), 0);
        assert_int_equal(event_number(store, 99, &seq, NULL), -ENOENT);
}

// ---- history

static void the_history_can_only_be_appended_to(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        begin();
        assert_int_equal(
                history_add(store, &(HistoryRow){.who = "jane", .event = "x", .detail = "y"}, NULL),
                0);
        assert_true(store_run(store, &error, "UPDATE history SET who = 'joe'", "") < 0);
        assert_non_null(strstr(error.why, "only ever appended"));
        assert_true(store_run(store, &error, "DELETE FROM history", "") < 0);
}

static void the_newest_entries_come_oldest_first(void **state)
{
        static char *const events[] = {"one", "two", "three"};
        _cleanup_rows_ Rows rows = {0};
        const HistoryRow *entries;

        (void)state;
        begin();
        for (size_t i = 0; i < ELEMENTS(events); i++)
                assert_int_equal(history_add(store,
                                         &(HistoryRow){.who = "jane",
                                                 .series = i == 1 ? "other" : "mdg",
                                                 .event = events[i],
                                                 .detail = ""},
                                         NULL),
                        0);
        assert_int_equal(history_get(store, NULL, 2, &rows, NULL), 0);
        entries = rows.items;
        assert_int_equal(rows.count, 2);
        assert_string_equal(entries[0].event, "two");
        assert_string_equal(entries[1].event, "three");
        rows_clear(&rows);
        assert_int_equal(history_get(store, "mdg", 9, &rows, NULL), 0);
        assert_int_equal(rows.count, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SCRATCH_TEST(a_change_outside_a_transaction_is_refused),
                SCRATCH_TEST(what_is_not_committed_is_gone_after_a_restart),
                SCRATCH_TEST(what_is_committed_is_there_after_a_restart),
                SCRATCH_TEST(a_commit_that_fails_rolls_back),
                SCRATCH_TEST(each_column_of_the_schema_is_in_its_struct),
                SCRATCH_TEST(a_row_comes_back_as_it_was_written),
                SCRATCH_TEST(an_empty_message_is_not_the_same_as_none),
                SCRATCH_TEST(columns_that_stand_apart_are_left_alone_by_an_update),
                SCRATCH_TEST(jobs_under_way_come_in_the_order_in_which_they_were_queued),
                SCRATCH_TEST(the_number_of_a_job_is_never_given_again),
                SCRATCH_TEST(events_are_numbered_within_their_job),
                SCRATCH_TEST(the_history_can_only_be_appended_to),
                SCRATCH_TEST(the_newest_entries_come_oldest_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
