// Manual pages of commands, from their tables.
#include <stdarg.h>

#include "base/command.h"
#include "base/text.h"

#define WIDTH   80
#define INDENT  7 // as man(1) sets them
#define HANGING 14

// A text being filled into lines. Every byte counts as one column: manuals are ASCII.
typedef struct Filler {
        FILE *out;
        size_t indent;
        size_t column; // 0: at the start of a line
        bool behind_word;
} Filler;

static void fill_end(Filler *filler)
{
        if (filler->column)
                fputc('\n', filler->out);
        filler->column = 0;
        filler->behind_word = false;
}

// Adds a word that is never broken.
static void fill_word(Filler *filler, const char *word, size_t length)
{
        if (filler->column && filler->column + 1 + length > WIDTH)
                fill_end(filler);
        if (!filler->column) {
                fprintf(filler->out, "%*s", (int)filler->indent, "");
                filler->column = filler->indent;
        } else if (filler->behind_word) {
                fputc(' ', filler->out);
                filler->column++;
        }
        fwrite(word, 1, length, filler->out);
        filler->column += length;
        filler->behind_word = true;
}

static void fill_text(Filler *filler, const char *text)
{
        while (*text) {
                size_t length = strcspn(text, " \n");

                if (length)
                        fill_word(filler, text, length);
                text += length + (text[length] != '\0');
        }
}

static void fill_format(Filler *filler, const char *format, ...) _printf_(2, 3);
static void fill_format(Filler *filler, const char *format, ...)
{
        _cleanup_free_ char *word = NULL;
        va_list arguments;

        va_start(arguments, format);
        word = text_vformat(format, arguments);
        va_end(arguments);
        fill_word(filler, word, strlen(word));
}

static void write_paragraphs(FILE *out, size_t indent, const char *text)
{
        Filler filler = {.out = out, .indent = indent};

        while (*text) {
                size_t length = strcspn(text, "\n");
                _cleanup_free_ char *line = text_copy_n(text, length);

                if (!length || *line == ' ')
                        fill_end(&filler);
                if (!length)
                        fputc('\n', out);
                else if (*line == ' ')
                        fprintf(out, "%*s%s\n", (int)indent, "", line);
                else
                        fill_text(&filler, line);
                text += length + (text[length] != '\0');
        }
        fill_end(&filler);
}

static void fill_option(Filler *filler, const CommandWord *option)
{
        bool required = option->flags & COMMAND_REQUIRED;
        const char *dots = option->flags & COMMAND_REPEATED ? "..." : "";

        fill_format(filler, "%s--%s%s%s%s%s", required ? "" : "[", option->name,
                option->value ? " " : "", option->value ? option->value : "", required ? "" : "]",
                dots);
}

static void fill_positional(Filler *filler, const CommandWord *word)
{
        bool optional = word->flags & COMMAND_OPTIONAL;

        fill_format(filler, "%s%s%s%s", optional ? "[" : "", word->name, optional ? "]" : "",
                word->flags & COMMAND_REPEATED ? "..." : "");
}

static char *path_words(const Command *const *path, size_t depth)
{
        char *words = text_copy(path[0]->name);

        for (size_t i = 1; i < depth; i++) {
                char *longer = text_format("%s %s", words, path[i]->name);

                free(words);
                words = longer;
        }
        return words;
}

static void write_synopsis(const Command *const *path, size_t depth, FILE *out)
{
        const Command *command = path[depth - 1];
        _cleanup_free_ char *words = path_words(path, depth);
        Filler filler = {.out = out, .indent = INDENT};

        fprintf(out, "\nSYNOPSIS\n");
        fill_word(&filler, words, strlen(words));
        filler.indent = HANGING;
        for (size_t i = 0; i < depth; i++)
                for (const CommandWord *option = path[i]->options; option && option->name; option++)
                        fill_option(&filler, option);
        if (command->commands)
                fill_text(&filler, "COMMAND ...");
        for (const CommandWord *word = command->positionals; word && word->name; word++)
                fill_positional(&filler, word);
        fill_end(&filler);
}

static void write_entry(FILE *out, const char *term, const char *help)
{
        fprintf(out, "%*s%s\n", INDENT, "", term);
        write_paragraphs(out, HANGING, help);
}

static void write_option(FILE *out, const CommandWord *option)
{
        _cleanup_free_ char *term = text_format("--%s%s%s", option->name, option->value ? " " : "",
                option->value ? option->value : "");
        _cleanup_free_ char *help = text_format("%s%s%s%s%s%s%s", option->help,
                option->flags & COMMAND_REPEATED ? " May be given more than once." : "",
                option->environment || option->fallback ? " Default: " : "",
                option->environment ? "$" : "", option->environment ? option->environment : "",
                option->environment && option->fallback ? ", else " : "",
                option->fallback ? option->fallback : "");
        _cleanup_free_ char *sentence = text_format("%s%s", help, text_ends(help, ".") ? "" : ".");

        write_entry(out, term, sentence);
}

static void write_options(const Command *const *path, size_t depth, FILE *out)
{
        fprintf(out, "\nOPTIONS\n");
        for (size_t i = depth; i > 0; i--)
                for (const CommandWord *option = path[i - 1]->options; option && option->name;
                        option++)
                        write_option(out, option);
        write_entry(out, "--help", "Shows this manual.");
        write_entry(out, "--version", "Shows the program's version.");
}

static void write_positionals(const CommandWord *words, FILE *out)
{
        if (!words || !words->name)
                return;
        fprintf(out, "\nARGUMENTS\n");
        for (; words->name; words++)
                write_entry(out, words->name, words->help);
}

static void write_commands(const Command *commands, FILE *out)
{
        if (!commands)
                return;
        fprintf(out, "\nCOMMANDS\n");
        for (; commands->name; commands++)
                if (!commands->hidden)
                        write_entry(out, commands->name, commands->summary);
}

static void write_statuses(const Command *const *path, size_t depth, FILE *out)
{
        const CommandNote *statuses = NULL;

        for (size_t i = 0; i < depth; i++)
                if (path[i]->statuses)
                        statuses = path[i]->statuses;
        if (!statuses)
                return;
        fprintf(out, "\nEXIT STATUS\n");
        for (; statuses->word; statuses++) {
                Filler filler = {.out = out, .indent = INDENT};

                fill_word(&filler, statuses->word, strlen(statuses->word));
                filler.indent = INDENT + 4;
                fprintf(out, "%*s", (int)(filler.indent - filler.column), "");
                filler.column = filler.indent;
                filler.behind_word = false;
                fill_text(&filler, statuses->help);
                fill_end(&filler);
        }
}

static void write_examples(const CommandNote *examples, FILE *out)
{
        if (!examples)
                return;
        fprintf(out, "\nEXAMPLES\n");
        for (; examples->word; examples++)
                write_entry(out, examples->word, examples->help);
}

void command_manual(const Command *const *path, size_t depth, FILE *out)
{
        const Command *command = path[depth - 1];
        _cleanup_free_ char *words = path_words(path, depth);
        _cleanup_free_ char *name = text_format("%s - %s", words, command->summary);

        fprintf(out, "NAME\n");
        write_paragraphs(out, INDENT, name);
        write_synopsis(path, depth, out);
        if (command->description) {
                fprintf(out, "\nDESCRIPTION\n");
                write_paragraphs(out, INDENT, command->description);
        }
        write_positionals(command->positionals, out);
        write_commands(command->commands, out);
        write_options(path, depth, out);
        write_statuses(path, depth, out);
        write_examples(command->examples, out);
}
