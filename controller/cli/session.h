// One run of the command line: where to ask, where to write, and in which form.
#ifndef UNDERSTUDY_CLI_SESSION_H
#define UNDERSTUDY_CLI_SESSION_H

#include <jansson.h>

#include "base/command.h"
#include "cli/client.h"
#include "cli/screen.h"

// Exit statuses, beside COMMAND_OK, COMMAND_FAILED (the job failed) and COMMAND_USAGE.
enum {
        CLI_UNREACHABLE = 3,
        CLI_REFUSED = 4,
        CLI_INTERRUPTED = 130, // by Ctrl-C, as the shell counts it; the job goes on
};

typedef struct Session {
        const CommandLine *line;
        Client *client;
        Screen out;
        Screen errors;
        bool json;
        char *again; // how to call the program again on the same controller, for hints
} Session;

Session session_open(const CommandLine *line);
void session_close(Session *session);
#define _cleanup_session_ _cleanup_(session_close)

// Asks the controller. 0: `ret` is the answer; otherwise the failure was shown and it is the exit
// status.
int session_call(
        Session *session, const char *method, const char *path, json_t *take_body, json_t **ret);

// Shows a failure, to standard error or as JSON, and returns the exit status of a negative result.
int session_fail(const Session *session, int result, const Error *error);

// Prints a value as JSON.
void session_print(const Session *session, const json_t *value);

#endif
