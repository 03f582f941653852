// A snapshot of production: into a fresh directory, since dump2py leaves files of earlier dumps
// behind, which an older script would go on loading; then exchanged with the last one in one
// rename. Nothing else in production's project directory changes.
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/database.h"
#include "site/lino_output.h"
#include "site/python.h"
#include "step/context.h"
#include "steps/files.h"
#include "steps/script.h"
#include "steps/way.h"
#include "tree/tree.h"

// Where the dump is made: gone when the step ends; after a kill, when it runs again.
#define DUMP_WORK_DIRECTORY ".understudy-dump"

// What people and the script step keep in the snapshot's directory; all else is dump2py's.
static const char *const carried[] = {
        SCRIPT_FILE, SCRIPT_BASE, MERGE_FILE, MERGE_OLD_FILE, MERGE_BASE_FILE};

static int failed(int r, const SiteDir *site, const char *name, const char *what, Error *error)
{
        error_set(error, r, r == -ENOSPC || r == -EDQUOT ? "no-space" : "dump", "%s", what);
        error_where(error, "%s/%s", site->path, name);
        error_next(error,
                r == -ENOSPC ? "Free space there (the last snapshot is as it was): df -h '%s'"
                             : "Look at it: ls -la '%s'",
                site->path);
        return r;
}

// A plain name: the snapshot lies in the project directory itself, as Lino documents it.
static int check_name(const SiteDir *site, const char *name, Error *error)
{
        if (!text_blank(name) && name[0] != '.' && !strchr(name, '/') && strlen(name) < 200)
                return 0;
        error_set(error, -EINVAL, "bad-name", "a snapshot's directory needs a plain name");
        error_where(error, "%s", site->path);
        error_why(error, "'%s' is empty, begins with a dot or has a slash", name);
        error_next(error, "Use Lino's own: snapshot2preview");
        return -EINVAL;
}

static int make_work_directory(const SiteDir *site)
{
        // Its group is production's, by the setgid bit of the project directory.
        _cleanup_close_ int fd =
                directory_make(site->fd, DUMP_WORK_DIRECTORY, site->owner.uid, (gid_t)-1);

        return fd < 0 ? fd : 0;
}

// Also after a cancel: it holds a copy of production's data.
static int remove_work_directory(const SiteDir *site, Error *error)
{
        const TreeOptions options = {.cancel_fd = -1};
        TreeFigures figures = {0};

        return tree_remove(site->fd, DUMP_WORK_DIRECTORY, &options, &figures, error);
}

static int take_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        (void)stream, (void)length;
        lino_output_line(userdata, line);
        return 1;
}

static void take_tables(json_t *tables, Fleet__DumpResult *result)
{
        size_t i, count = json_array_size(tables);
        json_t *entry;

        result->tables = memory_new(count * sizeof(*result->tables));
        json_array_foreach (tables, i, entry) {
                Fleet__DumpTable *table =
                        (Fleet__DumpTable *)message_new(&fleet__dump_table__descriptor);

                table->table = text_copy(json_string_value(json_object_get(entry, "table")));
                table->rows = (uint64_t)json_integer_value(json_object_get(entry, "rows"));
                table->parts = (uint32_t)json_integer_value(json_object_get(entry, "parts"));
                result->tables[result->n_tables++] = table;
        }
}

// Tables of an engine without snapshots, as text; NULL when there are none.
static char *unsafe_tables(json_t *answer)
{
        json_t *entry, *unsafe = json_object_get(answer, "unsafe");
        char *text = NULL;
        size_t i;

        json_array_foreach (unsafe, i, entry) {
                char *longer = text_format(
                        "%s%s%s", text ? text : "", text ? ", " : "", json_string_value(entry));

                free(text);
                text = longer;
        }
        return text;
}

static int check_safe(StepContext *context, const SiteDir *site,
        const Fleet__DumpArguments *arguments, json_t *answer, Error *error)
{
        _cleanup_free_ char *tables = unsafe_tables(answer);

        if (!tables)
                return 0;
        if (arguments->stop_writers) {
                step_note(context, "Writers of tables without snapshots waited for the dump: %s.",
                        tables);
                return 0;
        }
        error_set(error, -EOPNOTSUPP, "no-snapshot",
                "production cannot be dumped while somebody writes");
        error_where(error, "%s", site->path);
        error_why(error, "these tables are not InnoDB, and have no snapshots: %s", tables);
        error_next(error,
                "Change them (ALTER TABLE ... ENGINE=InnoDB), or let their writers wait for the "
                "dump: understudyctl series set %s myisam=stop",
                context_task(context)->series);
        return -EOPNOTSUPP;
}

static int take_answer(const SiteDir *site, json_t *answer, const LinoOutput *output,
        Fleet__DumpResult *result, Error *error)
{
        take_tables(json_object_get(answer, "tables"), result);
        result->objects = (uint64_t)json_integer_value(json_object_get(answer, "objects"));
        result->bytes = (uint64_t)json_integer_value(json_object_get(answer, "bytes"));
        if (json_is_string(json_object_get(answer, "digest")))
                result->digest = text_copy(json_string_value(json_object_get(answer, "digest")));
        result->source_version =
                text_copy(json_string_value(json_object_get(answer, "source_version")));
        result->collation = text_copy(json_string_value(json_object_get(answer, "collation")));
        if (output->wrote && output->objects_written == result->objects)
                return 0;
        error_set(error, -EIO, "dump", "the dump is not complete");
        error_where(error, "%s", site->path);
        error_why(error, "dump2py wrote %" PRIu64 " objects%s, and its files have %" PRIu64,
                output->objects_written, output->wrote ? "" : " as far as it said",
                result->objects);
        error_next(error, "Read its output above, then: understudyctl job retry ID");
        return -EIO;
}

// Where the helper has no copy of its own to read it from: the content before and after, if that is
// the same. Empty else; then the next synchronisation cannot prove that nothing has changed.
static int digest_on_server(StepContext *context, const SiteDir *site,
        const Fleet__DumpArguments *arguments, char **ret, Error *error)
{
        const Fleet__ProbeResult *probe = arguments->production_probe;
        const Fleet__Database *database =
                probe && probe->identity ? probe->identity->database : NULL;
        const DatabaseEngine *engine;
        int r = database ? database_engine(database, &engine, error) : 0;

        if (!database || r < 0 || !engine->on_server)
                return r;
        return engine->digest(context, site, database, database->name, NULL, ret, error);
}

static int make_dump(StepContext *context, const SiteDir *site,
        const Fleet__DumpArguments *arguments, Fleet__DumpResult *result, Error *error)
{
        LinoOutput output _cleanup_lino_output_ = {0};
        _cleanup_free_ char *work = text_format("%s/%s", site->path, DUMP_WORK_DIRECTORY),
                            *directory = text_format("%s/%s", work, arguments->directory);
        json_t *request = json_pack("{s:s, s:s, s:I, s:o, s:b}", "directory", directory, "work",
                       work, "max_rows", (json_int_t)arguments->max_rows, "volatile",
                       database_volatile_list(), "stop_writers", arguments->stop_writers),
               *answer = NULL;
        int r = python_run(
                context, site, "dump", request, take_line, &output, NULL, 0, &answer, error);

        if (r == 0)
                r = check_safe(context, site, arguments, answer, error);
        if (r == 0)
                r = take_answer(site, answer, &output, result, error);
        json_decref(request);
        json_decref(answer);
        return r;
}

// One name of the last snapshot, as a second name of the same file, so that an editor that has it
// open goes on with it.
static int carry_one(int from, int to, const char *name)
{
        _cleanup_free_ char *temporary = text_format(".%s.understudy-new", name);
        struct stat old, new;

        if (fstatat(from, name, &old, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstatat(to, name, &new, AT_SYMLINK_NOFOLLOW) == 0 && old.st_ino == new.st_ino)
                return 0;
        if ((unlinkat(to, temporary, 0) < 0 && errno != ENOENT) ||
                linkat(from, name, to, temporary, 0) < 0 || renameat(to, temporary, to, name) < 0)
                return -errno;
        return 0;
}

static int carry_over(int from, int to)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(carried); i++)
                r = carry_one(from, to, carried[i]);
        return r;
}

static int sync_fd(int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}

// The last snapshot, if there is one. A link in its place leads nowhere we would go.
static int open_last(const SiteDir *site, const char *name, int *ret_fd)
{
        int fd = file_open_beneath(site->fd, name, O_RDONLY | O_DIRECTORY, false);

        *ret_fd = fd >= 0 ? fd : -EBADF;
        return fd < 0 && fd != -ENOENT ? fd : 0;
}

static int adopt_mode(int from, int to)
{
        struct stat st;

        if (fstat(from, &st) < 0 || fchmod(to, st.st_mode & 07777) < 0)
                return -errno;
        return 0;
}

// Carries over once more after the exchange: somebody may have saved the script in between.
static int exchange(const SiteDir *site, int work, const char *name, int last, int fresh)
{
        int r = adopt_mode(last, fresh);

        if (r == 0)
                r = carry_over(last, fresh);
        if (r == 0)
                r = sync_fd(fresh);
        if (r == 0 && renameat2(work, name, site->fd, name, RENAME_EXCHANGE) < 0)
                r = -errno;
        if (r == 0)
                r = carry_over(last, fresh);
        return r == 0 ? sync_fd(fresh) : r;
}

static int publish(const SiteDir *site, const char *name, Error *error)
{
        _cleanup_close_ int work = -EBADF, fresh = -EBADF, last = -EBADF;
        int r = work =
                file_open_beneath(site->fd, DUMP_WORK_DIRECTORY, O_RDONLY | O_DIRECTORY, false);

        if (r >= 0)
                r = fresh = file_open_beneath(work, name, O_RDONLY | O_DIRECTORY, false);
        if (r >= 0)
                r = open_last(site, name, &last);
        if (r == 0 && last >= 0)
                r = exchange(site, work, name, last, fresh);
        else if (r == 0 && renameat2(work, name, site->fd, name, RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r == 0)
                r = sync_fd(work);
        if (r == 0)
                r = sync_fd(site->fd);
        return r < 0 ? failed(r, site, name, "cannot put the new snapshot in its place", error) : 0;
}

static int dump_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__DumpArguments *arguments = (const Fleet__DumpArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        Error later _cleanup_error_ = ERROR_EMPTY;
        Fleet__DumpResult *result = (Fleet__DumpResult *)result_message;
        _cleanup_free_ char *before = NULL, *after = NULL;
        int r = site_open(step_policy(context), arguments->production, &site, error);

        if (r == 0)
                r = check_name(&site, arguments->directory, error);
        if (r == 0)
                r = remove_work_directory(&site, error);
        if (r < 0)
                return r;
        r = make_work_directory(&site);
        if (r < 0)
                return failed(r, &site, DUMP_WORK_DIRECTORY, "cannot make a directory", error);
        r = digest_on_server(context, &site, arguments, &before, error);
        if (r == 0)
                r = make_dump(context, &site, arguments, result, error);
        if (r == 0)
                r = digest_on_server(context, &site, arguments, &after, error);
        if (r == 0 && before && text_equal(before, after))
                result->digest = TAKE_PTR(after);
        if (r == 0)
                r = publish(&site, arguments->directory, error);
        // Also what the exchange left there: the last snapshot.
        int removed = remove_work_directory(&site, r < 0 ? &later : error);
        return r < 0 ? r : removed;
}

static int dump_undo(StepContext *context, const ProtobufCMessage *arguments_message, Error *error)
{
        const Fleet__DumpArguments *arguments = (const Fleet__DumpArguments *)arguments_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        int r = site_open(step_policy(context), arguments->production, &site, error);

        return r < 0 ? r : remove_work_directory(&site, error);
}

static int dump_check(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        (void)context, (void)result, (void)error;
        return !way_has_dump(((const Fleet__DumpArguments *)arguments)->choose);
}

const StepOps step_dump_ops = {.check = dump_check, .run = dump_run, .undo = dump_undo};
