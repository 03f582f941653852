#include "base/sqlite.h"

#include <fcntl.h>

#include "base/text.h"

static int failed(sqlite3 *db, Error *error, const char *doing)
{
        int code = sqlite3_extended_errcode(db);
        int r = (code & 0xff) == SQLITE_CONSTRAINT ? -EEXIST
                : (code & 0xff) == SQLITE_FULL     ? -ENOSPC
                                                   : -EIO;
        const char *path = sqlite3_db_filename(db, NULL);

        error_set(error, r, "database", "%s", doing);
        error_where(error, "%s", path ? path : "(memory)");
        error_why(error, "%s", sqlite3_errmsg(db));
        if (r == -ENOSPC)
                error_next(error, "Free space on its file system.");
        return r;
}

static int execute(sqlite3 *db, const char *sql, Error *error, const char *doing)
{
        return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, error, doing);
}

static int migrate(sqlite3 *db, const char *const *migrations, Error *error)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int64_t version;
        int r = sql_query(db, &statement, error, "PRAGMA user_version", "");

        if (r < 0)
                return r;
        r = sql_step(statement, error);
        if (r < 0)
                return r;
        version = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
        for (int64_t i = 0; migrations[i]; i++) {
                _cleanup_free_ char *script = NULL;

                if (i < version)
                        continue;
                script = text_format("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version=%lld;\nCOMMIT;",
                        migrations[i], (long long)i + 1);
                r = execute(
                        db, script, error, "cannot bring the database to this version's schema");
                if (r < 0)
                        return r;
                version = i + 1;
        }
        for (int64_t i = 0; i < version; i++)
                if (!migrations[i]) {
                        r = error_set(error, -EPROTO, "database-newer",
                                "the database was written by a newer version of this program");
                        error_where(error, "%s", sqlite3_db_filename(db, NULL));
                        error_why(error, "its schema is number %lld, this program knows up to %lld",
                                (long long)version, (long long)i);
                        error_next(error,
                                "Install that version again, or restore a backup of the database.");
                        return r;
                }
        return 0;
}

int sql_open(const char *path, const char *const *migrations, sqlite3 **ret, Error *error)
{
        _cleanup_database_ sqlite3 *db = NULL;
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r;

        if (fd < 0) {
                r = error_set(error, -errno, "database", "cannot open the database");
                error_where(error, "%s", path);
                return r;
        }
        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL) !=
                SQLITE_OK)
                return failed(db, error, "cannot open the database");
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, 10000);
        r = execute(db,
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA journal_size_limit=67108864;",
                error, "cannot set the database up");
        if (r < 0)
                return r;
        r = migrate(db, migrations, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(db);
        return 0;
}

static int bind_all(sqlite3_stmt *statement, const char *types, va_list arguments)
{
        int r = SQLITE_OK;

        for (int i = 0; types[i] && r == SQLITE_OK; i++) {
                int n = i + 1;

                switch (types[i]) {
                case 't':
                        r = sqlite3_bind_text(statement, n, va_arg(arguments, const char *), -1,
                                SQLITE_TRANSIENT);
                        break;
                case 'i':
                        r = sqlite3_bind_int64(statement, n, va_arg(arguments, int64_t));
                        break;
                case 'd':
                        r = sqlite3_bind_double(statement, n, va_arg(arguments, double));
                        break;
                case 'b': {
                        const void *data = va_arg(arguments, const void *);
                        size_t size = va_arg(arguments, size_t);

                        r = sqlite3_bind_blob64(
                                statement, n, data ? data : "", size, SQLITE_TRANSIENT);
                        break;
                }
                default:
                        r = SQLITE_MISUSE;
                }
        }
        return r;
}

int sql_vquery(sqlite3 *db, sqlite3_stmt **ret, Error *error, const char *sql, const char *types,
        va_list arguments)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r;

        if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
                return failed(db, error, "the database refused a statement");
        r = sql_vbind(statement, error, types, arguments);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(statement);
        return 0;
}

int sql_vbind(sqlite3_stmt *statement, Error *error, const char *types, va_list arguments)
{
        if (bind_all(statement, types, arguments) == SQLITE_OK)
                return 0;
        return failed(sqlite3_db_handle(statement), error, "the database refused a value");
}

int sql_query(
        sqlite3 *db, sqlite3_stmt **ret, Error *error, const char *sql, const char *types, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = sql_vquery(db, ret, error, sql, types, arguments);
        va_end(arguments);
        return r;
}

int sql_run(sqlite3 *db, Error *error, const char *sql, const char *types, ...)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = sql_vquery(db, &statement, error, sql, types, arguments);
        va_end(arguments);
        while (r == 0) {
                r = sql_step(statement, error);
                if (r <= 0)
                        break;
                r = 0;
        }
        return r;
}

int sql_step(sqlite3_stmt *statement, Error *error)
{
        switch (sqlite3_step(statement)) {
        case SQLITE_ROW:
                return 1;
        case SQLITE_DONE:
                return 0;
        default:
                return failed(sqlite3_db_handle(statement), error, "the database failed");
        }
}

const char *sql_text(sqlite3_stmt *statement, int column)
{
        const unsigned char *text = sqlite3_column_text(statement, column);

        return text ? (const char *)text : "";
}
