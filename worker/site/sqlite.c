#include "site/sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "site/python.h"
#include "site/sqlite_file.h"

static const char *const staging_suffix = ".understudy-staging";
static const char *const kept_suffix = ".understudy-kept";

// The three names of one site's database, in one directory.
typedef struct SqliteNames {
        int directory;
        char *current, *staging, *kept;
} SqliteNames;

static void names_clear(SqliteNames *names)
{
        closep(&names->directory);
        free(names->current);
        free(names->staging);
        free(names->kept);
}
#define _cleanup_names_ _cleanup_(names_clear)
#define NAMES_EMPTY     ((SqliteNames){.directory = -EBADF})

static int names_open(
        const SiteDir *site, const Fleet__Database *database, SqliteNames *ret, Error *error)
{
        int r = sqlite_file_open(site, database->name, &ret->directory, &ret->current, error);

        if (r < 0)
                return r;
        ret->staging = text_format("%s%s", ret->current, staging_suffix);
        ret->kept = text_format("%s%s", ret->current, kept_suffix);
        return 0;
}

static int failed(int r, const Fleet__Database *database, const char *what, Error *error)
{
        error_set(error, r, "database", "cannot %s the database", what);
        error_where(error, "%s", database->name);
        error_next(error, "Look at its files: ls -li '%s'*", database->name);
        return r;
}

static char *sqlite_staging_name(const Fleet__Database *current)
{
        return text_format("%s%s", current->name, staging_suffix);
}

// By what the interlock knows a file under all its names.
static int sqlite_identify(
        StepContext *context, const SiteDir *site, Fleet__Database *database, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        struct stat st;
        int r = names_open(site, database, &names, error);

        (void)context;
        if (r == 0 && fstatat(names.directory, names.current, &st, AT_SYMLINK_NOFOLLOW) == 0)
                database->server = text_format("sqlite:%llu:%llu", (unsigned long long)st.st_dev,
                        (unsigned long long)st.st_ino);
        return r;
}

static int count_tables(StepContext *context, const SiteDir *site, const char *name,
        const char *const *tables, size_t count, int64_t *ret_rows, int64_t *ret_tables,
        Error *error)
{
        json_t *list = json_array(), *answer = NULL, *request, *rows;
        json_int_t total = 0;
        int r;

        for (size_t i = 0; i < count; i++)
                json_array_append_new(list, json_string(tables[i]));
        request = json_pack("{s:s, s:o}", "database", name, "tables", list);
        r = python_run(context, site, "rows", request, NULL, NULL, NULL, 0, &answer, error);
        if (r == 0 && json_unpack(answer, "{s:o, s:I}", "rows", &rows, "tables", &total) < 0)
                r = error_set(error, -EBADMSG, "site-code", "the count of rows is not readable");
        for (size_t i = 0; r == 0 && i < count; i++)
                ret_rows[i] = json_integer_value(json_object_get(rows, tables[i]));
        *ret_tables = total;
        json_decref(request);
        json_decref(answer);
        return r;
}

static int sqlite_count_rows(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, const char *name, const char *const *tables, size_t count,
        int64_t *ret_rows, Error *error)
{
        int64_t total;

        (void)database;
        return count_tables(context, site, name, tables, count, ret_rows, &total, error);
}

static int sqlite_create(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        uint64_t bytes;
        int64_t tables;
        int r = names_open(site, database, &names, error);

        if (r < 0)
                return r;
        r = sqlite_file_create(names.directory, names.current, &site->owner);
        if (r != -EEXIST)
                return r < 0 ? failed(r, database, "create", error) : 0;
        r = sqlite_file_size(names.directory, names.current, &bytes);
        if (r < 0)
                return failed(r, database, "look at", error);
        if (bytes == 0)
                return 0;
        r = count_tables(context, site, database->name, NULL, 0, NULL, &tables, error);
        if (r < 0 || tables == 0)
                return r;
        error_set(error, -EEXIST, "database-exists", "the new site's database is not empty");
        error_where(error, "%s", database->name);
        error_why(error, "it has %lld tables", (long long)tables);
        error_next(error, "If nobody needs it, move it away: mv '%s' /var/tmp/", database->name);
        return -EEXIST;
}

static int sqlite_size(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_bytes, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        int r = names_open(site, database, &names, error);

        (void)context;
        if (r < 0)
                return r;
        r = sqlite_file_size(names.directory, names.current, ret_bytes);
        return r < 0 ? failed(r, database, "measure", error) : 0;
}

static int sqlite_seal(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_bytes, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        int r = names_open(site, database, &names, error);

        (void)context;
        if (r < 0)
                return r;
        r = sqlite_file_seal(names.directory, names.staging);
        if (r == 0)
                r = sqlite_file_size(names.directory, names.staging, ret_bytes);
        return r < 0 ? failed(r, database, "make durable the restored copy of", error) : 0;
}

// So that no side file with content has to change its name together with its database.
static int write_back_wal(StepContext *context, const SiteDir *site, const SqliteNames *names,
        const Fleet__Database *database, Error *error)
{
        json_t *request, *answer = NULL;
        int r;

        if (!sqlite_file_has_wal(names->directory, names->current))
                return 0;
        request = json_pack("{s:s}", "database", database->name);
        r = python_run(context, site, "checkpoint", request, NULL, NULL, NULL, 0, &answer, error);
        json_decref(request);
        json_decref(answer);
        return r;
}

static int lock_current(StepContext *context, const SqliteNames *names,
        const Fleet__Database *database, int *ret_fd, Error *error)
{
        int r = sqlite_file_lock(names->directory, names->current, 10 * US_PER_SECOND,
                step_cancel_fd(context), ret_fd);

        if (r == -ECANCELED)
                return step_canceled_error(context, error);
        if (r == -EBUSY) {
                error_set(error, r, "database-busy", "somebody is writing into the preview");
                error_where(error, "%s", database->name);
                error_why(error, "a transaction has been open for 10 seconds");
                error_next(error, "Stop the preview's server, then: understudyctl job retry ID");
                return r;
        }
        return r < 0 ? failed(r, database, "lock", error) : 0;
}

static int keep_current(const SqliteNames *names)
{
        int r = sqlite_file_remove_sides(names->directory, names->kept);

        return r < 0 ? r : sqlite_file_link(names->directory, names->current, names->kept);
}

static int replace_current(const SqliteNames *names)
{
        int r = sqlite_file_adopt(names->directory, names->staging, names->current);

        if (r == 0 && !sqlite_file_exists(names->directory, names->kept))
                r = keep_current(names);
        if (r < 0)
                return r;
        // One file under both names: kept just now, or by a swap that was killed here.
        if (sqlite_file_same(names->directory, names->current, names->kept))
                r = sqlite_file_move_sides(names->directory, names->current, names->kept);
        else
                r = sqlite_file_remove_sides(names->directory, names->current);
        return r < 0 ? r : sqlite_file_rename(names->directory, names->staging, names->current);
}

static int sqlite_swap(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        bool *ret_kept, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        _cleanup_close_ int lock = -EBADF;
        uint64_t kept_bytes = 0;
        int r = names_open(site, database, &names, error);

        if (r < 0)
                return r;
        if (sqlite_file_exists(names.directory, names.staging)) {
                r = write_back_wal(context, site, &names, database, error);
                if (r < 0)
                        return r;
                // A preview without a database: an empty one is what to go back to.
                r = sqlite_file_create(names.directory, names.current, &site->owner);
                if (r < 0 && r != -EEXIST)
                        return failed(r, database, "create", error);
                r = lock_current(context, &names, database, &lock, error);
                if (r < 0)
                        return r;
                r = replace_current(&names);
        } else if (!sqlite_file_exists(names.directory, names.kept)) {
                r = -ENOENT; // neither restored nor swapped
        }
        if (r == 0)
                r = sqlite_file_size(names.directory, names.kept, &kept_bytes);
        if (r < 0)
                return failed(r, database, "put the restored one in the place of", error);
        *ret_kept = kept_bytes > 0;
        return 0;
}

static int sqlite_put_back(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        _cleanup_close_ int lock = -EBADF;
        int r = names_open(site, database, &names, error);

        if (r < 0)
                return r;
        if (!sqlite_file_exists(names.directory, names.kept)) {
                r = sqlite_file_move_sides(names.directory, names.kept, names.current);
                return r < 0 ? failed(r, database, "put back", error) : 0;
        }
        r = sqlite_file_create(names.directory, names.current, &site->owner);
        if (r < 0 && r != -EEXIST)
                return failed(r, database, "create", error);
        r = lock_current(context, &names, database, &lock, error);
        if (r < 0)
                return r;
        if (!sqlite_file_same(names.directory, names.current, names.kept))
                r = sqlite_file_remove_sides(names.directory, names.current);
        if (r == 0)
                r = sqlite_file_rename(names.directory, names.kept, names.current);
        if (r == 0)
                r = sqlite_file_move_sides(names.directory, names.kept, names.current);
        return r < 0 ? failed(r, database, "put back", error) : 0;
}

static int sqlite_settle(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_freed, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        int r = names_open(site, database, &names, error);

        (void)context;
        if (r < 0)
                return r;
        if (!sqlite_file_exists(names.directory, names.current))
                return failed(-ENOENT, database, "give up the previous state of", error);
        *ret_freed = 0;
        if (sqlite_file_exists(names.directory, names.kept))
                (void)!sqlite_file_size(names.directory, names.kept, ret_freed);
        r = sqlite_file_remove(names.directory, names.kept);
        return r < 0 ? failed(r, database, "remove the previous state of", error) : 0;
}

static int sqlite_drop_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        int r = names_open(site, database, &names, error);

        (void)context;
        if (r < 0)
                return r;
        r = sqlite_file_remove(names.directory, names.staging);
        return r < 0 ? failed(r, database, "remove the unfinished copy of", error) : 0;
}

static int sqlite_drop(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        SqliteNames names _cleanup_names_ = NAMES_EMPTY;
        int r = names_open(site, database, &names, error);

        (void)context;
        if (r < 0)
                return r;
        r = sqlite_file_remove(names.directory, names.staging);
        if (r == 0)
                r = sqlite_file_remove(names.directory, names.kept);
        if (r == 0)
                r = sqlite_file_remove(names.directory, names.current);
        return r < 0 ? failed(r, database, "remove", error) : 0;
}

const DatabaseEngine sqlite_engine = {
        .name = "sqlite",
        .identify = sqlite_identify,
        .staging_name = sqlite_staging_name,
        .create = sqlite_create,
        .size = sqlite_size,
        .open_staging = sqlite_drop_staging, // a restore makes the file
        .seal = sqlite_seal,
        .swap = sqlite_swap,
        .put_back = sqlite_put_back,
        .settle = sqlite_settle,
        .drop_staging = sqlite_drop_staging,
        .drop = sqlite_drop,
        .count_rows = sqlite_count_rows,
        .digest = sqlite_digest,
        .schema = sqlite_schema,
        .copy = sqlite_copy,
};
