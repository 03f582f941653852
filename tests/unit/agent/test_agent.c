// The daemon between a controller and its runners: nothing lost, nothing twice.
#include "fleet.h"
#include "test.h"

static void a_task_is_accepted_run_and_forgotten(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "hello", 30);

        fleet_until(fleet, fleet_all_finished);
        assert_true(task->accepted);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
        assert_string_equal(task->text, "hello");
        assert_int_equal(task->run, 1);
        assert_int_equal(task->last, 2);
        fleet_until(fleet, fleet_forgotten);
}

static bool has_reported_twice(Fleet *fleet)
{
        return fleet->reports >= 2;
}

static void what_the_host_is_like_is_told_with_the_hello_and_again(void **state)
{
        Fleet *fleet = *state;

        fleet_until(fleet, fleet_connected);
        assert_true(fleet->disks > 0);
        fleet->disks = 0;
        fleet_until(fleet, has_reported_twice);
        assert_true(fleet->disks > 0);
}

static void a_failing_step_says_why_in_valid_text(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "fail", 30);

        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__FAILED);
        assert_string_equal(task->code, "test");
}

static void what_a_failing_step_advises_names_the_job_and_its_series(void **state)
{
        static const char *const advice[][2] = {
                {"Look, then: understudyctl job retry ID", "Look, then: understudyctl job retry 7"},
                {"understudyctl job cancel ID, or understudyctl preview prepare SERIES b.",
                        "understudyctl job cancel 7, or understudyctl preview prepare test b."},
                {"See understudyctl job retry IDLE and the ID of SERIES",
                        "See understudyctl job retry IDLE and the ID of SERIES"},
        };
        Fleet *fleet = *state;
        FleetTask *tasks[ELEMENTS(advice)];

        for (size_t i = 0; i < ELEMENTS(advice); i++) {
                _cleanup_free_ char *id = text_format("1.echo.%zu", i);
                _cleanup_free_ char *text = text_format("advise %s", advice[i][0]);

                tasks[i] = fleet_give(fleet, id, text, 30);
        }
        fleet_until(fleet, fleet_all_finished);
        for (size_t i = 0; i < ELEMENTS(advice); i++)
                assert_string_equal(tasks[i]->next, advice[i][1]);
}

static void more_tasks_than_run_at_once_are_all_done(void **state)
{
        Fleet *fleet = *state;
        char id[16];

        for (int i = 0; i < 40; i++) {
                snprintf(id, sizeof(id), "%d.echo.1", i);
                fleet_give(fleet, id, "hello", 30);
        }
        fleet_until(fleet, fleet_all_finished);
        fleet_until(fleet, fleet_forgotten);
        for (size_t i = 0; i < fleet->task_count; i++)
                assert_int_equal(fleet->tasks[i].run, 1);
}

static void a_task_sent_twice_is_done_once(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "wait", 30);

        fleet_send_task(fleet, "1.echo.1", "wait", 30);
        fleet_until(fleet, fleet_all_begun);
        task->accepted = false;
        fleet_send_task(fleet, "1.echo.1", "wait", 30);
        fleet_until(fleet, fleet_all_accepted);
        fleet_cancel(fleet, "1.echo.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->run, 1);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
        assert_string_equal(task->code, "canceled");
}

static bool disconnected(Fleet *fleet)
{
        return !fleet->link;
}

static void another_task_with_a_known_id_ends_the_link(void **state)
{
        Fleet *fleet = *state;

        fleet_give(fleet, "1.echo.1", "wait", 30);
        fleet_until(fleet, fleet_all_begun);
        fleet_send_task(fleet, "1.echo.1", "other", 30);
        fleet_until(fleet, disconnected);
}

static void an_id_that_is_no_file_name_ends_the_link(void **state)
{
        Fleet *fleet = *state;

        fleet_send_task(fleet, "../../escape", "hello", 30);
        fleet_until(fleet, disconnected);
}

static void many_events_arrive_in_order_through_the_window(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "say 5000", 30);

        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->notes, 5000);
        assert_int_equal(task->last, 5002);
        fleet_until(fleet, fleet_forgotten);
}

static bool window_full(Fleet *fleet)
{
        return fleet->tasks[0].last >= 256;
}

static void events_wait_for_their_commit_and_come_again_after_a_new_link(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "say 1000", 30);

        fleet->withhold = true;
        fleet_until(fleet, window_full);
        for (int i = 0; i < 5; i++)
                event_base_loop(fleet->base, EVLOOP_ONCE);
        assert_int_equal(task->last, 256);
        fleet_silence(fleet);
        // What was not committed is not known after a restart.
        task->last = 100;
        task->notes = 99;
        fleet->withhold = false;
        fleet_listen(fleet);
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->notes, 1000);
        assert_int_equal(task->repeated, 0);
}

static void a_canceled_task_that_waits_ends_as_canceled(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "wait", 30);

        fleet_until(fleet, fleet_all_begun);
        fleet_cancel(fleet, "1.echo.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
}

static void a_task_canceled_at_once_never_begins_its_step(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "wait", 30);

        fleet_cancel(fleet, "1.echo.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
}

static void a_deadline_ends_a_task_as_failed(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "wait", 1);

        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__FAILED);
        assert_string_equal(task->code, "deadline");
}

static void a_step_that_ignores_its_deadline_is_killed(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "stubborn", 1);

        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__FAILED);
        assert_string_equal(task->code, "deadline");
        assert_int_equal(task->run, 1);
}

static void a_step_that_ignores_its_cancel_is_killed(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "stubborn", 60);

        fleet_until(fleet, fleet_all_begun);
        fleet_cancel(fleet, "1.echo.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
        assert_non_null(strstr(task->why, "signal 9"));
}

static bool last_finished(Fleet *fleet)
{
        return fleet->tasks[fleet->task_count - 1].finished;
}

static bool has_runner(Fleet *fleet)
{
        return fleet->tasks[0].last > 0 && fleet_runner(fleet, fleet->tasks[0].id) > 0;
}

// Its 1000 notes take two seconds, the grace is one.
static void what_is_bound_to_go_to_its_end_is_not_killed_for_a_cancel(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.standby.1", "alone 0", 0);

        fleet_until(fleet, fleet_all_begun);
        fleet_cancel(fleet, "1.standby.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
        assert_int_equal(task->notes, 1000);
        assert_int_equal(task->run, 1);
}

static void what_waits_alone_ends_with_its_cancel(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.standby.1", "alone 60000", 0);

        fleet_until(fleet, fleet_all_accepted);
        fleet_cancel(fleet, "1.standby.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
        assert_int_equal(task->notes, 0);
}

static void what_waits_alone_takes_no_place(void **state)
{
        Fleet *fleet = *state;
        char id[32];

        for (int i = 0; i < 20; i++) {
                snprintf(id, sizeof(id), "%d.standby.1", i);
                fleet_give(fleet, id, "alone 60000", 0);
        }
        fleet_until(fleet, fleet_all_accepted);
        fleet_give(fleet, "99.echo.1", "hello", 30);
        fleet_until(fleet, last_finished);
}

static bool at_its_end(Fleet *fleet)
{
        _cleanup_free_ char *path =
                text_format("%s/tasks/1.standby.1/work/at", fleet->worker_directory);
        _cleanup_free_ char *text = NULL;

        return file_read(path, 100, &text, NULL) == 0 && text_equal(text, "1000");
}

// The whole host went down, and nobody can be reached when it is up again.
static void what_waits_alone_goes_on_without_a_controller(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.standby.1", "alone 300", 0);
        pid_t runner;

        fleet_until(fleet, fleet_all_accepted);
        fleet_until(fleet, has_runner);
        runner = fleet_runner(fleet, "1.standby.1");
        fleet_silence(fleet);
        fleet_kill_worker(fleet, SIGKILL);
        assert_int_equal(kill(runner, SIGKILL), 0);
        fleet_start_worker(fleet);
        fleet_until(fleet, at_its_end);
        assert_false(task->finished);
        fleet_listen(fleet);
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
        assert_int_equal(task->notes, 1000);
}

static void a_runner_that_dies_is_replaced(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "die once", 30);

        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
        assert_int_equal(task->run, 2);
}

static void a_runner_that_dies_again_and_again_fails_the_task_with_its_last_words(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "die", 30);

        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__FAILED);
        assert_string_equal(task->code, "runner-died");
        assert_int_equal(task->run, 4);
        assert_non_null(strstr(task->why, "signal 9"));
        assert_non_null(strstr(task->why, "the test's step dies"));
}

static unsigned notes_wanted;

static bool notes_seen(Fleet *fleet)
{
        return fleet->tasks[0].notes >= notes_wanted;
}

static void a_runner_killed_at_any_moment_goes_on_where_it_was(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "crawl 400", 60);

        for (unsigned kills = 0; kills < 3; kills++) {
                pid_t runner;

                notes_wanted = 20 + kills * 30 + (unsigned)(clock_now_us() % 10);
                fleet_until(fleet, notes_seen);
                runner = fleet_runner(fleet, "1.echo.1");
                assert_true(runner > 0);
                assert_int_equal(kill(runner, SIGKILL), 0);
        }
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
        assert_int_equal(task->run, 4);
        // A note between the kill and its record may be said again, none may be missing.
        assert_int_equal(task->notes, 400);
        assert_true(task->other_notes <= 3);
}

static void a_runner_outlives_its_daemon_and_its_events_arrive_once(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "crawl 600", 60);
        pid_t runner;

        for (unsigned kills = 0; kills < 3; kills++) {
                notes_wanted = 30 + kills * 60;
                fleet_until(fleet, notes_seen);
                runner = fleet_runner(fleet, "1.echo.1");
                fleet_kill_worker(fleet, SIGKILL);
                fleet_start_worker(fleet);
                assert_int_equal(fleet_runner(fleet, "1.echo.1"), runner);
        }
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->run, 1);
        assert_int_equal(task->notes, 600);
        assert_int_equal(task->other_notes, 0);
        fleet_until(fleet, fleet_forgotten);
}

static void a_daemon_stopped_cleanly_leaves_its_runners_too(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "wait", 60);
        int status;

        fleet_until(fleet, fleet_all_begun);
        assert_int_equal(kill(fleet->worker, SIGTERM), 0);
        status = fleet_wait_worker(fleet);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(fleet_runner(fleet, "1.echo.1") > 0);
        fleet->links_before = fleet->links;
        fleet_start_worker(fleet);
        fleet_until(fleet, fleet_reconnected);
        fleet_cancel(fleet, "1.echo.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->run, 1);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
}

static void a_daemon_and_its_runner_killed_together_go_on(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "crawl 400", 60);
        pid_t runner;

        notes_wanted = 40;
        fleet_until(fleet, notes_seen);
        runner = fleet_runner(fleet, "1.echo.1");
        fleet_kill_worker(fleet, SIGKILL);
        assert_int_equal(kill(runner, SIGKILL), 0);
        fleet_start_worker(fleet);
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
        assert_int_equal(task->run, 2);
        assert_int_equal(task->notes, 400);
}

// The order and the start of a runner that comes to read them when both are there already.
static int run_late(const Fleet *fleet, const char *order_directory, const char *start_directory)
{
        RunnerOrder order = {0};
        RunnerStart start = {0};
        int ends[2], status;
        pid_t pid;

        snprintf(order.directory, sizeof(order.directory), "%s", order_directory);
        snprintf(start.directory, sizeof(start.directory), "%s", start_directory);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        assert_true(write(ends[0], &order, sizeof(order)) == sizeof(order));
        assert_true(write(ends[0], &start, sizeof(start)) == sizeof(start));
        pid = fork();
        if (pid == 0) {
                dup2(ends[1], STDIN_FILENO);
                _exit(runner_run(fleet->worker_directory, NULL, fleet_ops));
        }
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

// The directory it was to make itself ready in has its task's name by then, and the former name is
// that of the next spare's.
static void a_spare_that_was_slow_works_in_its_tasks_directory(void **state)
{
        Fleet *fleet = *state;
        _cleanup_free_ char *spare = text_format("%s/tasks/" PLACE_SPARE, fleet->worker_directory);
        _cleanup_free_ char *directory = text_format("%s/tasks/1.echo.1", fleet->worker_directory);
        _cleanup_free_ char *anothers = text_format("%s/stderr", spare), *text = NULL;
        _cleanup_free_ char *events = text_format("%s/events", directory), *told = NULL;
        Fleet__EchoArguments arguments = FLEET__ECHO_ARGUMENTS__INIT;
        Fleet__Task task = fleet_echo("1.echo.1", &arguments, 30);
        uint8_t packed[256];
        size_t size;

        arguments.text = "hello";
        fleet_kill_worker(fleet, SIGTERM);
        size = fleet__task__pack(&task, packed);
        assert_int_equal(place_make(directory, packed, size), 0);
        assert_int_equal(place_make_spare(spare), 0);
        assert_int_equal(file_write(anothers, "another's", 9, 0600), 0);
        assert_int_equal(run_late(fleet, spare, directory), 0);
        assert_int_equal(file_read(anothers, 100, &text, NULL), 0);
        assert_string_equal(text, "another's");
        assert_int_equal(file_read(events, 4096, &told, &size), 0);
        assert_true(size > 0);
}

static void a_task_killed_before_it_began_is_still_done(void **state)
{
        Fleet *fleet = *state;

        // Each round lets the daemon live a little longer: to the journal, the runner, its end.
        for (int round = 0; round < 30; round++) {
                int64_t until = clock_monotonic_us() + round * 400;
                char id[16];

                snprintf(id, sizeof(id), "%d.echo.1", round);
                fleet_give(fleet, id, "hello", 30);
                while (clock_monotonic_us() < until)
                        event_base_loop(fleet->base, EVLOOP_NONBLOCK);
                fleet_replace_worker(fleet);
        }
        fleet_until(fleet, fleet_all_finished);
        for (size_t i = 0; i < fleet->task_count; i++)
                assert_int_equal(fleet->tasks[i].outcome, FLEET__OUTCOME__DONE);
}

// As after a loss of power: the runner is gone, and the spool has less than the controller.
static void events_lost_in_a_crash_of_the_machine_do_not_stop_a_task(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task = fleet_give(fleet, "1.echo.1", "crawl 400", 60);
        _cleanup_free_ char *events =
                text_format("%s/tasks/1.echo.1/events", fleet->worker_directory);
        pid_t runner;

        notes_wanted = 40;
        fleet_until(fleet, notes_seen);
        runner = fleet_runner(fleet, "1.echo.1");
        fleet_kill_worker(fleet, SIGKILL);
        assert_int_equal(kill(runner, SIGKILL), 0);
        assert_int_equal(truncate(events, 300), 0);
        fleet_start_worker(fleet);
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__DONE);
}

static void what_the_controller_does_not_know_is_ended_and_forgotten(void **state)
{
        Fleet *fleet = *state;

        fleet_give(fleet, "1.echo.1", "wait", 60);
        fleet_until(fleet, fleet_all_begun);
        fleet_silence(fleet);
        fleet->amnesia = true;
        fleet_listen(fleet);
        fleet_until(fleet, fleet_forgotten);
}

static void fill_disk(Fleet *fleet, bool full)
{
        _cleanup_free_ char *path = text_format("%s/filler", fleet->worker_directory);
        char chunk[4096] = {0};
        _cleanup_close_ int fd = -EBADF;

        if (!full) {
                assert_int_equal(unlink(path), 0);
                return;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, chunk, sizeof(chunk)) > 0)
                ;
}

// The same task over and over until one does not fit the journal.
static bool refused(Fleet *fleet)
{
        char id[16];

        if (!fleet->link)
                return true;
        if (!fleet->greeted || !fleet_all_accepted(fleet))
                return false;
        snprintf(id, sizeof(id), "%zu.echo.1", fleet->task_count);
        fleet_give(fleet, id, "hello", 30);
        return false;
}

static void a_full_disk_refuses_tasks_until_there_is_space(void **state)
{
        Fleet *fleet = *state;

        if (!fleet->mounted)
                skip_because("only root can mount a small file system");
        fill_disk(fleet, true);
        fleet_until(fleet, refused);
        fill_disk(fleet, false);
        fleet_until(fleet, fleet_all_finished);
        for (size_t i = 0; i < fleet->task_count; i++)
                assert_int_equal(fleet->tasks[i].outcome, FLEET__OUTCOME__DONE);
        fleet_until(fleet, fleet_forgotten);
}

static void a_full_disk_does_not_keep_a_task_from_being_canceled(void **state)
{
        Fleet *fleet = *state;
        FleetTask *task;

        if (!fleet->mounted)
                skip_because("only root can mount a small file system");
        task = fleet_give(fleet, "1.echo.1", "wait", 60);
        fleet_until(fleet, fleet_all_begun);
        fill_disk(fleet, true);
        fleet_cancel(fleet, "1.echo.1");
        fleet_until(fleet, fleet_all_finished);
        assert_int_equal(task->outcome, FLEET__OUTCOME__CANCELED);
}

static void a_second_daemon_in_the_same_directory_is_refused(void **state)
{
        Fleet *fleet = *state;
        pid_t first = fleet->worker;
        int status;

        fleet_start_worker(fleet);
        status = fleet_wait_worker(fleet);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        fleet->worker = first;
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, fleet_open, fleet_close)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, fleet_open_small, fleet_close)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(a_task_is_accepted_run_and_forgotten),
                TEST(what_the_host_is_like_is_told_with_the_hello_and_again),
                TEST(a_failing_step_says_why_in_valid_text),
                TEST(what_a_failing_step_advises_names_the_job_and_its_series),
                TEST(more_tasks_than_run_at_once_are_all_done),
                TEST(a_task_sent_twice_is_done_once),
                TEST(another_task_with_a_known_id_ends_the_link),
                TEST(an_id_that_is_no_file_name_ends_the_link),
                TEST(many_events_arrive_in_order_through_the_window),
                TEST(events_wait_for_their_commit_and_come_again_after_a_new_link),
                TEST(a_canceled_task_that_waits_ends_as_canceled),
                TEST(a_task_canceled_at_once_never_begins_its_step),
                TEST(a_deadline_ends_a_task_as_failed),
                TEST(a_step_that_ignores_its_deadline_is_killed),
                TEST(a_step_that_ignores_its_cancel_is_killed),
                TEST(what_is_bound_to_go_to_its_end_is_not_killed_for_a_cancel),
                TEST(what_waits_alone_ends_with_its_cancel),
                TEST(what_waits_alone_takes_no_place),
                TEST(what_waits_alone_goes_on_without_a_controller),
                TEST(a_runner_that_dies_is_replaced),
                TEST(a_runner_that_dies_again_and_again_fails_the_task_with_its_last_words),
                TEST(a_runner_killed_at_any_moment_goes_on_where_it_was),
                TEST(a_runner_outlives_its_daemon_and_its_events_arrive_once),
                TEST(a_daemon_stopped_cleanly_leaves_its_runners_too),
                TEST(a_daemon_and_its_runner_killed_together_go_on),
                TEST(a_spare_that_was_slow_works_in_its_tasks_directory),
                TEST(a_task_killed_before_it_began_is_still_done),
                TEST(events_lost_in_a_crash_of_the_machine_do_not_stop_a_task),
                TEST(what_the_controller_does_not_know_is_ended_and_forgotten),
                TEST_SMALL(a_full_disk_refuses_tasks_until_there_is_space),
                TEST_SMALL(a_full_disk_does_not_keep_a_task_from_being_canceled),
                TEST(a_second_daemon_in_the_same_directory_is_refused),
        };

        fleet_worker_main(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
