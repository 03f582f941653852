#include "base/command.h"

#include "base/text.h"

#define DEPTH_MAX 4

// What was given for one word of the tables.
typedef struct Given {
        const CommandWord *word;
        TextList values; // of a flag: one empty text
} Given;

struct CommandLine {
        const Command *path[DEPTH_MAX];
        size_t depth;
        char *words;
        Given *given;
        size_t given_count;
        TextList loose; // what is no option, in order
        FILE *errors;
};

// parse_*() return CONTINUE, or the program's exit status.
enum { CONTINUE = -1 };

static void line_clear(CommandLine *line)
{
        for (size_t i = 0; i < line->given_count; i++)
                text_list_clear(&line->given[i].values);
        free(line->given);
        free(line->words);
        text_list_clear(&line->loose);
}

static const Command *line_command(const CommandLine *line)
{
        return line->path[line->depth - 1];
}

static const Given *line_given(const CommandLine *line, const char *name)
{
        for (size_t i = 0; i < line->given_count; i++)
                if (strcmp(line->given[i].word->name, name) == 0)
                        return &line->given[i];
        fprintf(stderr, "no word '%s' in the table of '%s'\n", name, line_command(line)->name);
        abort();
}

const char *command_value(const CommandLine *line, const char *name)
{
        const Given *given = line_given(line, name);

        return given->values.count ? given->values.items[0] : NULL;
}

const char *const *command_values(const CommandLine *line, const char *name, size_t *ret_count)
{
        const Given *given = line_given(line, name);

        *ret_count = given->values.count;
        return (const char *const *)given->values.items;
}

bool command_flag(const CommandLine *line, const char *name)
{
        return line_given(line, name)->values.count > 0;
}

const char *command_words(const CommandLine *line)
{
        return line->words;
}

// ---------------------------------------------------------------- words that are not known

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

// Edits (a letter more, less, other, or two swapped) that make `from` into `to`; both are cut at 31
// letters.
static size_t edit_distance(const char *from, const char *to)
{
        size_t rows[32][32], m = least(strlen(from), 31), n = least(strlen(to), 31);

        for (size_t i = 0; i <= m; i++)
                rows[i][0] = i;
        for (size_t j = 0; j <= n; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= m; i++) {
                for (size_t j = 1; j <= n; j++) {
                        size_t other = rows[i - 1][j - 1] + (from[i - 1] != to[j - 1]);

                        rows[i][j] = least(other, least(rows[i - 1][j], rows[i][j - 1]) + 1);
                        if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
                }
        }
        return rows[m][n];
}

typedef struct Nearest {
        const char *typed;
        const char *word;
        size_t distance;
} Nearest;

static void nearest_offer(Nearest *nearest, const char *word)
{
        size_t distance =
                text_starts(word, nearest->typed) ? 0 : edit_distance(nearest->typed, word);

        if (nearest->word && distance >= nearest->distance)
                return;
        nearest->word = word;
        nearest->distance = distance;
}

static int complain(const CommandLine *line, const char *format, ...) _printf_(2, 3);
static int complain(const CommandLine *line, const char *format, ...)
{
        va_list arguments;

        fprintf(line->errors, "%s: ", line->words);
        va_start(arguments, format);
        vfprintf(line->errors, format, arguments);
        va_end(arguments);
        fprintf(line->errors, "\nType '%s --help' for the manual.\n", line->words);
        return COMMAND_USAGE;
}

static int complain_unknown(
        const CommandLine *line, const char *kind, const char *dashes, const Nearest *nearest)
{
        _cleanup_free_ char *typed = text_escape(nearest->typed, strlen(nearest->typed));

        if (nearest->word)
                return complain(line, "unknown %s '%s%s', did you mean '%s%s'?", kind, dashes,
                        typed, dashes, nearest->word);
        return complain(line, "unknown %s '%s%s'", kind, dashes, typed);
}

// ---------------------------------------------------------------- reading the words

static void line_add_words(CommandLine *line, const CommandWord *words)
{
        for (const CommandWord *word = words; word && word->name; word++) {
                line->given =
                        memory_grow(line->given, (line->given_count + 1) * sizeof(*line->given));
                line->given[line->given_count++] = (Given){.word = word};
        }
}

static void line_enter(CommandLine *line, const Command *command)
{
        char *words = line->depth ? text_format("%s %s", line->words, command->name)
                                  : text_copy(command->name);

        if (line->depth == DEPTH_MAX)
                abort();
        free(line->words);
        line->words = words;
        line->path[line->depth++] = command;
        line_add_words(line, command->options);
}

static int give(const CommandLine *line, Given *given, const char *dashes, const char *value)
{
        const CommandWord *word = given->word;
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (given->values.count && !(word->flags & COMMAND_REPEATED))
                return complain(line, "%s%s is given twice", dashes, word->name);
        if (word->check && word->check(value, &error) < 0) {
                _cleanup_free_ char *why = error_line(&error);

                return complain(line, "%s%s: %s", dashes, word->name, why);
        }
        text_list_add(&given->values, value);
        return CONTINUE;
}

// Reads the option at argv[*at], and the value behind it.
static int parse_option(CommandLine *line, int argc, char *const *argv, int *at)
{
        const char *typed = argv[*at] + 2, *equals = strchr(typed, '=');
        _cleanup_free_ char *name =
                equals ? text_copy_n(typed, (size_t)(equals - typed)) : text_copy(typed);
        Nearest nearest = {.typed = name};
        Given *given = NULL;

        for (size_t i = 0; i < line->given_count; i++) {
                nearest_offer(&nearest, line->given[i].word->name);
                if (strcmp(line->given[i].word->name, name) == 0)
                        given = &line->given[i];
        }
        if (!given)
                return complain_unknown(line, "option", "--", &nearest);
        if (!given->word->value && equals)
                return complain(line, "--%s takes no value", name);
        if (!given->word->value)
                return give(line, given, "--", "");
        if (equals)
                return give(line, given, "--", equals + 1);
        if (*at + 1 >= argc || text_starts(argv[*at + 1], "--"))
                return complain(
                        line, "--%s wants a value: --%s=%s", name, name, given->word->value);
        return give(line, given, "--", argv[++*at]);
}

static int parse_command(CommandLine *line, const char *typed)
{
        Nearest nearest = {.typed = typed};

        for (const Command *command = line_command(line)->commands; command->name; command++) {
                if (strcmp(command->name, typed) == 0) {
                        line_enter(line, command);
                        return CONTINUE;
                }
                if (!command->hidden)
                        nearest_offer(&nearest, command->name);
        }
        return complain_unknown(line, "command", "", &nearest);
}

static int parse_words(CommandLine *line, int argc, char *const *argv, FILE *out)
{
        bool options = true;

        for (int at = 1, status; at < argc; at++) {
                const char *word = argv[at];

                if (options && strcmp(word, "--") == 0) {
                        options = false;
                } else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
                        command_manual(line->path, line->depth, out);
                        return COMMAND_OK;
                } else if (options && strcmp(word, "--version") == 0) {
                        fprintf(out, "%s %s\n", line->path[0]->name, UNDERSTUDY_VERSION);
                        return COMMAND_OK;
                } else if (options && text_starts(word, "--")) {
                        status = parse_option(line, argc, argv, &at);
                        if (status != CONTINUE)
                                return status;
                } else if (options && word[0] == '-' && word[1]) {
                        return complain(
                                line, "unknown option '%s', all options are long ones", word);
                } else if (line_command(line)->commands) {
                        status = parse_command(line, word);
                        if (status != CONTINUE)
                                return status;
                } else {
                        text_list_add(&line->loose, word);
                }
        }
        return CONTINUE;
}

// ---------------------------------------------------------------- completing the line

static int complain_no_command(const CommandLine *line)
{
        const Command *commands = line_command(line)->commands;

        fprintf(line->errors, "%s: a command is missing, one of:\n", line->words);
        for (const Command *command = commands; command->name; command++)
                if (!command->hidden)
                        fprintf(line->errors, "  %-10s %s\n", command->name, command->summary);
        fprintf(line->errors, "Type '%s --help' for the manual.\n", line->words);
        return COMMAND_USAGE;
}

// Hands out what is no option to the positionals.
static int assign_positionals(CommandLine *line)
{
        size_t next = 0, first = line->given_count;

        line_add_words(line, line_command(line)->positionals);
        for (size_t i = first; i < line->given_count; i++) {
                Given *given = &line->given[i];
                bool many = given->word->flags & COMMAND_REPEATED;

                if (next == line->loose.count && !(given->word->flags & COMMAND_OPTIONAL))
                        return complain(line, "%s is missing", given->word->name);
                while (next < line->loose.count && (many || !given->values.count)) {
                        int status = give(line, given, "", line->loose.items[next++]);

                        if (status != CONTINUE)
                                return status;
                }
        }
        if (next < line->loose.count) {
                _cleanup_free_ char *word =
                        text_escape(line->loose.items[next], strlen(line->loose.items[next]));

                return complain(line, "'%s' is one word too many", word);
        }
        return CONTINUE;
}

static int apply_defaults(CommandLine *line)
{
        for (size_t i = 0; i < line->given_count; i++) {
                Given *given = &line->given[i];
                const CommandWord *word = given->word;
                const char *value = word->environment ? getenv(word->environment) : NULL;

                if (given->values.count)
                        continue;
                if (text_blank(value))
                        value = word->fallback;
                if (value) {
                        int status = give(line, given, word->value ? "--" : "", value);

                        if (status != CONTINUE)
                                return status;
                } else if (word->flags & COMMAND_REQUIRED) {
                        return complain(line, "--%s %s is missing", word->name, word->value);
                }
        }
        return CONTINUE;
}

int command_run(const Command *program, int argc, char *const *argv, FILE *out, FILE *errors)
{
        _cleanup_(line_clear) CommandLine line = {.errors = errors};
        int status;

        line_enter(&line, program);
        status = parse_words(&line, argc, argv, out);
        if (status == CONTINUE && line_command(&line)->commands)
                status = complain_no_command(&line);
        if (status == CONTINUE)
                status = assign_positionals(&line);
        if (status == CONTINUE)
                status = apply_defaults(&line);
        if (status == CONTINUE)
                status = line_command(&line)->run(&line);
        return status;
}

int command_main(const Command *program, int argc, char *const *argv)
{
        int status = command_run(program, argc, argv, stdout, stderr);

        // A full disk or a closed pipe behind standard output is a failure, not a success.
        if (fflush(stdout) != 0 && status == COMMAND_OK) {
                fprintf(stderr, "%s: standard output: %s\n", program->name, strerror(errno));
                return COMMAND_FAILED;
        }
        return status;
}
