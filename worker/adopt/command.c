#include "adopt/command.h"

#define WORDS_MAX 200

// How the application servers are told what to offer.
static const struct {
        const char *program; // how its name begins
        const char *option;
} offers[] = {
        {"gunicorn", "-b"},
        {"gunicorn", "--bind"},
        {"uwsgi", "-s"},
        {"uwsgi", "--socket"},
        {"uwsgi", "--uwsgi-socket"},
        {"uwsgi", "--http"},
        {"uwsgi", "--http-socket"},
        {"daphne", "-p"},
        {"daphne", "--port"},
        {"daphne", "-u"},
        {"daphne", "--unix-socket"},
        {"uvicorn", "--port"},
        {"uvicorn", "--uds"},
        {"hypercorn", "-b"},
        {"hypercorn", "--bind"},
        {"waitress", "--listen"},
};

static bool ends_word(char c)
{
        return c == '\0' || c == ' ' || c == '\t' || c == '\n';
}

char *command_word(const char **rest)
{
        const char *at = *rest + strspn(*rest, " \t\n");
        char *word = memory_new(strlen(at) + 1), *to = word;
        char quote = '\0';

        if (!*at) {
                free(word);
                return NULL;
        }
        for (; *at && (quote || !ends_word(*at)); at++) {
                if (quote ? *at == quote : *at == '\'' || *at == '"')
                        quote = quote ? '\0' : *at;
                else if (*at == '\\' && at[1] && quote != '\'')
                        *to++ = *++at;
                else
                        *to++ = *at;
        }
        *to = '\0';
        *rest = at;
        return word;
}

static const char *base_name(const char *word)
{
        const char *slash = strrchr(word, '/');

        return slash ? slash + 1 : word;
}

// The server that a word starts; `before` when it is none.
static const char *server_of(const char *word, const char *before)
{
        for (size_t i = 0; i < ELEMENTS(offers); i++)
                if (text_starts(base_name(word), offers[i].program))
                        return offers[i].program;
        return before;
}

// The value of an option in `word`: behind '=', glued to a short one, or the next word. NULL: it is
// not one of the server's that offer something.
static const char *offered(const char *server, const char *word, const char *next)
{
        for (size_t i = 0; i < ELEMENTS(offers); i++) {
                const char *option = offers[i].option;
                size_t length = strlen(option);

                if (!text_equal(offers[i].program, server) || strncmp(word, option, length) != 0)
                        continue;
                if (word[length] == '\0')
                        return next;
                if (word[length] == '=')
                        return word + length + 1;
                if (length == 2)
                        return word + length;
        }
        return NULL;
}

static void mention_ini(
        Part *part, const char *word, const char *directory, const char *path, unsigned line)
{
        const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : word;
        _cleanup_free_ char *whole = NULL;

        if (!text_ends(value, ".ini") || (*value != '/' && text_blank(directory)))
                return;
        whole = *value == '/' ? text_copy(value) : text_format("%s/%s", directory, value);
        part_mention(part, MENTION_INI, whole, path, line);
}

void command_mention(
        Part *part, const char *command, const char *directory, const char *path, unsigned line)
{
        TextList words _cleanup_text_list_ = {0};
        const char *server = NULL;
        char *word;

        while (words.count < WORDS_MAX && (word = command_word(&command)))
                text_list_take(&words, word);
        for (char **at = words.items; at && *at; at++) {
                const char *address = NULL;

                word = *at;
                server = server_of(word, server);
                if (server)
                        address = offered(server, word, at[1]);
                if (address)
                        part_mention_address(part, MENTION_LISTENS, address, path, line);
                if (strstr(base_name(word), "linod"))
                        part_mention(part, MENTION_LINOD, word, path, line);
                part_mention_paths(part, word, path, line);
                mention_ini(part, word, directory, path, line);
        }
}
