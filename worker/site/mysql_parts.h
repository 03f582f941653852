// The rows of a copy (see mysql_copy.h), by sessions of the server.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_PARTS_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_PARTS_H

#include "site/mysql_content.h"

typedef struct MysqlCopy {
        const Fleet__Database *from, *database;
        char *staging;
        MysqlTables tables; // of `from`; in staging they are there, empty
        TextList digests;   // for mysql_digest_fold: a row for each table, from where it was copied
} MysqlCopy;

void mysql_copy_clear(MysqlCopy *copy);

// Appends SQL that copies a table's rows: by a cursor, which locks none of them; or in one
// statement.
void mysql_parts_append(char **sql, const MysqlCopy *copy, const MysqlTable *table, bool cursor);

// Copies the rows of all tables, from one snapshot, and collects their digests.
int mysql_parts(StepContext *context, MysqlCopy *copy, Error *error) _must_use_;

#endif
