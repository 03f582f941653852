#include "store/store.h"

#include "base/text.h"
#include "store/schema.h"

struct Store {
        sqlite3 *db;
        bool open;                 // a transaction is
        sqlite3_stmt **statements; // prepared so far: as many as this program has texts
        size_t count;
};

int store_open(const char *path, Store **ret, Error *error)
{
        _cleanup_database_ sqlite3 *db = NULL;
        int r = sql_open(path, store_migrations, &db, error);

        if (r < 0)
                return r;
        *ret = memory_new(sizeof **ret);
        (*ret)->db = TAKE_PTR(db);
        return 0;
}

// ---- statements

static sqlite3_stmt *kept_statement(const Store *store, const char *sql)
{
        for (size_t i = 0; i < store->count; i++)
                if (strcmp(sqlite3_sql(store->statements[i]), sql) == 0)
                        return store->statements[i];
        return NULL;
}

int store_vquery(Store *store, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        va_list arguments)
{
        sqlite3_stmt *statement = kept_statement(store, sql);
        int r;

        if (!statement) {
                r = sql_query(store->db, &statement, error, sql, "");
                if (r < 0)
                        return r;
                store->statements = memory_grow(
                        store->statements, (store->count + 1) * sizeof *store->statements);
                store->statements[store->count++] = statement;
        }
        r = sql_vbind(statement, error, types, arguments);
        if (r == 0)
                *ret = statement;
        return r;
}

int store_query(
        Store *store, sqlite3_stmt **ret, Error *error, const char *sql, const char *types, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = store_vquery(store, ret, error, sql, types, arguments);
        va_end(arguments);
        return r;
}

int store_check_open(const Store *store, Error *error)
{
        if (store->open)
                return 0;
        return error_set(error, -EPERM, "internal", "a change outside a transaction was refused");
}

int store_run(Store *store, Error *error, const char *sql, const char *types, ...)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        va_list arguments;
        int r = store_check_open(store, error);

        if (r < 0)
                return r;
        va_start(arguments, types);
        r = store_vquery(store, &statement, error, sql, types, arguments);
        va_end(arguments);
        return r ?: sql_step(statement, error);
}

// ---- transactions

static int run(Store *store, Error *error, const char *sql)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;

        return store_query(store, &statement, error, sql, "") ?: sql_step(statement, error);
}

int store_begin(Store *store, Error *error)
{
        int r;

        if (store->open)
                return 0;
        r = run(store, error, "BEGIN IMMEDIATE");
        store->open = r == 0;
        return r;
}

int store_commit(Store *store, Error *error)
{
        int r;

        if (!store->open)
                return 0;
        r = run(store, error, "COMMIT");
        if (r < 0)
                store_rollback(store);
        store->open = false;
        return r;
}

void store_rollback(Store *store)
{
        // SQLite has rolled back by itself after some failures; then there is nothing left to do.
        if (store->open && !sqlite3_get_autocommit(store->db))
                (void)!run(store, NULL, "ROLLBACK");
        store->open = false;
}

bool store_is_open(const Store *store)
{
        return store->open;
}

sqlite3 *store_database(Store *store)
{
        return store->db;
}

void store_free(Store *store)
{
        if (!store)
                return;
        store_rollback(store);
        for (size_t i = 0; i < store->count; i++)
                sqlite3_finalize(store->statements[i]);
        free(store->statements);
        sqlite3_close(store->db);
        free(store);
}

bool store_has_failed(const Error *why)
{
        return text_equal(why->code, "database");
}

int store_failure(int r, Error *why, Error *error)
{
        if (r >= 0 || !store_has_failed(why))
                return 0;
        error_move(error, why);
        return r;
}
