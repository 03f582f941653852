#include "base/command.h"
#include "base/text.h"
#include "test.h"

static char seen[256]; // what the command that ran was given

static int run_show(const CommandLine *line)
{
        size_t count;
        const char *const *tags = command_values(line, "tag", &count);

        snprintf(seen, sizeof(seen), "%s|%s|%s|%zu%s%s|%d|%s", command_words(line),
                command_value(line, "NAME"), command_value(line, "dir"), count, count ? "," : "",
                count ? tags[count - 1] : "", command_flag(line, "json"),
                command_value(line, "EXTRA") ? command_value(line, "EXTRA") : "-");
        return 7;
}

static int check_name(const char *value, Error *error)
{
        if (strcmp(value, "bad") != 0)
                return 0;
        return error_set(error, -EINVAL, "bad-name", "'bad' is no name");
}

static const CommandWord program_options[] = {
        {.name = "dir",
                .value = "DIR",
                .help = "Where it lives.",
                .environment = "TEST_COMMAND_DIR",
                .fallback = "/var/lib/x"},
        {.name = "json", .help = "Prints JSON."},
        {0},
};
static const CommandWord show_options[] = {
        {.name = "tag", .value = "TAG", .help = "A tag.", .flags = COMMAND_REPEATED},
        {0},
};
static const CommandWord show_positionals[] = {
        {.name = "NAME", .help = "Which one.", .check = check_name},
        {.name = "EXTRA", .help = "More.", .flags = COMMAND_OPTIONAL},
        {0},
};
static const CommandWord need_options[] = {
        {.name = "token", .value = "TOKEN", .help = "The token.", .flags = COMMAND_REQUIRED},
        {0},
};
static int run_need(const CommandLine *line)
{
        snprintf(seen, sizeof(seen), "%s", command_value(line, "token"));
        return 0;
}
static const CommandNote show_examples[] = {
        {"prog host show anna", "Shows anna."},
        {0},
};
static const Command host_commands[] = {
        {.name = "show",
                .summary = "show a host",
                .description = "A long paragraph that has to be filled into lines, because nobody "
                               "counts columns while writing tables of commands.\n\n"
                               "  kept   as it is",
                .positionals = show_positionals,
                .options = show_options,
                .examples = show_examples,
                .run = run_show},
        {.name = "list", .summary = "list hosts", .run = run_need},
        {0},
};
static const Command commands[] = {
        {.name = "host", .summary = "hosts", .commands = host_commands},
        {.name = "need", .summary = "needs a token", .options = need_options, .run = run_need},
        {.name = "inner", .summary = "not for people", .run = run_need, .hidden = true},
        {0},
};
static const CommandNote statuses[] = {
        {"0", "done"},
        {"3", "the controller cannot be reached, because it is not running or because the socket "
              "belongs to somebody else"},
        {0},
};
static const Command program = {
        .name = "prog",
        .summary = "a program",
        .options = program_options,
        .commands = commands,
        .statuses = statuses,
};

typedef struct Answer {
        int status;
        char *out;
        char *errors;
} Answer;

static void answer_clear(Answer *answer)
{
        free(answer->out);
        free(answer->errors);
}
#define _cleanup_answer_ _cleanup_(answer_clear)

// `words` are separated by single blanks; "^" stands for an empty word.
static Answer run(const char *words)
{
        _cleanup_free_ char *copy = text_copy(words);
        char *argv[16] = {"prog"}, *rest = copy;
        int argc = 1;
        Answer answer = {0};
        size_t size;
        FILE *out = open_memstream(&answer.out, &size);
        FILE *errors = open_memstream(&answer.errors, &size);

        for (char *word = strsep(&rest, " "); word && *word; word = strsep(&rest, " "))
                argv[argc++] = strcmp(word, "^") == 0 ? "" : word;
        seen[0] = '\0';
        answer.status = command_run(&program, argc, argv, out, errors);
        fclose(out);
        fclose(errors);
        return answer;
}

static void assert_has(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("no '%s' in:\n%s", part, text);
}

static void assert_refused(const char *words, const char *complaint)
{
        _cleanup_answer_ Answer answer = run(words);

        assert_int_equal(answer.status, COMMAND_USAGE);
        assert_has(answer.errors, complaint);
        assert_has(answer.errors, "--help");
        assert_string_equal(answer.out, "");
        assert_string_equal(seen, "");
}

static void assert_ran(const char *words, const char *expected)
{
        _cleanup_answer_ Answer answer = run(words);

        assert_string_equal(answer.errors, "");
        assert_string_equal(seen, expected);
}

static void words_reach_the_command_that_runs(void **state)
{
        (void)state;
        assert_ran("host show anna", "prog host show|anna|/var/lib/x|0|0|-");
        assert_ran("--dir /d host --json show --tag a anna more --tag=b",
                "prog host show|anna|/d|2,b|1|more");
        assert_ran("host show anna --tag=", "prog host show|anna|/var/lib/x|1,|0|-");
}

static void the_exit_status_is_the_commands(void **state)
{
        _cleanup_answer_ Answer answer = run("host show anna");

        (void)state;
        assert_int_equal(answer.status, 7);
}

static void two_dashes_end_the_options(void **state)
{
        (void)state;
        assert_ran("host show -- --json --", "prog host show|--json|/var/lib/x|0|0|--");
        assert_ran("host show -", "prog host show|-|/var/lib/x|0|0|-");
}

static void a_default_comes_from_the_environment_then_from_the_table(void **state)
{
        (void)state;
        setenv("TEST_COMMAND_DIR", "/env", 1);
        assert_ran("host show anna", "prog host show|anna|/env|0|0|-");
        setenv("TEST_COMMAND_DIR", "", 1);
        assert_ran("host show anna", "prog host show|anna|/var/lib/x|0|0|-");
        unsetenv("TEST_COMMAND_DIR");
}

static void an_unknown_word_is_answered_with_the_nearest_one(void **state)
{
        (void)state;
        assert_refused("hots show anna", "unknown command 'hots', did you mean 'host'?");
        assert_refused("host shwo anna", "did you mean 'show'?");
        assert_refused("host show anna --jsn", "did you mean '--json'?");
        assert_refused("host show anna --ta", "unknown option '--ta', did you mean '--tag'?");
        assert_refused("innr", "did you mean");
        assert_refused("host show anna -v", "unknown option '-v'");
        assert_refused("\033[31m", "unknown command '\\033[31m'");
        assert_refused("a_word_that_is_much_longer_than_any_word_of_the_table", "did you mean");
        assert_refused("^ host", "unknown command ''");
}

static void a_hidden_command_runs_but_is_not_offered(void **state)
{
        _cleanup_answer_ Answer missing = run("^");
        _cleanup_answer_ Answer manual = run("--help");

        (void)state;
        assert_null(strstr(missing.errors, "inner"));
        assert_null(strstr(manual.out, "inner"));
        assert_refused("inner extra", "'extra' is one word too many");
}

static void wrong_words_are_refused(void **state)
{
        (void)state;
        assert_refused("host show", "NAME is missing");
        assert_refused("host show a b c", "'c' is one word too many");
        assert_refused("host show bad", "NAME: 'bad' is no name");
        assert_refused("host show anna --tag", "--tag wants a value: --tag=TAG");
        assert_refused("host show anna --tag --json", "--tag wants a value");
        assert_refused("host show anna --json=yes", "--json takes no value");
        assert_refused("host show anna --dir a --dir b", "--dir is given twice");
        assert_refused("need", "--token TOKEN is missing");
        assert_refused("host", "a command is missing");
        assert_refused("host show anna --tag=a --=", "unknown option '--'");
}

static void no_command_lists_them(void **state)
{
        _cleanup_answer_ Answer answer = run("host");

        (void)state;
        assert_has(answer.errors, "show       show a host\n");
}

static void assert_narrow(const char *manual)
{
        while (*manual) {
                size_t length = strcspn(manual, "\n");

                assert_in_range(length, 0, 80);
                manual += length + (manual[length] != '\0');
        }
}

static void every_level_has_a_manual_of_80_columns(void **state)
{
        static const char *const levels[] = {"--help", "host --help", "host show --help", "need -h",
                "host show anna bad x --help"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(levels); i++) {
                _cleanup_answer_ Answer answer = run(levels[i]);

                assert_int_equal(answer.status, 0);
                assert_string_equal(answer.errors, "");
                assert_has(answer.out, "NAME\n       prog");
                assert_has(answer.out, "\nSYNOPSIS\n       prog");
                assert_has(answer.out, "\nOPTIONS\n");
                assert_has(answer.out, "\nEXIT STATUS\n       0   done\n       3   the controller");
                assert_narrow(answer.out);
        }
}

static void a_manual_says_all_the_table_knows(void **state)
{
        _cleanup_answer_ Answer answer = run("host show --help");

        (void)state;
        assert_has(answer.out, "prog host show - show a host\n");
        assert_has(answer.out, "SYNOPSIS\n       prog host show [--dir DIR] [--json] [--tag "
                               "TAG]... NAME [EXTRA]\n");
        assert_has(answer.out, "filled into lines, because nobody counts\n       columns");
        assert_has(answer.out, "\n         kept   as it is\n");
        assert_has(answer.out, "\nARGUMENTS\n       NAME\n              Which one.\n");
        assert_has(answer.out, "--tag TAG\n              A tag. May be given more than once.\n");
        assert_has(answer.out, "Where it lives. Default: $TEST_COMMAND_DIR, else /var/lib/x.\n");
        assert_has(
                answer.out, "\nEXAMPLES\n       prog host show anna\n              Shows anna.\n");
}

static void the_version_is_the_programs(void **state)
{
        _cleanup_answer_ Answer answer = run("host --version");

        (void)state;
        assert_int_equal(answer.status, 0);
        assert_string_equal(answer.out, "prog " UNDERSTUDY_VERSION "\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_reach_the_command_that_runs),
                cmocka_unit_test(the_exit_status_is_the_commands),
                cmocka_unit_test(two_dashes_end_the_options),
                cmocka_unit_test(a_default_comes_from_the_environment_then_from_the_table),
                cmocka_unit_test(an_unknown_word_is_answered_with_the_nearest_one),
                cmocka_unit_test(a_hidden_command_runs_but_is_not_offered),
                cmocka_unit_test(wrong_words_are_refused),
                cmocka_unit_test(no_command_lists_them),
                cmocka_unit_test(every_level_has_a_manual_of_80_columns),
                cmocka_unit_test(a_manual_says_all_the_table_knows),
                cmocka_unit_test(the_version_is_the_programs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
