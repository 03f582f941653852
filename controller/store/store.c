#include "store/store.h"

#include "base/text.h"
#include "store/schema.h"

struct Store {
        sqlite3 *db;
        bool open; // a transaction is
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

void store_free(Store *store)
{
        if (!store)
                return;
        store_rollback(store);
        sqlite3_close(store->db);
        free(store);
}

int store_begin(Store *store, Error *error)
{
        int r;

        if (store->open)
                return 0;
        r = sql_run(store->db, error, "BEGIN IMMEDIATE", "");
        store->open = r == 0;
        return r;
}

int store_commit(Store *store, Error *error)
{
        int r;

        if (!store->open)
                return 0;
        r = sql_run(store->db, error, "COMMIT", "");
        if (r < 0)
                store_rollback(store);
        store->open = false;
        return r;
}

void store_rollback(Store *store)
{
        // SQLite has rolled back by itself after some failures; then there is nothing left to do.
        if (store->open && !sqlite3_get_autocommit(store->db))
                (void)!sql_run(store->db, NULL, "ROLLBACK", "");
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
