#include "steps/script_units.h"

#include <ctype.h>

// Where the reader is between two lines.
typedef struct Lexer {
        char quote;  // of a triple-quoted string that is open; 0: none
        int depth;   // of brackets
        bool joined; // the line ended with a backslash
} Lexer;

// The end of a plain string that begins at `at`, or of the line.
static const char *skip_string(const char *at, const char *end)
{
        char quote = *at++;

        while (at < end && *at != quote)
                at += *at == '\\' ? 2 : 1;
        return at < end ? at + 1 : end;
}

static bool triple(const char *at, const char *end, char quote)
{
        return end - at >= 3 && at[0] == quote && at[1] == quote && at[2] == quote;
}

static void lex_line(Lexer *lexer, const char *at, const char *end)
{
        lexer->joined = false;
        while (at < end) {
                if (lexer->quote) {
                        if (triple(at, end, lexer->quote)) {
                                lexer->quote = 0;
                                at += 3;
                        } else {
                                at += *at == '\\' ? 2 : 1;
                        }
                } else if (*at == '#') {
                        return;
                } else if (*at == '\'' || *at == '"') {
                        if (triple(at, end, *at)) {
                                lexer->quote = *at;
                                at += 3;
                        } else {
                                at = skip_string(at, end);
                        }
                } else {
                        lexer->depth += strchr("([{", *at) != NULL;
                        lexer->depth -= strchr(")]}", *at) != NULL && lexer->depth > 0;
                        lexer->joined = *at == '\\' && at + 1 == end;
                        at++;
                }
        }
}

static bool lexer_open(const Lexer *lexer)
{
        return lexer->quote || lexer->depth > 0 || lexer->joined;
}

typedef struct Parser {
        ScriptUnits *units;
        Lexer lexer;
        const char *unit;  // start of the unit that is being read; NULL: none yet
        const char *first; // its first line that is no comment
        const char *end;   // of what certainly belongs to it
        bool decorated;    // its def is still to come
} Parser;

static bool begins(const char *line, const char *word)
{
        size_t length = strlen(word);

        return strncmp(line, word, length) == 0 && !isalnum((unsigned char)line[length]) &&
               line[length] != '_';
}

// The key of a unit whose first line of code is `line`.
static char *key_of(const char *line, const char *end)
{
        size_t length = (size_t)((memchr(line, '\n', (size_t)(end - line)) ?: (void *)end) -
                                 (const void *)line);
        size_t name =
                strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
        const char *after = line + name + strspn(line + name, " \t");

        while (line < end && *line == '@') { // the name is that of what is decorated
                line += strcspn(line, "\n");
                line += line < end;
        }
        if (begins(line, "def") || begins(line, "class"))
                return text_copy_n(line, strcspn(line, "(:\n"));
        if (name > 0 && *after == '=' && after[1] != '=')
                return text_format("= %.*s", (int)name, line);
        while (length > 0 && isspace((unsigned char)line[length - 1]))
                length--;
        return text_copy_n(line, length);
}

// Two of the same key are told apart by their number.
static char *unique_key(const ScriptUnits *units, char *take_key)
{
        _cleanup_free_ char *key = take_key;
        char *unique = text_copy(key);

        for (int n = 2; script_units_find(units, unique); n++) {
                free(unique);
                unique = text_format("%s\n%d", key, n);
        }
        return unique;
}

static void add_unit(
        Parser *parser, const char *start, const char *end, const char *first, bool comment)
{
        ScriptUnits *units = parser->units;
        char *key = comment ? text_copy_n(start, (size_t)(end - start)) : key_of(first, end);
        bool newline = end > start && end[-1] == '\n';

        units->units = memory_grow(units->units, (units->count + 1) * sizeof(*units->units));
        key = unique_key(units, key);
        units->units[units->count++] = (ScriptUnit){
                .key = key,
                .text = text_format("%.*s%s", (int)(end - start), start, newline ? "" : "\n"),
                .comment = comment,
        };
}

static void end_unit(Parser *parser)
{
        if (parser->unit)
                add_unit(parser, parser->unit, parser->end, parser->first, false);
        parser->unit = NULL;
}

static const char *next_line(const char *line)
{
        line += strcspn(line, "\n");
        return *line ? line + 1 : line;
}

static bool is_blank(const char *line)
{
        return line[strspn(line, " \t\r")] == '\n' || !line[strspn(line, " \t\r")];
}

// Between two units: empty lines, and comments that stand alone. Returns the start of the comments
// that are directly above what follows.
static const char *between(Parser *parser, const char *start, const char *end)
{
        const char *block = NULL;

        for (const char *line = start; line < end; line = next_line(line)) {
                if (!is_blank(line)) {
                        block = block ? block : line;
                        continue;
                }
                if (block)
                        add_unit(parser, block, line, NULL, true);
                block = NULL;
                if (parser->units->count > 0)
                        parser->units->units[parser->units->count - 1].blank++;
        }
        return block ? block : end;
}

static bool continues(const Parser *parser, const char *line)
{
        static const char *const words[] = {"else", "elif", "except", "finally"};

        if (lexer_open(&parser->lexer) || *line == ' ' || *line == '\t' || *line == ')' ||
                *line == ']' || *line == '}')
                return true;
        if (parser->decorated)
                return true;
        for (size_t i = 0; i < ELEMENTS(words); i++)
                if (begins(line, words[i]))
                        return true;
        return false;
}

void script_units_parse(const char *text, ScriptUnits *ret)
{
        Parser parser = {.units = ret, .end = text};

        *ret = (ScriptUnits){0};
        for (const char *line = text; *line; line = next_line(line)) {
                const char *after = next_line(line);

                if (!lexer_open(&parser.lexer) && (is_blank(line) || *line == '#'))
                        continue; // whose it is, the next line of code tells
                if (!parser.unit || !continues(&parser, line)) {
                        const char *rest = parser.unit ? parser.end : text;

                        end_unit(&parser);
                        parser.unit = between(&parser, rest, line);
                        parser.first = line;
                }
                parser.decorated = *line == '@';
                lex_line(&parser.lexer, line, line + strcspn(line, "\n"));
                parser.end = after;
        }
        end_unit(&parser);
        {
                const char *end = text + strlen(text);
                const char *block = between(&parser, parser.end, end);

                if (block < end)
                        add_unit(&parser, block, end, NULL, true);
        }
}

void script_units_clear(ScriptUnits *units)
{
        for (size_t i = 0; i < units->count; i++) {
                free(units->units[i].key);
                free(units->units[i].text);
        }
        free(units->units);
        *units = (ScriptUnits){0};
}

const ScriptUnit *script_units_find(const ScriptUnits *units, const char *key)
{
        for (size_t i = 0; i < units->count; i++)
                if (strcmp(units->units[i].key, key) == 0)
                        return &units->units[i];
        return NULL;
}
