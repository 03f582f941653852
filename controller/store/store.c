#include "store/store.h"

#include "base/text.h"
#include "store/schema.h"

// What a fleet's night touches over and over stays in memory.
#define CACHE_KIB "65536"

// One statement, by what its text is made of.
typedef struct Kept {
        StatementWriter write; // NULL: `tail` is the whole text
        const void *subject;
        char *tail;
        sqlite3_stmt *statement; // NULL: this place is free
} Kept;

struct Store {
        sqlite3 *db;
        bool open;   // a transaction is
        Kept *kept;  // prepared so far, as many as this program has texts: a hash table
        size_t room; // a power of two, or 0
        size_t count;
};

int store_open(const char *path, Store **ret, Error *error)
{
        _cleanup_database_ sqlite3 *db = NULL;
        int r = sql_open(path, store_migrations, &db, error)
                        ?: sql_run(db, error, "PRAGMA cache_size = -" CACHE_KIB, "");

        if (r < 0)
                return r;
        *ret = memory_new(sizeof **ret);
        (*ret)->db = TAKE_PTR(db);
        return 0;
}

// ---- statements

static size_t hash(StatementWriter write, const void *subject, const char *tail)
{
        size_t hash = (uintptr_t)subject ^ (uintptr_t)write;

        for (const char *at = tail; *at; at++)
                hash = (hash ^ (unsigned char)*at) * 1099511628211U; // as FNV-1a
        return hash ^ hash >> 32;
}

// Where a statement is, or would be.
static Kept *place(const Store *store, StatementWriter write, const void *subject, const char *tail)
{
        for (size_t i = hash(write, subject, tail);; i++) {
                Kept *kept = &store->kept[i & (store->room - 1)];

                if (!kept->statement || (kept->write == write && kept->subject == subject &&
                                                strcmp(kept->tail, tail) == 0))
                        return kept;
        }
}

// Half of the places stay free.
static void make_room(Store *store)
{
        Store larger = *store;

        if (2 * (store->count + 1) <= store->room)
                return;
        larger.room = store->room ? 2 * store->room : 64;
        larger.kept = memory_new(larger.room * sizeof(*larger.kept));
        for (size_t i = 0; i < store->room; i++) {
                const Kept *kept = &store->kept[i];

                if (kept->statement)
                        *place(&larger, kept->write, kept->subject, kept->tail) = *kept;
        }
        free(store->kept);
        *store = larger;
}

static int prepare(Store *store, const Kept *key, Kept *kept, Error *error)
{
        _cleanup_free_ char *made = key->write ? key->write(key->subject, key->tail) : NULL;
        sqlite3_stmt *statement = NULL;
        int r = sql_query(store->db, &statement, error, made ? made : key->tail, "");

        if (r < 0)
                return r;
        *kept = *key;
        kept->tail = text_copy(key->tail);
        kept->statement = statement;
        store->count++;
        return 0;
}

int store_vquery_written(Store *store, sqlite3_stmt **ret, Error *error, StatementWriter write,
        const void *subject, const char *tail, const char *types, va_list arguments)
{
        const Kept key = {.write = write, .subject = subject, .tail = (char *)tail};
        Kept *kept;
        int r = 0;

        make_room(store);
        kept = place(store, write, subject, tail);
        if (!kept->statement)
                r = prepare(store, &key, kept, error);
        if (r == 0)
                r = sql_vbind(kept->statement, error, types, arguments);
        if (r == 0)
                *ret = kept->statement;
        return r;
}

int store_vquery(Store *store, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        va_list arguments)
{
        return store_vquery_written(store, ret, error, NULL, NULL, sql, types, arguments);
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
        for (size_t i = 0; i < store->room; i++) {
                sqlite3_finalize(store->kept[i].statement);
                free(store->kept[i].tail);
        }
        free(store->kept);
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
