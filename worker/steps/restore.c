// Loads the snapshot into a database beside the preview's, which answers throughout.
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/lino_output.h"
#include "site/python.h"
#include "step/context.h"
#include "steps/delta_sync.h"
#include "steps/files.h"
#include "steps/native.h"
#include "steps/way.h"

#define SCRIPT "restore2preview.py"

typedef struct Restore {
        StepContext *context;
        const Fleet__RestoreArguments *arguments;
        Target target;
        char *staging;
        LinoOutput output;
        json_t *answer;
} Restore;

static void restore_clear(Restore *restore)
{
        target_close(&restore->target);
        free(restore->staging);
        lino_output_clear(&restore->output);
        json_decref(restore->answer);
}

static int take_line(void *userdata, Fleet__LogLine__Stream stream, const char *line, size_t length)
{
        Restore *restore = userdata;

        (void)stream, (void)length;
        lino_output_line(&restore->output, line);
        return 1;
}

// Production's, when it can hold every character.
static const char *collation_of(const Fleet__DumpResult *dump)
{
        return dump && dump->collation && text_starts(dump->collation, "utf8mb4_") ? dump->collation
                                                                                   : "";
}

// `mark` NULL: the database is not marked for deltas.
static json_t *make_request(const Restore *restore, json_t *take_production, json_t *take_mark)
{
        const Fleet__RestoreArguments *arguments = restore->arguments;
        _cleanup_free_ char *script = NULL;

        script = text_format("%s/%s", arguments->directory, SCRIPT);
        return json_pack("{s:s, s:s, s:s, s:o, s:b, s:I, s:o, s:s, s:s, s:o?}", "script", script,
                "database", restore->target.identity->database->name, "staging", restore->staging,
                "keep", target_keep(&restore->target, arguments->guard, true), "quick",
                arguments->quick, "objects",
                (json_int_t)(arguments->dump ? arguments->dump->objects : 0), "production",
                take_production, "project", restore->target.site.path, "collation",
                collation_of(arguments->dump), "mark", take_mark);
}

static int check_script(const Restore *restore, Error *error)
{
        const SiteDir *site = &restore->target.site;
        _cleanup_free_ char *path = text_format("%s/%s", restore->arguments->directory, SCRIPT);
        _cleanup_close_ int fd =
                file_open_beneath(site->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, false);
        struct stat st;
        int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;

        if (r == 0)
                return 0;
        error_set(error, r, "script", "the preview has no maintained script");
        error_where(error, "%s/%s", site->path, path);
        error_next(error, "It comes with the snapshot: understudyctl preview sync %s",
                context_task(restore->context)->series);
        return r;
}

static int restore_failed(const Restore *restore, const char *table, const char *object,
        const char *why, Error *error)
{
        const LinoOutput *output = &restore->output;
        _cleanup_free_ char *job = step_job(restore->context);

        if (text_blank(table) && output->table_count > 0)
                table = output->tables[output->table_count - 1].name;
        error_set(error, -EIO, "restore", "the restore failed%s%s%s%s",
                text_blank(table) ? "" : " in table ", text_blank(table) ? "" : table,
                text_blank(object) ? "" : ", object ", text_blank(object) ? "" : object);
        error_where(error, "%s/%s/%s", restore->target.site.path, restore->arguments->directory,
                SCRIPT);
        error_why(error, "%s", why);
        error_next(error,
                "Edit production's %s/%s so that it loads (yesterday's preview still answers), "
                "then: understudyctl job retry %s",
                restore->arguments->directory, SCRIPT, job);
        return -EIO;
}

static int restore_abandoned(const Restore *restore, Error *error)
{
        const LinoOutput *output = &restore->output;
        _cleanup_free_ char *why =
                text_format("%" PRIu64 " objects could not be saved", output->objects_abandoned);
        const char *first = output->unsaved.count > 0 ? output->unsaved.items[0] : "";
        _cleanup_free_ char *model = text_copy_n(first, strcspn(first, " "));

        for (size_t i = 0; i < output->unsaved.count; i++) {
                char *longer = text_format("%s; %s", why, output->unsaved.items[i]);

                free(why);
                why = longer;
        }
        return restore_failed(restore, model, NULL, why, error);
}

// Exit 0 proves nothing: an empty script exits 0 and so does, in older versions, a partial restore.
static int judge(const Restore *restore, Error *error)
{
        const LinoOutput *output = &restore->output;
        json_t *failure = json_object_get(restore->answer, "failure");
        const char *table = "", *object = "", *why = "";

        if (output->abandoned)
                return restore_abandoned(restore, error);
        if (failure) {
                (void)!json_unpack(failure, "{s?s, s?s, s?s}", "table", &table, "object", &object,
                        "why", &why);
                return restore_failed(restore, table, object, why, error);
        }
        if (!output->loaded)
                return restore_failed(restore, NULL, NULL,
                        "it ended without the line \"Loaded N objects\"", error);
        if (output->database && !text_equal(output->database, restore->staging))
                return restore_failed(restore, NULL, NULL,
                        "its initdb ran on another database than the one asked for", error);
        return 0;
}

static void take_tables(const LinoOutput *output, Fleet__RestoreResult *result)
{
        result->tables = memory_new(output->table_count * sizeof(*result->tables));
        for (size_t i = 0; i < output->table_count; i++) {
                Fleet__DumpTable *table =
                        (Fleet__DumpTable *)message_new(&fleet__dump_table__descriptor);

                table->table = text_copy(output->tables[i].name);
                table->rows = output->tables[i].rows;
                result->tables[result->n_tables++] = table;
        }
}

static void report(const Restore *restore, Fleet__RestoreResult *result)
{
        json_t *entry, *others = json_object_get(restore->answer, "others");
        size_t i;

        result->loaded = restore->output.objects_loaded;
        result->deferred = restore->output.deferred;
        result->paths_corrected =
                (uint64_t)json_integer_value(json_object_get(restore->answer, "corrected"));
        take_tables(&restore->output, result);
        if (result->paths_corrected > 0)
                step_note(restore->context,
                        "%" PRIu64 " volumes that lay in production's project directory now lie in "
                        "the preview's.",
                        result->paths_corrected);
        json_array_foreach (others, i, entry)
                step_note(restore->context,
                        "%s: %lld objects name production's project directory; left as they are.",
                        json_string_value(json_object_get(entry, "file")),
                        (long long)json_integer_value(json_object_get(entry, "lines")));
}

static DeltaSync delta_of(const Restore *restore)
{
        return (DeltaSync){restore->context, restore->arguments, &restore->target};
}

static int fill(Restore *restore, bool mark, Error *error)
{
        const DeltaSync sync = delta_of(restore);
        json_t *request, *production;
        int r = target_production_paths(
                restore->context, restore->arguments->production, &production, error);

        if (r < 0)
                return r;
        request = make_request(restore, production, mark ? delta_sync_mark(&sync) : NULL);
        r = python_run(restore->context, &restore->target.site, "restore", request, take_line,
                restore, NULL, 0, &restore->answer, error);
        json_decref(request);
        return r == 0 ? judge(restore, error) : r;
}

static int load(Restore *restore, bool mark, Fleet__RestoreResult *result, Error *error)
{
        const Target *target = &restore->target;
        const Fleet__Database *database = target->identity->database;
        const char *rows;
        int r = fill(restore, mark, error);

        if (r == 0)
                r = target->engine->seal(
                        restore->context, &target->site, database, &result->database_bytes, error);
        if (r == 0)
                r = target->engine->digest(restore->context, &target->site, database,
                        restore->staging, NULL, &result->preview_digest, error);
        if (r < 0)
                return r;
        report(restore, result);
        rows = json_string_value(json_object_get(json_object_get(restore->answer, "marked"), "id"));
        if (rows)
                result->rows = text_copy(rows);
        return 0;
}

// One restore in an environment at a time: Lino's initdb writes into its packages.
static int lock_environment(const Restore *restore, int *ret_fd, Error *error)
{
        struct pollfd cancel = {.fd = step_cancel_fd(restore->context), .events = POLLIN};
        _cleanup_close_ int fd =
                openat(restore->target.site.fd, "env", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;

        if (r == -EWOULDBLOCK)
                step_note(restore->context, "Waiting for another restore in this environment");
        while (r == -EWOULDBLOCK) {
                if (poll(&cancel, 1, 100) > 0)
                        return step_canceled_error(restore->context, error);
                r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
        }
        if (r < 0) {
                error_set(error, r, "restore", "cannot lock the site's environment");
                error_where(error, "%s/env", restore->target.site.path);
                error_next(error, "Look at it: ls -ld '%s/env'", restore->target.site.path);
                return r;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

// ---- the ways

// The last reason that was given is the nearest one.
static void tell_full(const Restore *restore, Fleet__RestoreResult *result)
{
        const Fleet__ChooseResult *choose = restore->arguments->choose;
        _cleanup_free_ char *refused =
                result->n_reasons == 0
                        ? NULL
                        : text_format("in full: %s", result->reasons[result->n_reasons - 1]);
        const char *why = refused                               ? refused
                          : choose && !text_blank(choose->told) ? choose->told
                                                                : "in full";

        result->way = FLEET__WAY__FULL;
        result->told = text_format("%" PRIu64 " objects restored, %s", result->loaded, why);
}

static int restore_full(Restore *restore, bool mark, Fleet__RestoreResult *result, Error *error)
{
        const Target *target = &restore->target;
        _cleanup_close_ int lock = -EBADF;
        int r = check_script(restore, error);

        if (r == 0)
                r = lock_environment(restore, &lock, error);
        if (r == 0)
                r = target->engine->open_staging(
                        restore->context, &target->site, target->identity->database, error);
        if (r < 0)
                return r;
        free(restore->staging);
        restore->staging = target->engine->staging_name(target->identity->database);
        r = load(restore, mark, result, error);
        if (r == 0)
                tell_full(restore, result);
        return r;
}

// The full restore, beside the preview that has been changed already, so that a difference puts it
// in its place.
static int compare(Restore *restore, Fleet__RestoreResult *result, Error *error)
{
        const DeltaSync sync = delta_of(restore);
        _cleanup_message_ ProtobufCMessage *message =
                message_new(&fleet__restore_result__descriptor);
        Fleet__RestoreResult *full = (Fleet__RestoreResult *)message, swapped;
        int r;

        step_note(restore->context, "This delta is compared with a full restore.");
        r = restore_full(restore, false, full, error);
        if (r == 0)
                r = delta_sync_compare(&sync, restore->staging, full, error);
        if (r < 0)
                return r;
        result->compared = true;
        if (full->n_differences == 0)
                return restore->target.engine->drop_staging(restore->context, &restore->target.site,
                        restore->target.identity->database, error);
        step_note(restore->context, "They differ: the full restore takes the preview's place.");
        swapped = *result;
        *result = *full;
        *full = swapped;
        return 0;
}

// 1: refused, with nothing changed.
static int restore_delta(Restore *restore, Fleet__RestoreResult *result, Error *error)
{
        const DeltaSync sync = delta_of(restore);
        int r = delta_sync_restore(&sync, result, error);

        return r == 0 && delta_sync_is_due(&sync) ? compare(restore, result, error) : r;
}

static int restore_way(Restore *restore, Fleet__RestoreResult *result, Error *error)
{
        const Fleet__ChooseResult *choose = restore->arguments->choose;
        int r = 1;

        if (choose && choose->way == FLEET__WAY__NATIVE)
                return native_restore(
                        restore->context, restore->arguments, &restore->target, result, error);
        if (choose && choose->way == FLEET__WAY__DELTA)
                r = restore_delta(restore, result, error);
        return r == 1 ? restore_full(restore, true, result, error) : r;
}

static int restore_check(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__ChooseResult *choose =
                ((const Fleet__RestoreArguments *)arguments_message)->choose;
        Fleet__RestoreResult *result = (Fleet__RestoreResult *)result_message;

        (void)context, (void)error;
        if (!way_is_nothing(choose))
                return 0;
        result->way = FLEET__WAY__NOTHING;
        result->told = text_copy(choose->told);
        return 1;
}

static int restore_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        Restore restore _cleanup_(restore_clear) = {.context = context,
                .arguments = (const Fleet__RestoreArguments *)arguments_message,
                .target = TARGET_EMPTY};
        const Target *target = &restore.target;
        int r = target_open(context, restore.arguments->preview, restore.arguments->guard,
                &restore.target, error);

        if (r < 0)
                return r;
        r = restore_way(&restore, (Fleet__RestoreResult *)result_message, error);
        if (r < 0)
                (void)!target->engine->drop_staging(
                        context, &target->site, target->identity->database, NULL);
        return r;
}

static int restore_undo(
        StepContext *context, const ProtobufCMessage *arguments_message, Error *error)
{
        const Fleet__RestoreArguments *arguments =
                (const Fleet__RestoreArguments *)arguments_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r == 0)
                r = target.engine->drop_staging(
                        context, &target.site, target.identity->database, error);
        return r;
}

const StepOps step_restore_ops = {.check = restore_check, .run = restore_run, .undo = restore_undo};
