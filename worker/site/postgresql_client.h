// Talking to a PostgreSQL server as its administrator.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_CLIENT_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_CLIENT_H

#include "site/client.h"
#include "site/site.h"

// A statement for one of the server's databases; what it selects, unaligned, a line a row.
typedef struct PostgresqlCall {
        const Fleet__Database *database; // whose, for messages
        const char *name;                // the database to connect to; NULL: "postgres"
        const char *what;                // the deed, when it fails: "cannot create the database"
        uint32_t limit_ms;               // see ClientCall
} PostgresqlCall;

// Runs a script for psql; `take_script` is freed, and may hold a secret. `ret_lines` may be NULL.
int postgresql_run(StepContext *context, const PostgresqlCall *call, char *take_script,
        TextList *ret_lines, Error *error) _must_use_;

// How one of PostgreSQL's programs connects: everything but the password, which is `ret_secret`,
// the text of a password file, or NULL. Both are the caller's.
typedef struct PostgresqlConnection {
        char *words; // "host='...' ... dbname='...'"
        char *secret;
        char *account; // the Unix user that may
} PostgresqlConnection;

void postgresql_connection_clear(PostgresqlConnection *connection);
#define _cleanup_connection_ _cleanup_(postgresql_connection_clear)

// As administrator.
int postgresql_connect(
        const Policy *policy, const char *name, PostgresqlConnection *ret, Error *error) _must_use_;

// Runs one of the programs.
int postgresql_program(StepContext *context, const PostgresqlCall *call,
        const PostgresqlConnection *connection, const ClientCall *client, Error *error) _must_use_;

// As the site's own user, by the way that HOST and PORT of its settings say; to database `name`.
int postgresql_connect_as_site(const Policy *policy, const SiteDir *site,
        const Fleet__Database *database, const char *name, PostgresqlConnection *ret, Error *error)
        _must_use_;

// A session of psql that goes on; a line of it, whose end is an error.
int postgresql_hold(StepContext *context, const PostgresqlCall *call,
        const PostgresqlConnection *connection, const char *script, ClientHold **ret, Error *error)
        _must_use_;
int postgresql_hold_line(const PostgresqlCall *call, ClientHold *hold, char **ret, Error *error)
        _must_use_;

// A value, and a name, quoted for SQL. The caller's.
char *postgresql_literal(const char *text);
char *postgresql_name(const char *text);

// What the server keeps of a password (RFC 5803), so that it never sees the password. The caller's.
char *postgresql_verifier(const char *password);

#endif
