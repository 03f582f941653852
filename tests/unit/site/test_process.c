#include "fake_site.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "site/process.h"

typedef struct Seen {
        TextList lines;
        StepFixture *cancel_at_line;
        int answer;
} Seen;

static int see(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        Seen *seen = userdata;

        (void)length;
        text_list_take(&seen->lines,
                text_format(
                        "%s:%s", stream == FLEET__LOG_LINE__STREAM__ERRORS ? "err" : "out", line));
        if (seen->cancel_at_line)
                step_fixture_cancel(seen->cancel_at_line);
        return seen->answer;
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

static int run(StepFixture *f, Seen *seen, const char *script, ProcessResult *result, Error *error)
{
        const ProcessSpec spec = {
                .argv = (const char *const[]){"/bin/sh", "-c", script, NULL},
                .directory = f->root,
                .line = seen ? see : NULL,
                .userdata = seen,
                .grace_ms = 100,
        };

        return process_run(f->context, &spec, result, error);
}

static void its_lines_and_its_end_are_told(void **state)
{
        Seen seen = {0};
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;

        assert_int_equal(
                run(*state, &seen, "echo a; echo b >&2; printf c; exit 3", &result, &error), 0);
        assert_true(WIFEXITED(result.status));
        assert_int_equal(WEXITSTATUS(result.status), 3);
        assert_string_equal(result.tail, "b\n");
        assert_int_equal(seen.lines.count, 3);
        free(result.tail);
        text_list_clear(&seen.lines);
}

static void without_a_callback_lines_go_to_the_log(void **state)
{
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;

        assert_int_equal(run(*state, NULL, "echo hello", &result, &error), 0);
        assert_int_equal(step_fixture_said(*state, "hello"), 1);
        free(result.tail);
}

static void a_failing_program_is_an_error_with_its_last_words(void **state)
{
        StepFixture *f = *state;
        Error error _cleanup_error_ = ERROR_EMPTY;
        const ProcessSpec spec = {
                .argv = (const char *const[]){"/bin/sh", "-c", "echo no such thing >&2; exit 7",
                        NULL},
        };

        assert_true(process_check(f->context, &spec, &error) < 0);
        assert_string_equal(error.code, "program");
        assert_non_null(strstr(error.why, "exit status 7"));
        assert_non_null(strstr(error.why, "no such thing"));
}

static void a_program_that_is_not_there_is_not_run(void **state)
{
        StepFixture *f = *state;
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;
        const ProcessSpec spec = {.argv = (const char *const[]){"/no/such/program", NULL}};

        assert_int_equal(process_run(f->context, &spec, &result, &error), -ENOENT);
        assert_non_null(strstr(error.what, "/no/such/program"));
}

static void it_sees_a_clean_environment_and_no_descriptors_but_its_own(void **state)
{
        StepFixture *f = *state;
        Seen seen = {0};
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;
        int fd = memfd_create("given", MFD_CLOEXEC);
        _cleanup_close_ int not_given = fcntl(f->cancel_fd, F_DUPFD, 50); // not close-on-exec
        const ProcessSpec spec = {
                .argv = (const char *const[]){"/bin/sh", "-c",
                        "env; ls -l /proc/self/fd | wc -l; cat; cat <&3; umask; pwd", NULL},
                .directory = f->root,
                .input = "from input\n",
                .input_size = 11,
                .fds = &fd,
                .fd_count = 1,
                .line = see,
                .userdata = &seen,
        };
        bool given = false, in_directory = false;

        (void)not_given;

        assert_int_equal(write(fd, "from fd\n", 8), 8);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        text_list_add(&f->policy.environment, "WANTED");
        text_list_add(&f->policy.environment, "PYTHONPATH");
        setenv("WANTED", "yes", 1);
        setenv("UNWANTED", "yes", 1);
        setenv("PYTHONPATH", "/evil", 1);
        setenv("DJANGO_SETTINGS_MODULE", "prod.settings", 1);
        assert_int_equal(process_run(f->context, &spec, &result, &error), 0);
        for (size_t i = 0; i < seen.lines.count; i++) {
                const char *line = seen.lines.items[i];

                assert_null(strstr(line, "UNWANTED"));
                assert_null(strstr(line, "PYTHONPATH"));
                assert_null(strstr(line, "DJANGO"));
                given |= text_equal(line, "out:WANTED=yes");
                in_directory |= text_equal(line + 4, f->root);
        }
        assert_true(given && in_directory);
        assert_string_equal(seen.lines.items[seen.lines.count - 2], "out:0002");
        assert_string_equal(seen.lines.items[seen.lines.count - 3], "out:from fd");
        assert_string_equal(seen.lines.items[seen.lines.count - 4], "out:from input");
        // "total", 0 to 3, and the directory that ls itself opens.
        assert_string_equal(seen.lines.items[seen.lines.count - 5], "out:6");
        free(result.tail);
        text_list_clear(&seen.lines);
        close(fd);
}

static void cancel_ends_a_program_that_ignores_it(void **state)
{
        Seen seen = {.cancel_at_line = *state};
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;
        int64_t start = clock_monotonic_us();

        assert_int_equal(run(*state, &seen, "trap '' TERM; echo up; while :; do sleep 60; done",
                                 &result, &error),
                -ECANCELED);
        assert_true(clock_monotonic_us() - start < 10 * US_PER_SECOND);
        text_list_clear(&seen.lines);
}

static void a_deadline_is_told_from_a_cancel(void **state)
{
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;

        step_fixture_expire(*state);
        assert_int_equal(run(*state, NULL, "sleep 60", &result, &error), -ETIME);
}

static void one_that_takes_longer_than_its_limit_is_ended(void **state)
{
        StepFixture *f = *state;
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;
        const ProcessSpec spec = {.argv = (const char *const[]){"/bin/sh", "-c",
                                          "trap '' TERM; while :; do sleep 60; done", NULL},
                .limit_ms = 100,
                .grace_ms = 100};

        text_list_add(&f->policy.commands, "/bin/sh");
        assert_int_equal(process_run(f->context, &spec, &result, &error), -ETIMEDOUT);
        assert_string_equal(error.code, "slow");
        assert_non_null(strstr(error.why, "0 s"));
}

static void a_callback_can_end_it(void **state)
{
        Seen seen = {.answer = -EBADMSG};
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;

        assert_int_equal(run(*state, &seen, "echo x; sleep 60", &result, &error), -EBADMSG);
        assert_int_equal(seen.lines.count, 1);
        assert_non_null(error.code);
        text_list_clear(&seen.lines);
}

// A zombie is dead: who adopted it may take its time to ask.
static bool alive(pid_t pid)
{
        _cleanup_free_ char *path = text_format("/proc/%d/stat", (int)pid), *text = NULL;
        const char *name_end;

        if (file_read(path, 4096, &text, NULL) < 0)
                return false;
        name_end = strrchr(text, ')');
        return name_end && name_end[2] != 'Z';
}

static void nothing_that_it_started_is_left_behind(void **state)
{
        Seen seen = {0};
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;

        assert_int_equal(run(*state, &seen, "sleep 1000 & echo $!", &result, &error), 0);
        assert_int_equal(seen.lines.count, 1);
        pid_t pid = (pid_t)strtol(seen.lines.items[0] + 4, NULL, 10);
        for (int i = 0; i < 1000 && alive(pid); i++)
                poll(NULL, 0, 5);
        assert_false(alive(pid));
        free(result.tail);
        text_list_clear(&seen.lines);
}

// The runner of another process: prints the program's children to `out`, and waits.
static _Noreturn void be_a_runner(StepFixture *f, int out)
{
        Error error = ERROR_EMPTY;
        ProcessResult result;
        const ProcessSpec spec = {
                .argv = (const char *const[]){"/bin/sh", "-c",
                        "sleep 1000 & echo $! >&3; exec 3>&-; sleep 1000", NULL},
                .fds = &out,
                .fd_count = 1,
        };

        _exit(process_run(f->context, &spec, &result, &error) == 0);
}

static void a_killed_runner_takes_it_all_along(void **state)
{
        int ends[2];
        char text[32] = "";
        pid_t runner, grandchild;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        runner = fork();
        if (runner == 0)
                be_a_runner(*state, ends[1]);
        assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
        grandchild = (pid_t)strtol(text, NULL, 10);
        assert_true(alive(grandchild));
        kill(runner, SIGKILL);
        assert_int_equal(waitpid(runner, NULL, 0), runner);
        for (int i = 0; i < 1000 && alive(grandchild); i++)
                poll(NULL, 0, 5);
        assert_false(alive(grandchild));
        close(ends[0]);
        close(ends[1]);
}

static void endless_output_ends_the_program(void **state)
{
        Error error _cleanup_error_ = ERROR_EMPTY;
        ProcessResult result;

        assert_int_equal(run(*state, NULL, "cat /dev/zero", &result, &error), -EFBIG);
        assert_string_equal(error.code, "output");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(its_lines_and_its_end_are_told),
                TEST(without_a_callback_lines_go_to_the_log),
                TEST(a_failing_program_is_an_error_with_its_last_words),
                TEST(a_program_that_is_not_there_is_not_run),
                TEST(it_sees_a_clean_environment_and_no_descriptors_but_its_own),
                TEST(cancel_ends_a_program_that_ignores_it),
                TEST(a_deadline_is_told_from_a_cancel),
                TEST(one_that_takes_longer_than_its_limit_is_ended),
                TEST(a_callback_can_end_it),
                TEST(nothing_that_it_started_is_left_behind),
                TEST(a_killed_runner_takes_it_all_along),
                TEST(endless_output_ends_the_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
