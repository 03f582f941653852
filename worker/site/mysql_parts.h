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

// Runs SQL and collects the digests it answers.
int mysql_parts_run(StepContext *context, MysqlCopy *copy, const char *sql, Error *error)
        _must_use_;

// ---- a session that waits in the middle of its script

// What waits for `ready`: the session's script answers READY and then reads from a pipe, until
// mysql_gate_open closes that.
#define MYSQL_READY "SELECT 'READY';\n"
#define MYSQL_WAIT  "SELECT 'READY';\nsource " MYSQL_PIPE "\n"

typedef struct MysqlGate {
        MysqlCopy *copy;
        StepContext *context;
        Error *error;
        int read_end, write_end;              // -EBADF for a session that does not wait
        int (*ready)(struct MysqlGate *gate); // called once, while the session waits or goes on
        void *userdata;
} MysqlGate;

// Runs a script with a gate to its end. What `ready` returns when it is negative, with the error it
// filled, ends the session.
int mysql_gate_run(MysqlGate *gate, const char *what, const char *sql) _must_use_;
void mysql_gate_open(MysqlGate *gate);

#endif
