// What a step tells its context, and what stands in the spool afterwards.
#include "../steps/fixture.h"

#include <poll.h>

#include "base/clock.h"

typedef struct Seen {
        unsigned started, progress, logs, finished;
        uint64_t last_done;
        uint64_t numbers;
        Fleet__Outcome outcome;
        char *code;
        size_t longest;
} Seen;

static void see(void *userdata, const Fleet__Event *event)
{
        Seen *seen = userdata;

        assert_int_equal(event->number, ++seen->numbers);
        assert_string_equal(event->task, "1.test.1");
        switch (event->body_case) {
        case FLEET__EVENT__BODY_STARTED:
                seen->started = event->started->run;
                break;
        case FLEET__EVENT__BODY_PROGRESS:
                seen->progress++;
                seen->last_done = event->progress->done;
                break;
        case FLEET__EVENT__BODY_LOG:
                seen->logs++;
                if (strlen(event->log->text) > seen->longest)
                        seen->longest = strlen(event->log->text);
                break;
        case FLEET__EVENT__BODY_FINISHED:
                seen->finished++;
                seen->outcome = event->finished->outcome;
                if (event->finished->failure)
                        seen->code = text_copy(event->finished->failure->code);
                break;
        default:
                fail_msg("an event without a body");
        }
}

static int open_fixture(void **state)
{
        StepFixture *f = memory_new(sizeof(*f));

        step_fixture_open(f, "echo");
        *state = f;
        return 0;
}

static int close_fixture(void **state)
{
        step_fixture_close(*state);
        free(*state);
        return 0;
}

static void reopen(StepFixture *f)
{
        Error error = ERROR_EMPTY;

        context_free(f->context);
        assert_int_equal(context_open(f->task, &f->policy, f->cancel_fd, &f->deadline_over,
                                 &f->context, &error),
                0);
}

static void a_context_tells_its_task_and_its_private_directory(void **state)
{
        StepFixture *f = *state;
        struct stat st;

        assert_string_equal(step_task_id(f->context), "1.test.1");
        assert_int_equal(stat(step_directory(f->context), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_ptr_equal(step_policy(f->context), &f->policy);
}

static void runs_are_counted_across_deaths_of_the_runner(void **state)
{
        StepFixture *f = *state;
        Seen seen = {0};

        assert_int_equal(context_runs(f->context), 0);
        assert_int_equal(context_start(f->context, NULL), 0);
        reopen(f);
        assert_int_equal(context_runs(f->context), 1);
        assert_int_equal(context_start(f->context, NULL), 0);
        step_fixture_events(f, see, &seen);
        assert_int_equal(seen.started, 2);
        assert_false(context_finished(f->context));
}

static void progress_is_sent_at_most_ten_times_a_second_and_the_last_one_for_certain(void **state)
{
        StepFixture *f = *state;
        Fleet__Finished finished = FLEET__FINISHED__INIT;
        int64_t begin = clock_monotonic_us(), took;
        Seen seen = {0};

        for (uint64_t i = 1; i <= 20000; i++)
                step_progress(f->context, FLEET__UNIT__FILES, i, 20000, "media");
        assert_int_equal(context_finish(f->context, &finished, NULL), 0);
        took = clock_monotonic_us() - begin;
        step_fixture_events(f, see, &seen);
        assert_int_equal(seen.last_done, 20000);
        assert_true(seen.progress <= (uint64_t)(took / 100000) + 2);
}

// Waits for the spool's file to grow, as the daemon does.
static void progress_that_came_too_soon_follows_without_another_call(void **state)
{
        StepFixture *f = *state;
        int64_t limit = clock_monotonic_us() + 20 * US_PER_SECOND;
        Seen seen = {0};

        step_progress(f->context, FLEET__UNIT__FILES, 1, 3, NULL);
        step_progress(f->context, FLEET__UNIT__FILES, 2, 3, NULL);
        step_progress(f->context, FLEET__UNIT__FILES, 3, 3, NULL);
        while (seen.last_done != 3 && clock_monotonic_us() < limit) {
                poll(NULL, 0, 5);
                seen = (Seen){0};
                step_fixture_events(f, see, &seen);
        }
        assert_int_equal(seen.last_done, 3);
        assert_int_equal(seen.progress, 2);
}

static void any_bytes_become_valid_text_of_at_most_4_kib(void **state)
{
        StepFixture *f = *state;
        char *line = memory_new(10000);
        Seen seen = {0};

        memset(line, 'x', 9999);
        step_output(f->context, FLEET__LOG_LINE__STREAM__OUTPUT, line, 9999);
        step_output(f->context, FLEET__LOG_LINE__STREAM__ERRORS, "bad \xff byte", 10);
        step_note(f->context, "%s", "said");
        step_fixture_events(f, see, &seen);
        assert_int_equal(seen.longest, 4096);
        assert_int_equal(step_fixture_said(f, "bad \xef\xbf\xbd byte"), 1);
        assert_int_equal(step_fixture_said(f, "said"), 1);
        free(line);
}

static void output_without_end_is_cut_and_the_cut_is_said_once(void **state)
{
        StepFixture *f = *state;
        char line[4096];
        Fleet__Finished finished = FLEET__FINISHED__INIT;
        Seen seen = {0};

        memset(line, 'x', sizeof(line));
        for (unsigned i = 0; i < 5000; i++)
                step_output(f->context, FLEET__LOG_LINE__STREAM__OUTPUT, line, sizeof(line));
        assert_int_equal(context_finish(f->context, &finished, NULL), 0);
        step_fixture_events(f, see, &seen);
        assert_int_equal(seen.logs, 4096 + 1);
        assert_int_equal(step_fixture_said(f, "left out"), 1);
        assert_int_equal(seen.finished, 1);
}

static void a_result_larger_than_a_frame_becomes_a_failure(void **state)
{
        StepFixture *f = *state;
        Fleet__Finished finished = FLEET__FINISHED__INIT;
        Fleet__Result result = FLEET__RESULT__INIT;
        Fleet__EchoResult echo = FLEET__ECHO_RESULT__INIT;
        Seen seen = {0};

        echo.text = memory_new(SPOOL_EVENT_MAX + 1);
        memset(echo.text, 'x', SPOOL_EVENT_MAX);
        result.result_case = FLEET__RESULT__RESULT_ECHO;
        result.echo = &echo;
        finished.result = &result;
        assert_int_equal(context_finish(f->context, &finished, NULL), 0);
        step_fixture_events(f, see, &seen);
        assert_int_equal(seen.outcome, FLEET__OUTCOME__FAILED);
        assert_string_equal(seen.code, "result-too-large");
        assert_true(context_finished(f->context));
        free(seen.code);
        free(echo.text);
}

static void cancel_and_deadline_are_told_apart(void **state)
{
        StepFixture *f = *state;
        _cleanup_error_ Error error = ERROR_EMPTY;

        assert_false(step_canceled(f->context));
        step_fixture_cancel(f);
        assert_true(step_canceled(f->context));
        assert_int_equal(step_canceled_error(f->context, &error), -ECANCELED);
        assert_string_equal(error.code, "canceled");
        step_fixture_expire(f);
        assert_int_equal(step_canceled_error(f->context, &error), -ETIME);
        assert_string_equal(error.code, "deadline");
        assert_string_equal(error.why, "its deadline is 30 seconds after its start");
}

static void a_directory_without_a_task_is_refused(void **state)
{
        StepFixture *f = *state;
        _cleanup_error_ Error error = ERROR_EMPTY;
        StepContext *context = NULL;

        assert_int_equal(context_open(f->root, &f->policy, f->cancel_fd, &f->deadline_over,
                                 &context, &error),
                -ENOENT);
        assert_string_equal(error.code, "task-directory");
        assert_string_equal(error.where, f->root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_context_tells_its_task_and_its_private_directory),
                TEST(runs_are_counted_across_deaths_of_the_runner),
                TEST(progress_is_sent_at_most_ten_times_a_second_and_the_last_one_for_certain),
                TEST(progress_that_came_too_soon_follows_without_another_call),
                TEST(any_bytes_become_valid_text_of_at_most_4_kib),
                TEST(output_without_end_is_cut_and_the_cut_is_said_once),
                TEST(a_result_larger_than_a_frame_becomes_a_failure),
                TEST(cancel_and_deadline_are_told_apart),
                TEST(a_directory_without_a_task_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
