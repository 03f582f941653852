// Rows of a table as C structs: one list of columns says how both are read and written.
#ifndef UNDERSTUDY_STORE_ROW_H
#define UNDERSTUDY_STORE_ROW_H

#include <protobuf-c/protobuf-c.h>

#include "store/store.h"

// A packed message; `data` NULL: none.
typedef struct Blob {
        uint8_t *data;
        size_t size;
} Blob;

// Replaces the blob by a message, packed; NULL empties it.
void blob_set(Blob *blob, const ProtobufCMessage *message);
// The message in a blob, the caller's; NULL when there is none, or it is none of that type.
ProtobufCMessage *blob_message(const Blob *blob, const ProtobufCMessageDescriptor *type);

typedef enum ColumnType { COLUMN_TEXT, COLUMN_INTEGER, COLUMN_BLOB, COLUMN_ENUM } ColumnType;

typedef struct Column {
        const char *name;
        const char *const *names; // of the enumerators, NULL-terminated; they stand in the database
        size_t offset;            // of a char *, int64_t, Blob or enum in the struct
        ColumnType type;
        bool apart; // read with the row, but written by statements of its own, not by row_update
} Column;

#define COLUMN(row, member, kind, ...)                                                             \
        {                                                                                          \
                .name = #member, .type = (kind), .offset = offsetof(row, member), __VA_ARGS__      \
        }
#define TEXT_COLUMN(row, member)        COLUMN(row, member, COLUMN_TEXT)
#define INTEGER_COLUMN(row, member)     COLUMN(row, member, COLUMN_INTEGER)
#define BLOB_COLUMN(row, member)        COLUMN(row, member, COLUMN_BLOB)
#define ENUM_COLUMN(row, member, words) COLUMN(row, member, COLUMN_ENUM, .names = (words))
#define APART_INTEGER(row, member)      COLUMN(row, member, COLUMN_INTEGER, .apart = true)
#define APART_BLOB(row, member)         COLUMN(row, member, COLUMN_BLOB, .apart = true)

// The first column is the key. An integer key of 0 is given by row_insert.
typedef struct Table {
        const char *name;
        const Column *columns;
        size_t count;
        size_t row_size;
} Table;

typedef struct Rows {
        const Table *table;
        void *items; // array of structs
        size_t count;
} Rows;

// `row` gets its new key. -EEXIST: another row forbids it.
int row_insert(Store *store, const Table *table, void *row, Error *error) _must_use_;
int row_update(Store *store, const Table *table, const void *row, Error *error) _must_use_;

// Reads the first row for which `where` (with `types` as in sql_run) holds into `ret`, whose
// strings the caller frees with row_clear. 1: found, 0: there is none, and `ret` is zeros.
int row_get(Store *store, const Table *table, void *ret, Error *error, const char *where,
        const char *types, ...) _must_use_;

// All rows, `tail` being what follows "FROM table". Frees with rows_clear.
int rows_get(Store *store, const Table *table, Rows *ret, Error *error, const char *tail,
        const char *types, ...) _must_use_;

void row_clear(const Table *table, void *row);
void rows_clear(Rows *rows);
#define _cleanup_rows_ _cleanup_(rows_clear)

// Defines TYPE's clearing function and _cleanup_ form for a table.
#define DEFINE_ROW(type, prefix)                                                                   \
        extern const Table prefix##_table;                                                         \
        static inline void prefix##_clear(type *row)                                               \
        {                                                                                          \
                row_clear(&prefix##_table, row);                                                   \
        }

// Sets a text of a row to a copy.
void row_set_text(char **member, const char *text);

#endif
