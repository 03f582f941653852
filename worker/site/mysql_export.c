#include "site/mysql_export.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file.h"

#define CHUNK ((size_t)64 << 20)

typedef struct Export {
        MysqlCopy *copy;
        bool *by_file;                  // of each table
        char *from_name, *staging_name; // directories below the data directory
        int from, staging;              // those, open
} Export;

static void export_clear(Export *export)
{
        free(export->by_file);
        free(export->from_name);
        free(export->staging_name);
        closep(&export->from);
        closep(&export->staging);
}

// ---- may it be done?

static int open_directory(int data, const char *name)
{
        return name ? file_open_beneath(data, name, O_RDONLY | O_DIRECTORY, false) : -EINVAL;
}

static int open_export(
        StepContext *context, MysqlCopy *copy, Export *ret, char **ret_why, Error *error)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int data = -EBADF;
        bool log = false;
        int r = mysql_data_directory(context, copy->database, &path, &log, error);

        if (r < 0)
                return r;
        *ret = (Export){.copy = copy,
                .from_name = mysql_file_name(copy->from->name),
                .staging_name = mysql_file_name(copy->staging),
                .from = -EBADF,
                .staging = -EBADF};
        if (log || !path) {
                *ret_why = text_copy(log ? "the server keeps a binary log"
                                         : "the server runs on another machine");
                return 0;
        }
        data = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ret->from = data < 0 ? -errno : open_directory(data, ret->from_name);
        ret->staging = data < 0 ? ret->from : open_directory(data, ret->staging_name);
        if (ret->from >= 0 && ret->staging >= 0)
                return 1;
        *ret_why = text_format("the worker cannot open %s: %s", path,
                strerror(ret->from < 0 ? -ret->from : -ret->staging));
        return 0;
}

int mysql_export_possible(StepContext *context, const MysqlCopy *copy, Error *error)
{
        Export export _cleanup_(export_clear) = {.from = -EBADF, .staging = -EBADF};
        _cleanup_free_ char *why = NULL;
        int r = open_export(context, (MysqlCopy *)copy, &export, &why, error);

        if (r == 0)
                step_note(context, "The database is copied row by row, not as files: %s.", why);
        return r;
}

// ---- which tables

// Those with a file of their own, in its usual place, that has all there is of the table.
#define FILES_SQL                                                                                  \
        "SELECT files.name FROM information_schema.innodb_sys_tablespaces AS files "               \
        "WHERE BINARY LEFT(files.name, CHAR_LENGTH({prefix'})) = {prefix'} "                       \
        "AND files.filename = CONCAT('./', files.name, '.ibd');\n"                                 \
        "SELECT DISTINCT CONCAT('-', table_name) FROM information_schema.statistics "              \
        "WHERE table_schema = {from'} AND index_type IN ('FULLTEXT', 'SPATIAL');\n"                \
        "SELECT DISTINCT CONCAT('-', table_name) FROM information_schema.columns "                 \
        "WHERE table_schema = {from'} AND is_generated = 'ALWAYS';\n"

static bool listed(const TextList *list, const char *before, const char *name)
{
        size_t length = strlen(before);

        for (size_t i = 0; name && i < list->count; i++)
                if (text_starts(list->items[i], before) &&
                        text_equal(list->items[i] + length, name))
                        return true;
        return false;
}

static int choose(StepContext *context, Export *export, Error *error)
{
        const MysqlTables *tables = &export->copy->tables;
        _cleanup_free_ char *prefix = text_format("%s/", export->from_name);
        TextList rows _cleanup_text_list_ = {0};
        int r = mysql_ask(context, export->copy->from, "cannot look at production's files",
                FILES_SQL,
                (const MysqlValue[]){{"prefix", prefix}, {"from", export->copy->from->name}, {0}},
                &rows, error);

        for (size_t i = 0; r == 0 && i < rows.count; i++)
                (void)mysql_split(rows.items[i], &rows.items[i], 1);
        export->by_file = memory_new(tables->count + 1);
        for (size_t i = 0; r == 0 && i < tables->count; i++) {
                const MysqlTable *table = &tables->items[i];
                _cleanup_free_ char *name = mysql_file_name(table->name);

                export->by_file[i] = listed(&rows, prefix, name) &&
                                     !listed(&rows, "-", table->name) && !mysql_is_volatile(table);
        }
        return r;
}

// ---- files

static int copy_bytes(int from, int to)
{
        if (ioctl(to, FICLONE, from) == 0)
                return 0;
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, CHUNK, 0);

                if (n == 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

static int copy_file(const Export *export, const char *name)
{
        _cleanup_close_ int from = openat(export->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC),
                            to = -EBADF;
        struct stat st;

        if (from < 0 || fstat(from, &st) < 0)
                return -errno;
        to = openat(
                export->staging, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0 || fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 0777) < 0)
                return -errno;
        return copy_bytes(from, to);
}

static int copy_files(StepContext *context, const Export *export, Error *error)
{
        static const char *const endings[] = {"ibd", "cfg"};
        const MysqlTables *tables = &export->copy->tables;

        for (size_t i = 0; i < tables->count; i++) {
                _cleanup_free_ char *name = mysql_file_name(tables->items[i].name);
                int r = 0;

                if (!export->by_file[i])
                        continue;
                step_progress(
                        context, FLEET__UNIT__TABLES, i, tables->count, tables->items[i].name);
                for (size_t j = 0; r == 0 && j < ELEMENTS(endings); j++) {
                        _cleanup_free_ char *file = text_format("%s.%s", name, endings[j]);

                        r = step_canceled(context) ? -ECANCELED : copy_file(export, file);
                }
                if (r == -ECANCELED)
                        return step_canceled_error(context, error);
                if (r < 0) {
                        error_set(error, r, r == -ENOSPC ? "no-space" : "database",
                                "cannot copy a table's file");
                        error_where(error, "mysql database %s, table %s", export->copy->from->name,
                                tables->items[i].name);
                        error_next(error, "Look at the server's data directory (df -h, ls -l), "
                                          "then: understudyctl job retry ID");
                        return r;
                }
        }
        return 0;
}

// ---- scripts

static char *for_each(const Export *export, const char *start, const char *template)
{
        const MysqlTables *tables = &export->copy->tables;
        char *sql = NULL;
        bool first = true;

        mysql_append(&sql, start,
                (const MysqlValue[]){
                        {"s", export->copy->staging}, {"from", export->copy->from->name}, {0}});
        for (size_t i = 0; i < tables->count; i++) {
                if (!export->by_file[i])
                        continue;
                mysql_append(&sql, template,
                        (const MysqlValue[]){{"comma", first ? "" : ","},
                                {"s", export->copy->staging}, {"from", export->copy->from->name},
                                {"t", tables->items[i].name}, {0}});
                first = false;
        }
        return sql;
}

static int discard(StepContext *context, const Export *export, Error *error)
{
        _cleanup_free_ char *sql = for_each(export, "USE {s};\nSET foreign_key_checks = 0;\n",
                "ALTER TABLE {s}.{t} DISCARD TABLESPACE;\n");

        return mysql_run(context,
                &(MysqlCall){.database = export->copy->database,
                        .what = "cannot make room for the tables' files",
                        .sql = sql},
                error);
}

// While production's digests are taken, below the lock; also what has no file.
static int import(StepContext *context, const Export *export, Error *error)
{
        MysqlCopy *copy = export->copy;
        _cleanup_free_ char *sql =
                for_each(export, "USE {s};\nSET unique_checks = 0, foreign_key_checks = 0;\n",
                        "ALTER TABLE {s}.{t} IMPORT TABLESPACE;\n");

        for (size_t i = 0; i < copy->tables.count; i++)
                if (!export->by_file[i])
                        mysql_parts_append(&sql, copy, &copy->tables.items[i], false);
        return mysql_run(context,
                &(MysqlCall){.database = copy->database,
                        .what = "cannot take over the copied files",
                        .sql = sql,
                        .rows = &copy->digests},
                error);
}

static char *export_script(const Export *export)
{
        const MysqlCopy *copy = export->copy;
        char *sql = for_each(export, "USE {from};\nFLUSH TABLES ", "{comma!}{t}");

        mysql_append(
                &sql, " FOR EXPORT;\n" MYSQL_TELL("READY") MYSQL_GATE, (const MysqlValue[]){{0}});
        for (size_t i = 0; i < copy->tables.count; i++)
                if (export->by_file[i])
                        mysql_digest_append(&sql, copy->from->name, &copy->tables.items[i]);
        mysql_append(&sql, "UNLOCK TABLES;\n" MYSQL_TELL("DONE"), (const MysqlValue[]){{0}});
        return sql;
}

static int export_and_import(StepContext *context, const Export *export, Error *error)
{
        MysqlSession session _cleanup_session_ = MYSQL_SESSION_EMPTY;
        MysqlCopy *copy = export->copy;
        _cleanup_free_ char *sql = export_script(export);
        int r = mysql_start(context,
                &(MysqlCall){.database = copy->from,
                        .what = "cannot export production's tables",
                        .sql = sql},
                &session, error);

        if (r == 0)
                r = mysql_wait(&session, "READY", &copy->digests, error);
        if (r == 0)
                r = copy_files(context, export, error);
        mysql_session_open_gate(&session);
        if (r == 0)
                r = import(context, export, error);
        if (r == 0)
                r = mysql_wait(&session, "DONE", &copy->digests, error);
        return r;
}

int mysql_export(StepContext *context, MysqlCopy *copy, Error *error)
{
        Export export _cleanup_(export_clear) = {.from = -EBADF, .staging = -EBADF};
        _cleanup_free_ char *why = NULL;
        int r = open_export(context, copy, &export, &why, error);

        if (r >= 0)
                r = choose(context, &export, error);
        if (r < 0)
                return r;
        if (!memchr(export.by_file, true, copy->tables.count))
                return import(context, &export, error);
        r = discard(context, &export, error);
        return r < 0 ? r : export_and_import(context, &export, error);
}
