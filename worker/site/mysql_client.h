// A MariaDB server through its own client, as its administrator: the Unix user root by the socket,
// or as [mysql] of worker.conf says. For the files mysql*.c only.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_CLIENT_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_CLIENT_H

#include "site/client.h"

// What stands for {key} in a template of SQL:
//      {key}   the value as a name, in backticks
//      {key'}  as a text, quoted
//      {key"}  the name in backticks, as a text: for SQL that makes SQL
//      {key%}  as a name in GRANT, where % and _ would stand for other databases, too
//      {key!}  as it is: SQL that was made before
// All other braces stay as they are. Lists of values end with a row of zeros.
typedef struct MysqlValue {
        const char *key, *value;
} MysqlValue;

char *mysql_fill(const char *template, const MysqlValue *values);

// Appends to `text`, which may be NULL and is freed and replaced.
void mysql_append(char **text, const char *template, const MysqlValue *values);

typedef struct MysqlCall {
        const Fleet__Database *database; // for messages
        const char *what;                // that failed: "cannot create the database"
        const char *sql;                 // a script for the client
        const char *user, *password;     // whom to come in as; NULL: the administrator
        TextList *rows;                  // lines that it answers, for mysql_split; or NULL
        uint32_t limit_ms;               // see ClientCall
} MysqlCall;

// Runs a script, up to the first complaint of the server. That is explained in `error`, with a
// negative errno that says of what kind it was: -EBUSY, -EEXIST, -EACCES, -ENOSPC, -ECONNREFUSED
// ...
int mysql_run(StepContext *context, const MysqlCall *call, Error *error) _must_use_;

// A session that runs its script while others run theirs. It ends with this at the latest.
typedef struct MysqlSession {
        const Fleet__Database *database;
        const char *what;
        ClientHold *client;
        int gate; // a pipe that its script waits for, or -EBADF
} MysqlSession;

#define MYSQL_SESSION_EMPTY ((MysqlSession){.gate = -EBADF})
#define _cleanup_session_   _cleanup_(mysql_session_clear)

// In a script: tells mysql_wait how far it is; and waits for mysql_session_open_gate.
#define MYSQL_TELL(word) "SELECT '" word "';\n"
#define MYSQL_GATE       "source " CLIENT_DIRECTORY "\n"

// Starts a script. `call` as for mysql_run, without rows.
int mysql_start(StepContext *context, const MysqlCall *call, MysqlSession *ret, Error *error)
        _must_use_;

// Waits until its script tells `word`; what it answers before is added to `rows`. Errors as
// mysql_run's.
int mysql_wait(MysqlSession *session, const char *word, TextList *rows, Error *error) _must_use_;
void mysql_session_open_gate(MysqlSession *session);
void mysql_session_clear(MysqlSession *session);

// The same with a template and no output.
int mysql_do(StepContext *context, const Fleet__Database *database, const char *what,
        const char *template, const MysqlValue *values, Error *error) _must_use_;

// The same with rows.
int mysql_ask(StepContext *context, const Fleet__Database *database, const char *what,
        const char *template, const MysqlValue *values, TextList *ret_rows, Error *error)
        _must_use_;

// Splits a row into its fields, in place, with the client's escapes undone. False: it has another
// number of fields.
bool mysql_split(char *row, char **fields, size_t count);

// For rows that are not as expected: -EBADMSG.
int mysql_unreadable(const Fleet__Database *database, Error *error);

// As the name of a directory or file below the server's data directory; NULL for names that are not
// ASCII. The caller's.
char *mysql_file_name(const char *name);

#endif
