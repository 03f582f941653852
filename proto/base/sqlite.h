// SQLite as both daemons use it: WAL, synchronous=FULL, foreign keys on, one thread per connection.
#ifndef UNDERSTUDY_BASE_SQLITE_H
#define UNDERSTUDY_BASE_SQLITE_H

#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

// Opens or creates a database (mode 0600) and brings it to the newest schema: `migrations` is a
// NULL-terminated list of scripts, of which those after PRAGMA user_version run, each in a
// transaction. A database newer than the list is refused. The caller closes with sqlite3_close.
int sql_open(const char *path, const char *const *migrations, sqlite3 **ret, Error *error)
        _must_use_;

// Runs one statement to its end, ignoring rows. `types` has a letter per parameter: t text (NULL:
// SQL NULL), i int64_t, d double, b blob (two arguments: const void *, size_t). A failure fills
// `error` with code "database" and returns -EIO, or -EEXIST for a violated constraint.
int sql_run(sqlite3 *db, Error *error, const char *sql, const char *types, ...) _must_use_;

// Prepares and binds a query; step it with sql_step, free it with sqlite3_finalize (see
// _cleanup_statement_).
int sql_query(sqlite3 *db, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        ...) _must_use_;

int sql_vquery(sqlite3 *db, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        va_list arguments) _must_use_;

// Binds a prepared statement's parameters, for who keeps statements.
int sql_vbind(sqlite3_stmt *statement, Error *error, const char *types, va_list arguments)
        _must_use_;

// 1: a row; 0: no more rows; negative: failed, `error` says why.
int sql_step(sqlite3_stmt *statement, Error *error) _must_use_;

// Column of the current row, as borrowed text: "" for SQL NULL, valid until the next step.
const char *sql_text(sqlite3_stmt *statement, int column);

static inline void sqlite3_finalizep(sqlite3_stmt **statement)
{
        sqlite3_finalize(*statement);
}
#define _cleanup_statement_ _cleanup_(sqlite3_finalizep)
DEFINE_CLEANUP(sqlite3 *, sqlite3_close)
#define _cleanup_database_ _cleanup_(sqlite3_closep)

#endif
