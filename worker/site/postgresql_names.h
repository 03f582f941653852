// The three databases of a site on a PostgreSQL server, and what all operations on them ask of it.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_NAMES_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_NAMES_H

#include "site/postgresql_client.h"

enum {
        POSTGRESQL_CLEANING_MS = 20000, // for what is done after a cancel, too
};

// Their names, and which of them there are.
typedef struct PostgresqlNames {
        char *current, *staging, *kept;       // as they are
        char *q_current, *q_staging, *q_kept; // quoted as names
        bool has_current, has_staging, has_kept;
} PostgresqlNames;

void postgresql_names_clear(PostgresqlNames *names);
#define _cleanup_postgresql_names_ _cleanup_(postgresql_names_clear)

// Without asking. -ENAMETOOLONG, code "bad-name".
int postgresql_names_make(const Fleet__Database *database, PostgresqlNames *ret, Error *error)
        _must_use_;

// And asks the server which are there.
int postgresql_names_open(StepContext *context, const PostgresqlCall *call, PostgresqlNames *ret,
        Error *error) _must_use_;

char *postgresql_staging_name(const Fleet__Database *current);

// The first line that a script selects, or NULL. The caller's.
int postgresql_ask(StepContext *context, const PostgresqlCall *call, char *take_script, char **ret,
        Error *error) _must_use_;

// The site's user: of a preview that the worker has made, the one of its managed settings.
const char *postgresql_user_of(const Fleet__Database *database);

// SQL that makes an empty database of `user`'s, and that ends all sessions on some, given as a list
// of literals. The caller's.
char *postgresql_create_statement(const char *quoted_name, const char *user);
char *postgresql_end_sessions(const char *literals);

// -ENOENT, code "no-database".
int postgresql_measure(StepContext *context, const Fleet__Database *database, const char *name,
        uint64_t *ret_bytes, Error *error) _must_use_;
int postgresql_count_tables(StepContext *context, const Fleet__Database *database, const char *name,
        int64_t *ret, Error *error) _must_use_;

// With all sessions on it. Missing is fine; works in a canceled task.
int postgresql_drop_one(StepContext *context, const Fleet__Database *database,
        const char *quoted_name, Error *error) _must_use_;

#endif
