#include "cli/session.h"

#include <locale.h>

#include "base/text.h"
#include "cli/view.h"

#define DEFAULT_DIRECTORY "/var/lib/understudy"

// "understudyctl", with --dir when the environment does not say the same.
static char *program_again(const char *directory)
{
        const char *usual = getenv("UNDERSTUDY_DIR");

        if (text_equal(directory, text_blank(usual) ? DEFAULT_DIRECTORY : usual))
                return text_copy("understudyctl");
        return text_format("understudyctl --dir %s", directory);
}

Session session_open(const CommandLine *line)
{
        const char *directory = command_value(line, "dir");

        setlocale(LC_ALL, "");
        setlocale(LC_NUMERIC, "C"); // numbers as in JSON and in the manuals
        return (Session){.line = line,
                .client = client_new(directory),
                .out = screen_of(stdout),
                .errors = screen_of(stderr),
                .json = command_flag(line, "json"),
                .again = program_again(directory)};
}

void session_close(Session *session)
{
        client_free(session->client);
        free(session->again);
}

void session_print(const Session *session, const json_t *value)
{
        json_dumpf(value, session->out.out,
                JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
        fputc('\n', session->out.out);
}

int session_fail(const Session *session, int result, const Error *error)
{
        if (session->json) {
                json_t *failure = view_error_json(error);

                session_print(session, failure);
                json_decref(failure);
        } else {
                view_error(&session->errors, error);
        }
        return result == -ENOTCONN ? CLI_UNREACHABLE : CLI_REFUSED;
}

int session_call(
        Session *session, const char *method, const char *path, json_t *take_body, json_t **ret)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        int result = client_call(session->client, method, path, take_body, ret, &error);

        json_decref(take_body);
        return result < 0 ? session_fail(session, result, &error) : COMMAND_OK;
}
