// The controller's only truth: one SQLite file, one writer, explicit transactions.
//
// Every change is made between store_begin and store_commit; a change outside is refused. Commits
// are durable on return (WAL, synchronous=FULL). Thread: the loop's. Accessors return a negative
// errno with `error` filled when the database fails; "not found" is no failure.
#ifndef UNDERSTUDY_STORE_STORE_H
#define UNDERSTUDY_STORE_STORE_H

#include "base/sqlite.h"

typedef struct Store Store;

// Opens or creates the database and brings its schema up to date. The caller frees.
int store_open(const char *path, Store **ret, Error *error) _must_use_;
void store_free(Store *store);
DEFINE_CLEANUP(Store *, store_free)

// Begins a transaction unless one is open: everything of one turn of the loop goes into one.
int store_begin(Store *store, Error *error) _must_use_;
// Nothing to do when none is open. After a failure the transaction is rolled back.
int store_commit(Store *store, Error *error) _must_use_;
void store_rollback(Store *store);
bool store_is_open(const Store *store);

sqlite3 *store_database(Store *store);

// ---- statements; they are prepared once and kept

// As sql_query. Step it with sql_step and declare it
// _cleanup_query_, which gives it back; until then the same statement must not be asked for again.
int store_query(Store *store, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        ...) _must_use_;
int store_vquery(Store *store, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        va_list arguments) _must_use_;
// A text that is made of a table or the like and of what follows: `write` is asked for it, to be
// freed, the first time that a statement with this subject (alive as long as the store) and tail
// is.
typedef char *(*StatementWriter)(const void *subject, const char *tail);
int store_vquery_written(Store *store, sqlite3_stmt **ret, Error *error, StatementWriter write,
        const void *subject, const char *tail, const char *types, va_list arguments) _must_use_;
static inline void store_endp(sqlite3_stmt **statement)
{
        if (!*statement)
                return;
        sqlite3_reset(*statement);
        sqlite3_clear_bindings(*statement);
}
#define _cleanup_query_ _cleanup_(store_endp)

// Runs a statement that changes something; refused outside a transaction.
int store_run(Store *store, Error *error, const char *sql, const char *types, ...) _must_use_;
// A refusal may be an answer, a failure of the database itself never is: moves the latter from
// `why` to `error` and returns `r`; else 0. core/turn.c rolls the turn back for it.
int store_failure(int r, Error *why, Error *error) _must_use_;
bool store_has_failed(const Error *why);
int store_check_open(const Store *store, Error *error) _must_use_;

#endif
