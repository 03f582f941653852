#include "core/session.h"
#include "fake.h"

// A job whose first task is with the host, and has not been answered yet.
static FakeHost *world_with_held_probe(int *ret_job)
{
        FakeHost *host = fake_world();

        host->hold = "probe";
        *ret_job = fake_prepare("mdg");
        fake_run();
        assert_int_equal(host->tasks, 1);
        return host;
}

static int64_t seq_of(int job)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;

        assert_int_equal(sql_query(store_database(fake.controller->store), &statement, NULL,
                                 "SELECT count(*) FROM event WHERE job = ?", "i", (int64_t)job),
                0);
        assert_int_equal(sql_step(statement, NULL), 1);
        return sqlite3_column_int64(statement, 0);
}

static Fleet__Event note(const FakeTask *task, uint64_t number, Fleet__LogLine *line)
{
        Fleet__Event event = FLEET__EVENT__INIT;

        fleet__log_line__init(line);
        line->text = "again";
        event.task = task->task->id;
        event.number = number;
        event.body_case = FLEET__EVENT__BODY_LOG;
        event.log = line;
        return event;
}

static void an_event_that_comes_twice_is_applied_once(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 4, &line);
        int64_t before = seq_of(job);

        (void)state;
        fake_event(host, &event);
        fake_commit();
        assert_int_equal(seq_of(job), before + 1);
        fake_event(host, &event);
        fake_commit();
        assert_int_equal(seq_of(job), before + 1);
        assert_true(host->connected);
        // Both are acknowledged, or the worker would send it for ever.
        assert_int_equal(host->received, 2);
        assert_int_equal(host->inbox[1]->body_case, FLEET__FRAME__BODY_COMMITTED);
        assert_int_equal(host->inbox[1]->committed->last, 4);
}

static void a_gap_between_events_ends_the_connection_and_loses_nothing(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 6, &line);
        int64_t before = seq_of(job);

        (void)state;
        fake_event(host, &event);
        fake_commit();
        assert_int_equal(seq_of(job), before);
        assert_false(host->connected);
        assert_string_equal(host->code, "gap");
        fake_disconnect(host);
        fake_connect(host);
        fake_release(host);
        fake_run();
        assert_job(job, "done");
}

static void events_are_acknowledged_only_after_the_commit(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 4, &line);

        (void)state;
        fake_event(host, &event);
        assert_int_equal(host->received, 0);
        fake_commit();
        assert_int_equal(host->received, 1);
}

static void a_row_of_events_is_acknowledged_once(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;

        (void)state;
        for (uint64_t number = 4; number < 10; number++) {
                Fleet__Event event = note(&host->journal[0], number, &line);

                fake_event(host, &event);
        }
        fake_commit();
        assert_int_equal(host->received, 1);
        assert_int_equal(host->inbox[0]->committed->last, 9);
}

static void an_event_of_a_task_that_is_over_is_acknowledged_and_ignored(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;
        FakeTask stranger = {.task = host->journal[0].task};
        Fleet__Event event = note(&stranger, 3, &line);
        int64_t before = seq_of(job);

        (void)state;
        event.task = "999.0.1";
        fake_event(host, &event);
        fake_commit();
        assert_int_equal(seq_of(job), before);
        assert_string_equal(host->inbox[0]->committed->task, "999.0.1");
        assert_int_equal(host->inbox[0]->committed->last, 3);
}

static void an_event_of_another_hosts_task_is_ignored(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        FakeHost *other = fake_add_host(1, "beta");
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 4, &line);
        int64_t before = seq_of(job);

        (void)state;
        fake_connect(other);
        fake_event(other, &event);
        fake_commit();
        assert_int_equal(seq_of(job), before);
}

static void a_task_that_the_hello_does_not_name_is_sent_again(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);

        (void)state;
        fake_disconnect(host);
        fake_forget(host, &host->journal[0]); // its disk was lost
        fake_connect(host);
        fake_run();
        assert_int_equal(host->tasks, 1);
        assert_string_equal(host->log, "probe probe ");
        fake_release(host);
        fake_run();
        assert_job(job, "done");
}

static void a_task_that_the_hello_names_is_not_sent_again(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);

        (void)state;
        fake_disconnect(host);
        fake_connect(host);
        assert_int_equal(host->received, 1);
        assert_int_equal(host->inbox[0]->body_case, FLEET__FRAME__BODY_WELCOME);
        assert_int_equal(host->inbox[0]->welcome->n_cursors, 1);
        assert_int_equal(host->inbox[0]->welcome->cursors[0]->last, 3);
        fake_release(host);
        fake_run();
        assert_job(job, "done");
        assert_int_equal(strncmp(host->log, "probe space ", 12), 0);
}

static void a_task_unknown_to_the_controller_is_not_welcome(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        FakeTask *stale = &host->journal[host->tasks++];

        (void)state;
        *stale = (FakeTask){.task = (Fleet__Task *)message_copy(&host->journal[0].task->base)};
        free(stale->task->id);
        stale->task->id = text_copy("7.7.7");
        fake_disconnect(host);
        fake_connect(host);
        fake_run();
        assert_int_equal(host->tasks, 1);
}

static void a_cancel_is_sent_again_after_a_reconnect(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);

        (void)state;
        fake_disconnect(host);
        assert_true(fake_about("cancel", job) > 0);
        assert_job(job, "undoing");
        host->canceled_ends = true;
        fake_connect(host);
        fake_run();
        assert_job(job, "canceled");
}

static void the_newer_of_two_connections_wins(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Link *before = fake_link(host);
        Error why = {.what = "replaced"};

        (void)state;
        fake_connect(host);
        assert_string_equal(host->code, "replaced");
        fleet_handlers.closed(fake.controller, before, &why);
        fake_commit();
        assert_non_null(session_of_host(fake.controller, "alpha"));
        fake_release(host);
        fake_run();
        assert_job(job, "done");
}

static void a_worker_of_another_protocol_is_told_so(void **state)
{
        FakeHost *host = fake_add_host(0, "alpha");

        (void)state;
        fake_open(host, "alpha");
        fake_hello(host, FLEET_PROTOCOL + 1);
        fake_commit();
        assert_string_equal(host->code, "protocol");
        assert_null(session_of_host(fake.controller, "alpha"));
}

static void a_first_frame_that_is_no_hello_ends_the_connection(void **state)
{
        FakeHost *host = fake_add_host(0, "alpha");
        Fleet__Event event = FLEET__EVENT__INIT;

        (void)state;
        fake_open(host, "alpha");
        event.task = "1.0.1";
        fake_event(host, &event);
        assert_string_equal(host->code, "protocol");
}

static void a_certificate_that_is_not_on_record_is_refused(void **state)
{
        FakeHost *host = fake_add_host(0, "alpha");

        (void)state;
        fake_open(host, "another");
        assert_string_equal(host->code, "unknown-host");
        assert_null(fake.controller->sessions);
}

static void what_waits_for_room_goes_out_when_the_link_is_drained(void **state)
{
        FakeHost *host = fake_world();
        int job;

        (void)state;
        host->full = true;
        job = fake_prepare("mdg");
        assert_int_equal(host->received, 0);
        host->full = false;
        fleet_handlers.drained(fake.controller, fake_link(host));
        assert_int_equal(host->received, 1);
        fake_run();
        assert_job(job, "done");
}

static void what_is_not_committed_does_not_go_out_when_the_link_is_drained(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 4, &line);

        (void)state;
        fake_event(host, &event);
        fleet_handlers.drained(fake.controller, fake_link(host));
        assert_int_equal(host->received, 0);
}

static void a_database_that_fails_rolls_the_turn_back_and_ends_all_connections(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 4, &line);
        int64_t before = seq_of(job);

        (void)state;
        fake_event(host, &event);
        assert_int_equal(sql_run(store_database(fake.controller->store), &fake.error,
                                 "CREATE TEMP TRIGGER disk_full BEFORE INSERT ON event"
                                 " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
                                 ""),
                0);
        event.number = 5;
        fake_event(host, &event);
        assert_false(host->connected);
        // The trigger went with the turn it was made in.
        fake_disconnect(host);
        assert_int_equal(seq_of(job), before);
        fake_connect(host);
        fake_release(host);
        fake_run();
        assert_job(job, "done");
}

static void what_a_task_prints_is_kept_up_to_a_bound(void **state)
{
        int job;
        FakeHost *host = world_with_held_probe(&job);
        int64_t before = seq_of(job);
        Fleet__LogLine line;

        (void)state;
        for (uint64_t number = 4; number < 20100; number++) {
                Fleet__Event event = note(&host->journal[0], number, &line);

                fake_event(host, &event);
        }
        fake_commit();
        // One was there already; the last says that the rest is not kept.
        assert_int_equal(seq_of(job), before - 1 + 20001);
        assert_int_equal(host->inbox[0]->committed->last, 20099);
}

static void a_line_without_an_end_is_cut(void **state)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int job;
        FakeHost *host = world_with_held_probe(&job);
        _cleanup_free_ char *text = memory_new(1000001);
        Fleet__LogLine line;
        Fleet__Event event = note(&host->journal[0], 4, &line);

        (void)state;
        memset(text, 'x', 1000000);
        line.text = text;
        fake_event(host, &event);
        fake_commit();
        assert_int_equal(sql_query(store_database(fake.controller->store), &statement, NULL,
                                 "SELECT max(length(body)) FROM event", ""),
                0);
        assert_int_equal(sql_step(statement, NULL), 1);
        assert_true(sqlite3_column_int64(statement, 0) < 10000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(an_event_that_comes_twice_is_applied_once),
                FAKE_TEST(a_gap_between_events_ends_the_connection_and_loses_nothing),
                FAKE_TEST(events_are_acknowledged_only_after_the_commit),
                FAKE_TEST(a_row_of_events_is_acknowledged_once),
                FAKE_TEST(an_event_of_a_task_that_is_over_is_acknowledged_and_ignored),
                FAKE_TEST(an_event_of_another_hosts_task_is_ignored),
                FAKE_TEST(a_task_that_the_hello_does_not_name_is_sent_again),
                FAKE_TEST(a_task_that_the_hello_names_is_not_sent_again),
                FAKE_TEST(a_task_unknown_to_the_controller_is_not_welcome),
                FAKE_TEST(a_cancel_is_sent_again_after_a_reconnect),
                FAKE_TEST(the_newer_of_two_connections_wins),
                FAKE_TEST(a_worker_of_another_protocol_is_told_so),
                FAKE_TEST(a_first_frame_that_is_no_hello_ends_the_connection),
                FAKE_TEST(a_certificate_that_is_not_on_record_is_refused),
                FAKE_TEST(what_waits_for_room_goes_out_when_the_link_is_drained),
                FAKE_TEST(what_is_not_committed_does_not_go_out_when_the_link_is_drained),
                FAKE_TEST(what_a_task_prints_is_kept_up_to_a_bound),
                FAKE_TEST(a_line_without_an_end_is_cut),
                FAKE_TEST(a_database_that_fails_rolls_the_turn_back_and_ends_all_connections),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
