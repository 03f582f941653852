// A configuration file read by a table, and the file that the table writes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/option.h"

typedef struct Sample {
        char *address;
        char *directory;
        TextList roots;
        TextList variables;
        uint64_t tasks;
        uint64_t cache;
        uint64_t grace;
        bool quiet;
} Sample;

static int check_address(const char *value, Error *error)
{
        if (strchr(value, ':'))
                return 0;
        error_set(error, -EINVAL, "configuration", "'%s' is no address", value);
        error_why(error, "it has no port");
        return -EINVAL;
}

static const Option options[] = {
        {"controller", "address", OPTION_TEXT, offsetof(Sample, address), NULL,
                .check = check_address, .help = "Where the controller listens, as HOST:PORT."},
        {"policy", "root", OPTION_LIST, offsetof(Sample, roots), NULL,
                .help = "A root directory. May be repeated."},
        {"policy", "environment", OPTION_LIST, offsetof(Sample, variables), "HTTP_PROXY NO_PROXY",
                .help = "A variable let through."},
        {"policy", "directory", OPTION_PATH, offsetof(Sample, directory), "/var/log",
                .help = "A directory."},
        {"limits", "tasks", OPTION_NUMBER, offsetof(Sample, tasks), "8", .least = 1, .most = 64,
                .help = "Tasks at once."},
        {"limits", "cache", OPTION_SIZE, offsetof(Sample, cache), "4 MiB", .help = "A size."},
        {"limits", "grace", OPTION_DURATION, offsetof(Sample, grace), "30 s", .least = 1,
                .help = "A duration."},
        {"limits", "quiet", OPTION_BOOLEAN, offsetof(Sample, quiet), "no", .help = "A switch."},
        {0},
};

#define FILE_NAME "option-test.conf"

static int enter_directory(void **state)
{
        char template[] = "/tmp/understudy-option-XXXXXX";

        assert_non_null(mkdtemp(template));
        assert_int_equal(chdir(template), 0);
        *state = text_copy(template);
        return 0;
}

static int leave_directory(void **state)
{
        unlink(FILE_NAME);
        assert_int_equal(chdir("/"), 0);
        assert_int_equal(rmdir(*state), 0);
        free(*state);
        return 0;
}

static int read_text(const char *text, Sample *sample, Error *error)
{
        *sample = (Sample){0};
        assert_int_equal(file_write(FILE_NAME, text, strlen(text), 0600), 0);
        return option_read(FILE_NAME, options, sample, error);
}

static void assert_refused(const char *text, int result, const char *where, const char *word)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *line = NULL;
        Sample sample;

        assert_int_equal(read_text(text, &sample, &error), result);
        assert_string_equal(error.code, "configuration");
        assert_string_equal(error.where, where);
        line = error_line(&error);
        if (!strstr(line, word))
                fail_msg("'%s' does not say '%s'", line, word);
        option_clear(options, &sample);
}

static void defaults_hold_for_what_a_file_leaves_out(void **state)
{
        (void)state;
        Sample sample;

        assert_int_equal(read_text("", &sample, NULL), 0);
        assert_null(sample.address);
        assert_int_equal(sample.roots.count, 0);
        assert_int_equal(sample.variables.count, 2);
        assert_string_equal(sample.variables.items[1], "NO_PROXY");
        assert_int_equal(sample.tasks, 8);
        assert_int_equal(sample.cache, 4 << 20);
        assert_int_equal(sample.grace, 30);
        assert_false(sample.quiet);
        option_clear(options, &sample);
}

static void values_of_every_type_are_read(void **state)
{
        (void)state;
        Sample sample;

        assert_int_equal(read_text("# a comment\n[controller]\naddress = [::1]:7700\n\n[policy]\n"
                                   "root = /srv/a ; not a comment\nroot=/srv/b\ndirectory = /x y\n"
                                   "[limits]\r\ntasks = 64\r\ncache=3 GB\ngrace = 2 h\nquiet = yes",
                                 &sample, NULL),
                0);
        assert_string_equal(sample.address, "[::1]:7700");
        assert_int_equal(sample.roots.count, 2);
        assert_string_equal(sample.roots.items[0], "/srv/a ; not a comment");
        assert_string_equal(sample.roots.items[1], "/srv/b");
        assert_string_equal(sample.directory, "/x y");
        assert_int_equal(sample.tasks, 64);
        assert_int_equal(sample.cache, 3000000000);
        assert_int_equal(sample.grace, 7200);
        assert_true(sample.quiet);
        option_clear(options, &sample);
        assert_null(sample.address);
}

static void a_list_in_the_file_replaces_the_default_list(void **state)
{
        (void)state;
        Sample sample;

        assert_int_equal(read_text("[policy]\nenvironment = ONE\n", &sample, NULL), 0);
        assert_int_equal(sample.variables.count, 1);
        option_clear(options, &sample);
        assert_int_equal(read_text("[policy]\nenvironment =\n", &sample, NULL), 0);
        assert_int_equal(sample.variables.count, 0);
        option_clear(options, &sample);
}

static void unknown_keys_and_sections_are_errors_with_file_and_line(void **state)
{
        (void)state;
        assert_refused("[policy]\n\nroots = /srv\n", -EINVAL, FILE_NAME ":3",
                "its options are: root, environment, directory");
        assert_refused("[polcy]\nroot = /srv\n", -EINVAL, FILE_NAME ":2",
                "the sections are: controller, policy, limits");
        assert_refused("root = /srv\n", -EINVAL, FILE_NAME ":1", "before the first section");
}

static void lines_that_say_nothing_are_errors(void **state)
{
        char longest[5000];

        (void)state;
        assert_refused("[policy\n", -EINVAL, FILE_NAME ":1", "cannot be read");
        assert_refused("[policy]\nroot\n", -EINVAL, FILE_NAME ":2", "neither");
        assert_refused(
                "[policy]\nroot = /a\n /b\n", -EINVAL, FILE_NAME ":3", "begins with a blank");
        snprintf(longest, sizeof(longest), "[policy]\nroot = /%04000d\n", 0);
        assert_refused(longest, -EINVAL, FILE_NAME ":2", "too long");
}

static void values_out_of_bounds_or_of_another_type_are_errors(void **state)
{
        (void)state;
        assert_refused("[limits]\ntasks = 0\n", -ERANGE, FILE_NAME ":2", "between 1 and 64");
        assert_refused("[limits]\ntasks = 65\n", -ERANGE, FILE_NAME ":2", "between 1 and 64");
        assert_refused("[limits]\ngrace = 0 s\n", -ERANGE, FILE_NAME ":2", "1 or more");
        assert_refused("[limits]\ntasks = many\n", -EINVAL, FILE_NAME ":2", "'many'");
        assert_refused("[limits]\ncache = 3 apples\n", -EINVAL, FILE_NAME ":2", "4 GB");
        assert_refused("[limits]\ngrace = soon\n", -EINVAL, FILE_NAME ":2", "15 min");
        assert_refused("[limits]\nquiet = 1\n", -EINVAL, FILE_NAME ":2", "yes or no");
        assert_refused("[policy]\ndirectory = log\n", -EINVAL, FILE_NAME ":2", "absolute");
        assert_refused("[controller]\naddress = here\n", -EINVAL, FILE_NAME ":2", "no port");
}

static void an_option_given_twice_is_an_error(void **state)
{
        (void)state;
        assert_refused("[limits]\ntasks = 1\ntasks = 2\n", -EINVAL, FILE_NAME ":3", "line 2");
}

static void a_file_with_a_zero_byte_or_none_at_all_is_an_error(void **state)
{
        (void)state;
        _cleanup_error_ Error error = ERROR_EMPTY;
        Sample sample = {0};

        assert_int_equal(file_write(FILE_NAME, "[policy]\n\0\n", 11, 0600), 0);
        assert_int_equal(option_read(FILE_NAME, options, &sample, &error), -EINVAL);
        assert_int_equal(unlink(FILE_NAME), 0);
        assert_int_equal(option_read(FILE_NAME, options, &sample, &error), -ENOENT);
        assert_string_equal(error.where, FILE_NAME);
}

static void the_rendered_defaults_are_all_comments_and_read_back_as_the_defaults(void **state)
{
        (void)state;
        _cleanup_free_ char *text = option_render(options, NULL);
        Sample sample;

        assert_non_null(
                strstr(text, "\n# Where the controller listens, as HOST:PORT.\n#address =\n"));
        assert_non_null(strstr(text, "\n#environment = HTTP_PROXY\n#environment = NO_PROXY\n"));
        assert_non_null(strstr(text, "\n#cache = 4 MiB\n"));
        assert_int_equal(read_text(text, &sample, NULL), 0);
        assert_int_equal(sample.tasks, 8);
        option_clear(options, &sample);
}

static void a_rendered_configuration_reads_back_as_it_was(void **state)
{
        (void)state;
        Sample sample, again;
        char *text;

        assert_int_equal(read_text("[controller]\naddress = a:1\n[policy]\nroot = /a\nroot = /b\n"
                                   "[limits]\ncache = 5 GB\ngrace = 90 s\nquiet = yes\n",
                                 &sample, NULL),
                0);
        text = option_render(options, &sample);
        assert_non_null(strstr(text, "\ncache = 5 GB\n"));
        assert_non_null(strstr(text, "\n#tasks = 8\n"));
        assert_int_equal(read_text(text, &again, NULL), 0);
        for (const Option *option = options; option->name; option++) {
                _cleanup_free_ char *before = option_text(option, &sample);
                _cleanup_free_ char *after = option_text(option, &again);

                assert_string_equal(before, after);
        }
        free(text);
        option_clear(options, &sample);
        option_clear(options, &again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(defaults_hold_for_what_a_file_leaves_out),
                TEST(values_of_every_type_are_read),
                TEST(a_list_in_the_file_replaces_the_default_list),
                TEST(unknown_keys_and_sections_are_errors_with_file_and_line),
                TEST(lines_that_say_nothing_are_errors),
                TEST(values_out_of_bounds_or_of_another_type_are_errors),
                TEST(an_option_given_twice_is_an_error),
                TEST(a_file_with_a_zero_byte_or_none_at_all_is_an_error),
                TEST(the_rendered_defaults_are_all_comments_and_read_back_as_the_defaults),
                TEST(a_rendered_configuration_reads_back_as_it_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
