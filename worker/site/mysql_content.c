#include "site/mysql_content.h"

#include <openssl/evp.h>
#include <sys/statvfs.h>

#define SNAPSHOT                                                                                   \
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n"                               \
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;\n"

// ---- tables and their columns

void mysql_tables_clear(MysqlTables *tables)
{
        for (size_t i = 0; i < tables->count; i++) {
                free(tables->items[i].name);
                free(tables->items[i].columns);
                free(tables->items[i].record);
                free(tables->items[i].hash);
                free(tables->items[i].layout);
        }
        free(tables->items);
        *tables = (MysqlTables){0};
}

// How a column's value becomes a text that has no bar: texts of any length and character set by
// their MD5, numbers and dates as they are written. A FLOAT is written with six digits only.
static const struct {
        const char *kind, *sql;
} hashed[] = {
        {"text", "IFNULL(MD5({c}),'-')"},
        {"converted", "IFNULL(MD5(CONVERT({c} USING utf8mb4)),'-')"},
        {"float", "IFNULL(CAST({c} AS DOUBLE),'~')"},
        {"bits", "IFNULL({c}+0,'~')"},
        {"plain", "IFNULL({c},'~')"},
};

// The limit keeps the server from joining first, for which it would open all tables of all
// databases.
#define COLUMNS_SQL                                                                                \
        "SELECT c.table_name, c.column_name, c.is_generated = 'ALWAYS', CASE "                     \
        "WHEN c.character_set_name = 'utf8mb4' THEN 'text' "                                       \
        "WHEN c.character_set_name IS NOT NULL THEN 'converted' "                                  \
        "WHEN c.data_type = 'float' THEN 'float' WHEN c.data_type = 'bit' THEN 'bits' "            \
        "WHEN c.data_type IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', "    \
        "'double', 'date', 'time', 'datetime', 'timestamp', 'year', 'uuid', 'inet4', 'inet6') "    \
        "THEN 'plain' ELSE 'text' END "                                                            \
        "FROM information_schema.columns AS c JOIN "                                               \
        "(SELECT table_name FROM information_schema.tables WHERE table_schema = {d'} "             \
        "AND table_type = 'BASE TABLE' AND table_name <> '" MYSQL_SEAL "' LIMIT 1000000) AS t "    \
        "ON BINARY t.table_name = c.table_name WHERE c.table_schema = {d'} "                       \
        "ORDER BY BINARY c.table_name, BINARY c.column_name;\n"

static MysqlTable *table_named(MysqlTables *tables, const char *name)
{
        MysqlTable *last = tables->count > 0 ? &tables->items[tables->count - 1] : NULL;

        if (last && text_equal(last->name, name))
                return last;
        tables->items = memory_grow(tables->items, (tables->count + 1) * sizeof(*tables->items));
        last = &tables->items[tables->count++];
        *last = (MysqlTable){.name = text_copy(name)};
        return last;
}

static void add_column(MysqlTable *table, char *const fields[4])
{
        const MysqlValue values[] = {{"c", fields[1]}, {0}};
        size_t i = 0;

        while (i + 1 < ELEMENTS(hashed) && !text_equal(hashed[i].kind, fields[3]))
                i++;
        if (table->hash)
                mysql_append(&table->hash, ",", values);
        mysql_append(&table->hash, hashed[i].sql, values);
        mysql_append(&table->layout, "{c},", values);
        if (!text_equal(fields[2], "0"))
                return;
        mysql_append(&table->columns, table->columns ? ", {c}" : "{c}", values);
        mysql_append(&table->record, table->record ? ", one.{c}" : "one.{c}", values);
}

int mysql_tables(StepContext *context, const Fleet__Database *database, const char *name,
        const char *table, MysqlTables *ret, Error *error)
{
        MysqlTables tables _cleanup_mysql_tables_ = {0};
        TextList rows _cleanup_text_list_ = {0};
        int r = mysql_ask(context, database, "cannot list the database's tables", COLUMNS_SQL,
                (const MysqlValue[]){{"d", name}, {0}}, &rows, error);

        for (size_t i = 0; r == 0 && i < rows.count; i++) {
                char *fields[4];

                if (!mysql_split(rows.items[i], fields, ELEMENTS(fields)))
                        r = mysql_unreadable(database, error);
                else if (!table || text_equal(table, fields[0]))
                        add_column(table_named(&tables, fields[0]), fields);
        }
        if (r == 0)
                *ret = TAKE(tables, (MysqlTables){0});
        return r;
}

bool mysql_is_volatile(const MysqlTable *table)
{
        for (size_t i = 0; database_volatile[i]; i++)
                if (text_equal(database_volatile[i], table->name))
                        return true;
        return false;
}

// ---- bytes

int mysql_measure(StepContext *context, const Fleet__Database *database, const char *name,
        uint64_t *ret_bytes, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        _cleanup_free_ char *file = mysql_file_name(name),
                            *prefix = text_format("%s/", file ? file : name);
        int r = mysql_ask(context, database, "cannot measure the database",
                "SELECT CAST(IFNULL((SELECT SUM(file_size) "
                "FROM information_schema.innodb_sys_tablespaces "
                "WHERE BINARY LEFT(name, CHAR_LENGTH({prefix'})) = {prefix'}), 0) + "
                "IFNULL((SELECT SUM(data_length + index_length) FROM information_schema.tables "
                "WHERE table_schema = {d'} AND engine <> 'InnoDB'), 0) AS UNSIGNED);\n",
                (const MysqlValue[]){{"d", name}, {"prefix", prefix}, {0}}, &rows, error);

        if (r == 0 && (rows.count != 1 || text_parse_u64(rows.items[0], ret_bytes) < 0))
                r = mysql_unreadable(database, error);
        return r;
}

// What else the server writes meanwhile.
#define ROOM_BESIDE ((uint64_t)32 << 20)

int mysql_data_directory(StepContext *context, const Fleet__Database *database, char **ret_path,
        bool *ret_log, Error *error)
{
        TextList rows _cleanup_text_list_ = {0};
        char own[256] = "", *fields[3];
        int r = mysql_ask(context, database, "cannot ask the server for its data directory",
                "SELECT @@datadir, @@hostname, @@log_bin;\n", (const MysqlValue[]){{0}}, &rows,
                error);

        if (r < 0)
                return r;
        if (rows.count != 1 || !mysql_split(rows.items[0], fields, 3))
                return mysql_unreadable(database, error);
        (void)gethostname(own, sizeof(own) - 1);
        *ret_path = text_equal(own, fields[1]) ? text_copy(fields[0]) : NULL;
        *ret_log = !text_equal(fields[2], "0");
        return 0;
}

int mysql_check_room(
        StepContext *context, const Fleet__Database *database, const char *name, Error *error)
{
        _cleanup_free_ char *path = NULL;
        struct statvfs volume;
        uint64_t bytes = 0, free_bytes;
        bool log;
        int r = mysql_measure(context, database, name, &bytes, error);

        if (r == 0)
                r = mysql_data_directory(context, database, &path, &log, error);
        if (r < 0 || !path || statvfs(path, &volume) < 0)
                return r;
        free_bytes = (uint64_t)volume.f_bavail * volume.f_frsize;
        if (free_bytes >= bytes + bytes / 10 + ROOM_BESIDE)
                return 0;
        error_set(error, -ENOSPC, "no-space", "there is no room for another copy of the database");
        error_where(error, "%s database %s, in %s", database->engine, name, path);
        error_why(error, "it has %s, and %s are free", text_bytes(bytes), text_bytes(free_bytes));
        error_next(error, "Free space there (df -h '%s'), then: understudyctl job retry ID", path);
        return -ENOSPC;
}

// ---- rows

static int take_counts(const Fleet__Database *database, TextList *rows, size_t count,
        int64_t *ret_rows, Error *error)
{
        for (size_t i = 0; i < rows->count; i++) {
                uint64_t index, found;
                char *fields[2];

                if (!mysql_split(rows->items[i], fields, 2) ||
                        text_parse_u64(fields[0], &index) < 0 || index >= count ||
                        text_parse_u64(fields[1], &found) < 0)
                        return mysql_unreadable(database, error);
                ret_rows[index] = (int64_t)found;
        }
        return 0;
}

int mysql_count_rows(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *const *tables, size_t count, int64_t *ret_rows, Error *error)
{
        static const char *const what = "cannot count the database's rows";
        TextList there _cleanup_text_list_ = {0}, rows _cleanup_text_list_ = {0};
        _cleanup_free_ char *sql = mysql_fill(SNAPSHOT, (const MysqlValue[]){{0}});
        int r = mysql_ask(context, database, what,
                "SELECT table_name FROM information_schema.tables WHERE table_schema = {d'};\n",
                (const MysqlValue[]){{"d", name}, {0}}, &there, error);

        (void)site;
        if (r < 0)
                return r;
        for (size_t i = 0; i < there.count; i++)
                (void)mysql_split(there.items[i], &there.items[i], 1);
        for (size_t i = 0; i < count; i++) {
                _cleanup_free_ char *index = text_format("%zu", i);
                size_t j = 0;

                ret_rows[i] = -1;
                while (j < there.count && !text_equal(there.items[j], tables[i]))
                        j++;
                if (j < there.count)
                        mysql_append(&sql, "SELECT {i!}, COUNT(*) FROM {d}.{t};\n",
                                (const MysqlValue[]){
                                        {"i", index}, {"d", name}, {"t", tables[i]}, {0}});
        }
        r = mysql_run(context,
                &(MysqlCall){.database = database, .what = what, .sql = sql, .rows = &rows}, error);
        return r < 0 ? r : take_counts(database, &rows, count, ret_rows, error);
}

// ---- digests

// Sums do not know the order of rows, and two equal rows do not cancel each other out. Both halves
// of the MD5 are summed without loss: a DECIMAL holds 65 digits.
void mysql_digest_append(char **sql, const char *name, const MysqlTable *table)
{
        mysql_append(sql,
                "SELECT 'DIGEST', {t'}, COUNT(*), COUNT(hash), "
                "IFNULL(SUM(CAST(CONV(LEFT(hash, 16), 16, 10) AS UNSIGNED)), 0), "
                "IFNULL(SUM(CAST(CONV(RIGHT(hash, 16), 16, 10) AS UNSIGNED)), 0) "
                "FROM (SELECT MD5(CONCAT_WS('|',{hash!})) AS hash FROM {d}.{t}) AS hashes;\n",
                (const MysqlValue[]){{"t", table->name}, {"hash", table->hash}, {"d", name}, {0}});
}

static int too_large(const Fleet__Database *database, const char *table, Error *error)
{
        error_set(error, -EOVERFLOW, "database", "cannot tell the content of a table");
        error_where(error, "%s database %s, table %s", database->engine, database->name, table);
        error_why(error, "a row is larger than the server's max_allowed_packet");
        error_next(error, "Set a larger max_allowed_packet in the server's configuration");
        return -EOVERFLOW;
}

static char *hex_of_sha256(const char *text)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        size_t size = 0;

        if (!EVP_Q_digest(NULL, "SHA256", NULL, text, strlen(text), digest, &size))
                abort();
        return text_hexadecimal(digest, size);
}

// What tells one table's content: its name, layout, number of rows and both sums.
static int digest_line(const Fleet__Database *database, const MysqlTables *tables, char *row,
        char **lines, Error *error)
{
        char *fields[6];
        size_t i = 0;

        if (!mysql_split(row, fields, ELEMENTS(fields)))
                return mysql_unreadable(database, error);
        if (!text_equal(fields[2], fields[3]))
                return too_large(database, fields[1], error);
        while (i < tables->count && !text_equal(tables->items[i].name, fields[1]))
                i++;
        if (i == tables->count || lines[i])
                return mysql_unreadable(database, error);
        lines[i] = text_format("%s (%s) %s %s %s\n", fields[1], tables->items[i].layout, fields[2],
                fields[4], fields[5]);
        return 0;
}

int mysql_digest_fold(const Fleet__Database *database, const MysqlTables *tables, TextList *rows,
        char **ret_text, Error *error)
{
        char **lines = memory_new((tables->count + 1) * sizeof(*lines));
        char *all = NULL;
        size_t size;
        FILE *out = open_memstream(&all, &size);
        int r = 0;

        for (size_t i = 0; r == 0 && i < rows->count; i++)
                r = digest_line(database, tables, rows->items[i], lines, error);
        for (size_t i = 0; i < tables->count; i++) {
                if (lines[i])
                        fputs(lines[i], out);
                else if (r == 0 && !mysql_is_volatile(&tables->items[i]))
                        r = mysql_unreadable(database, error);
                free(lines[i]);
        }
        fclose(out);
        if (r == 0)
                *ret_text = hex_of_sha256(all);
        free(all);
        free(lines);
        return r;
}

int mysql_digest(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *table, char **ret_text, Error *error)
{
        MysqlTables tables _cleanup_mysql_tables_ = {0};
        TextList rows _cleanup_text_list_ = {0};
        // USE is an error when there is no such database.
        _cleanup_free_ char *sql =
                mysql_fill("USE {d};\n" SNAPSHOT, (const MysqlValue[]){{"d", name}, {0}});
        int r = mysql_tables(context, database, name, table, &tables, error);

        (void)site;
        if (r < 0)
                return r;
        if (table && tables.count == 0) {
                error_set(error, -ENOENT, "database", "there is no such table");
                error_where(error, "%s database %s, table %s", database->engine, name, table);
                return -ENOENT;
        }
        for (size_t i = 0; i < tables.count; i++)
                if (!mysql_is_volatile(&tables.items[i]))
                        mysql_digest_append(&sql, name, &tables.items[i]);
        r = mysql_run(context,
                &(MysqlCall){.database = database,
                        .what = "cannot read the database's content",
                        .sql = sql,
                        .rows = &rows},
                error);
        return r < 0 ? r : mysql_digest_fold(database, &tables, &rows, ret_text, error);
}
