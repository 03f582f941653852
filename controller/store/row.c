#include "store/row.h"

#include "base/text.h"

void blob_set(Blob *blob, const ProtobufCMessage *message)
{
        free(blob->data);
        *blob = (Blob){0};
        if (!message)
                return;
        blob->size = protobuf_c_message_get_packed_size(message);
        blob->data = memory_new(blob->size);
        protobuf_c_message_pack(message, blob->data);
}

ProtobufCMessage *blob_message(const Blob *blob, const ProtobufCMessageDescriptor *type)
{
        return blob->data ? protobuf_c_message_unpack(type, NULL, blob->size, blob->data) : NULL;
}

void row_set_text(char **member, const char *text)
{
        char *copy = text_copy(text);

        free(*member);
        *member = copy;
}

static void *member_of(const Column *column, const void *row)
{
        return (char *)row + column->offset;
}

static int bind_member(sqlite3_stmt *statement, int n, const Column *column, const void *row)
{
        const void *member = member_of(column, row);

        switch (column->type) {
        case COLUMN_TEXT:
                return sqlite3_bind_text(statement, n, *(char *const *)member, -1, SQLITE_STATIC);
        case COLUMN_INTEGER:
                return sqlite3_bind_int64(statement, n, *(const int64_t *)member);
        case COLUMN_ENUM:
                return sqlite3_bind_text(
                        statement, n, column->names[*(const int *)member], -1, SQLITE_STATIC);
        case COLUMN_BLOB: {
                const Blob *blob = member;

                if (!blob->data)
                        return sqlite3_bind_null(statement, n);
                return sqlite3_bind_blob64(statement, n, blob->data, blob->size, SQLITE_STATIC);
        }
        }
        return SQLITE_MISUSE;
}

static int enum_value(const char *const *names, const char *name)
{
        for (int i = 0; names[i]; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return 0;
}

static void load_member(sqlite3_stmt *statement, int n, const Column *column, void *row)
{
        void *member = member_of(column, row);

        if (column->type == COLUMN_ENUM) {
                *(int *)member = enum_value(column->names, sql_text(statement, n));
        } else if (column->type == COLUMN_INTEGER) {
                *(int64_t *)member = sqlite3_column_int64(statement, n);
        } else if (sqlite3_column_type(statement, n) == SQLITE_NULL) {
                return;
        } else if (column->type == COLUMN_TEXT) {
                *(char **)member = text_copy(sql_text(statement, n));
        } else {
                Blob *blob = member;
                const void *data = sqlite3_column_blob(statement, n);

                blob->size = (size_t)sqlite3_column_bytes(statement, n);
                blob->data = memory_new(blob->size);
                if (blob->size > 0)
                        memcpy(blob->data, data, blob->size);
        }
}

static void load_row(sqlite3_stmt *statement, const Table *table, void *row)
{
        for (size_t i = 0; i < table->count; i++)
                load_member(statement, (int)i, &table->columns[i], row);
}

void row_clear(const Table *table, void *row)
{
        for (size_t i = 0; i < table->count; i++) {
                void *member = member_of(&table->columns[i], row);

                if (table->columns[i].type == COLUMN_TEXT)
                        free(*(char **)member);
                else if (table->columns[i].type == COLUMN_BLOB)
                        free(((Blob *)member)->data);
        }
        memset(row, 0, table->row_size);
}

void rows_clear(Rows *rows)
{
        for (size_t i = 0; i < rows->count; i++)
                row_clear(rows->table, (char *)rows->items + i * rows->table->row_size);
        free(rows->items);
        *rows = (Rows){0};
}

// "a, b, c", or with `marks` "?, ?, ?".
static char *column_list(const Table *table, bool marks)
{
        char *list = text_copy("");

        for (size_t i = 0; i < table->count; i++) {
                char *longer = text_format(
                        "%s%s%s", list, i ? ", " : "", marks ? "?" : table->columns[i].name);

                free(list);
                list = longer;
        }
        return list;
}

static int finish(Store *store, sqlite3_stmt *statement, int bound, Error *error)
{
        if (bound != SQLITE_OK)
                return error_set(error, -EIO, "database", "a value was refused: %s",
                        sqlite3_errmsg(store_database(store)));
        return sql_step(statement, error);
}

static int query(Store *store, StatementWriter write, const Table *table, const char *tail,
        sqlite3_stmt **ret, Error *error, const char *types, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = store_vquery_written(store, ret, error, write, table, tail, types, arguments);
        va_end(arguments);
        return r;
}

static char *write_insert(const void *subject, const char *tail)
{
        const Table *table = subject;
        _cleanup_free_ char *columns = column_list(table, false);
        _cleanup_free_ char *marks = column_list(table, true);

        return text_format("INSERT INTO %s (%s) VALUES (%s)%s", table->name, columns, marks, tail);
}

int row_insert(Store *store, const Table *table, void *row, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        const Column *key = &table->columns[0];
        bool numbered = key->type == COLUMN_INTEGER && *(int64_t *)member_of(key, row) == 0;
        int bound = SQLITE_OK;
        int r = store_check_open(store, error)
                        ?: query(store, write_insert, table, "", &statement, error, "");

        if (r < 0)
                return r;
        for (size_t i = numbered ? 1 : 0; i < table->count && bound == SQLITE_OK; i++)
                bound = bind_member(statement, (int)i + 1, &table->columns[i], row);
        r = finish(store, statement, bound, error);
        if (r < 0)
                return r;
        if (numbered)
                *(int64_t *)member_of(key, row) = sqlite3_last_insert_rowid(store_database(store));
        return 0;
}

static char *update_list(const Table *table)
{
        char *list = text_copy("");

        for (size_t i = 1; i < table->count; i++) {
                char *longer;

                if (table->columns[i].apart)
                        continue;
                longer = text_format(
                        "%s%s%s=?%zu", list, *list ? ", " : "", table->columns[i].name, i + 1);
                free(list);
                list = longer;
        }
        return list;
}

static char *write_update(const void *subject, const char *tail)
{
        const Table *table = subject;
        _cleanup_free_ char *list = update_list(table);

        return text_format(
                "UPDATE %s SET %s WHERE %s=?1%s", table->name, list, table->columns[0].name, tail);
}

int row_update(Store *store, const Table *table, const void *row, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int bound = SQLITE_OK;
        int r = store_check_open(store, error)
                        ?: query(store, write_update, table, "", &statement, error, "");

        if (r < 0)
                return r;
        for (size_t i = 0; i < table->count && bound == SQLITE_OK; i++)
                if (!table->columns[i].apart)
                        bound = bind_member(statement, (int)i + 1, &table->columns[i], row);
        return finish(store, statement, bound, error);
}

static char *write_select(const void *subject, const char *tail)
{
        const Table *table = subject;
        _cleanup_free_ char *columns = column_list(table, false);

        return text_format("SELECT %s FROM %s %s", columns, table->name, tail);
}

static char *write_select_where(const void *subject, const char *where)
{
        _cleanup_free_ char *tail = text_format("WHERE %s", where);

        return write_select(subject, tail);
}

int row_get(Store *store, const Table *table, void *ret, Error *error, const char *where,
        const char *types, ...)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        va_list arguments;
        int r;

        memset(ret, 0, table->row_size);
        va_start(arguments, types);
        r = store_vquery_written(
                store, &statement, error, write_select_where, table, where, types, arguments);
        va_end(arguments);
        if (r == 0)
                r = sql_step(statement, error);
        if (r > 0)
                load_row(statement, table, ret);
        return r;
}

int rows_get(Store *store, const Table *table, Rows *ret, Error *error, const char *tail,
        const char *types, ...)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        _cleanup_rows_ Rows rows = {.table = table};
        size_t room = 0;
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = store_vquery_written(
                store, &statement, error, write_select, table, tail, types, arguments);
        va_end(arguments);
        while (r >= 0 && (r = sql_step(statement, error)) > 0) {
                char *row;

                if (rows.count == room) {
                        room = room ? 2 * room : 8;
                        rows.items = memory_grow(rows.items, room * table->row_size);
                }
                row = (char *)rows.items + rows.count++ * table->row_size;
                memset(row, 0, table->row_size);
                load_row(statement, table, row);
        }
        if (r < 0)
                return r;
        *ret = TAKE(rows, (Rows){0});
        return 0;
}
