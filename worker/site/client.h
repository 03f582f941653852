// What the engines on database servers share: how the worker reaches a server as its administrator,
// and running the engine's own programs there. SQL goes by standard input, secrets by descriptors.
#ifndef UNDERSTUDY_WORKER_SITE_CLIENT_H
#define UNDERSTUDY_WORKER_SITE_CLIENT_H

#include "site/process.h"

// What worker.conf says of an administrator, or NULL, which leaves it to the engine's own habit.
typedef struct ClientAdmin {
        char *host; // name, address, or path of the socket or its directory
        char *port;
        char *user;
        char *password; // what the password file says
} ClientAdmin;

void client_admin_clear(ClientAdmin *admin);
#define _cleanup_admin_ _cleanup_(client_admin_clear)

// Parses "host=... port=... user=...", each at most once, in any order, apart by blanks. -EINVAL.
int client_admin_parse(const char *text, ClientAdmin *ret, Error *error) _must_use_;

// The same of a policy's access, with its password file read: which may be readable for nobody but
// its owner, root or the worker's user.
int client_admin_read(const ServerAccess *access, ClientAdmin *ret, Error *error) _must_use_;

// Is the server on this host: reached by a socket, or by the host's own address?
bool client_admin_is_local(const ClientAdmin *admin);

typedef struct ClientCall {
        const char *const *argv;      // argv[0] has to be one of the policy's commands
        const char *const *variables; // added to the environment; NULL: none
        const char *account;          // Unix user it runs as where the worker is root; NULL, or one
                                      // that is not there: the worker's own
        const char *secret;           // what it can read, once or more, as CLIENT_SECRET; or NULL
        const char *input;            // or NULL
        int directory;                // passed on as CLIENT_DIRECTORY, when it is > 0
        TextList *lines;              // its standard output; NULL: goes to the log
        uint32_t limit_ms; // not 0, of a call that clears up: it is made in a canceled task, too,
                           // but for so long at most
} ClientCall;

#define CLIENT_SECRET    "/proc/self/fd/3"
#define CLIENT_DIRECTORY "/proc/self/fd/4"

// 0 when it ended with status 0; else -EIO, with what it printed on standard error, whole, in
// `ret_errors` (the caller's, NULL else) for the engine to explain. Other negative numbers: it
// could not be run, was canceled and so on, with `error`.
int client_run(StepContext *context, const ClientCall *call, char **ret_errors, Error *error)
        _must_use_;

// A program that goes on while others run, such as a session that holds a snapshot.
typedef struct ClientHold ClientHold;

// `call` as for client_run, without `lines` and limit. Ended by client_hold_free at the latest.
int client_hold(StepContext *context, const ClientCall *call, ClientHold **ret, Error *error)
        _must_use_;

// Its next line, NULL at its end; waits, but not in a canceled task. The caller's.
int client_hold_line(ClientHold *hold, char **ret, Error *error) _must_use_;

// What it printed on standard error so far; the caller's.
char *client_hold_errors(ClientHold *hold);
void client_hold_free(ClientHold *hold);
DEFINE_CLEANUP(ClientHold *, client_hold_free)
#define _cleanup_hold_ _cleanup_(client_hold_freep)

// What an engine knows of its server's complaints.
typedef struct ClientComplaint {
        const char *pattern; // part of what the program printed
        int result;
        const char *code;
        const char *next; // what to do; "%s" stands for the database's name
} ClientComplaint;

// Explains a complaint by the first row whose pattern fits; the table ends with a row whose pattern
// is NULL, for all others. `what` is the failed deed, as in "cannot create the database".
int client_explain(const ClientComplaint *complaints, const char *errors, const char *what,
        const Fleet__Database *database, Error *error);

#endif
