// What is in a MariaDB database: bytes, rows, digests.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_CONTENT_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_CONTENT_H

#include "site/mysql_names.h"

// A table with rows, as SQL needs it.
typedef struct MysqlTable {
        char *name;
        char *columns; // `a`, `b`: those that are not computed from others
        char *record;  // one.`a`, one.`b`
        char *hash;    // an expression that tells rows with different values apart
        char *layout;  // names of all columns, sorted
} MysqlTable;

typedef struct MysqlTables {
        MysqlTable *items; // sorted by name, without the seal
        size_t count;
} MysqlTables;

void mysql_tables_clear(MysqlTables *tables);
#define _cleanup_mysql_tables_ _cleanup_(mysql_tables_clear)

// The tables of a database by name; of one table when `table` is not NULL.
int mysql_tables(StepContext *context, const Fleet__Database *database, const char *name,
        const char *table, MysqlTables *ret, Error *error) _must_use_;

// Does database_volatile name it?
bool mysql_is_volatile(const MysqlTable *table);

// Bytes on disk of a database by name; 0 when it is not there.
int mysql_measure(StepContext *context, const Fleet__Database *database, const char *name,
        uint64_t *ret_bytes, Error *error) _must_use_;

// The server's data directory, when it runs on this machine by its own @@hostname, else NULL; the
// caller's. And whether it keeps a binary log.
int mysql_data_directory(StepContext *context, const Fleet__Database *database, char **ret_path,
        bool *ret_log, Error *error) _must_use_;

// Is there room for a copy of a database by name on the volume of the server's data directory?
// -ENOSPC, code "no-space". A server on another machine cannot be asked: 0.
int mysql_check_room(StepContext *context, const Fleet__Database *database, const char *name,
        Error *error) _must_use_;

// SQL that answers one row for mysql_digest_fold.
void mysql_digest_append(char **sql, const char *name, const MysqlTable *table);

// One digest of all tables but the volatile ones, out of a row for each, in any order.
int mysql_digest_fold(const Fleet__Database *database, const MysqlTables *tables, TextList *rows,
        char **ret_text, Error *error) _must_use_;

// See DatabaseEngine.
int mysql_count_rows(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *const *tables, size_t count, int64_t *ret_rows, Error *error);
int mysql_digest(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *table, char **ret_text, Error *error);

#endif
