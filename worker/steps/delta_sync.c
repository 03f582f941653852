#include "steps/delta_sync.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/file.h"
#include "steps/files.h"
#include "steps/marker.h"

#define KEPT_DUMP  "dump"
#define FRESH_DUMP "dump.new"
#define COMPARED   "compared"

// ---- restoring

typedef struct Spec {
        DeltaSpec spec;
        DeltaFact facts[4];
} Spec;

static void make_spec(const DeltaSync *sync, Spec *ret)
{
        const Fleet__RestoreArguments *arguments = sync->arguments;
        const Fleet__Proof *proof = arguments->choose ? arguments->choose->proof : NULL;

        *ret = (Spec){.spec = {.target = sync->target,
                              .guard = arguments->guard,
                              .production = arguments->production,
                              .old_dump = MARKER_DIRECTORY "/" KEPT_DUMP,
                              .new_dump = arguments->directory,
                              .hashes = MARKER_DIRECTORY,
                              .facts = ret->facts,
                              .quick = arguments->quick}};
        if (!proof)
                return;
        ret->facts[0] = (DeltaFact){"production's environment", proof->production_environment};
        ret->facts[1] = (DeltaFact){"the preview's environment", proof->preview_environment};
        ret->facts[2] = (DeltaFact){"production's settings", proof->production_project};
        ret->facts[3] = (DeltaFact){"the preview's settings", proof->preview_project};
        ret->spec.fact_count = ELEMENTS(ret->facts);
}

json_t *delta_sync_mark(const DeltaSync *sync)
{
        Error why _cleanup_error_ = ERROR_EMPTY;
        Spec spec;

        if (!sync->arguments->keep_for_delta)
                return NULL;
        if (marker_make(&sync->target->site, &why) < 0) {
                step_note(sync->context, "There is no delta next time: %s", why.what);
                return NULL;
        }
        make_spec(sync, &spec);
        return delta_mark(&spec.spec);
}

static void take_refusal(
        const DeltaSync *sync, const TextList *refused, Fleet__RestoreResult *result)
{
        for (size_t i = 0; i < refused->count; i++) {
                char *text = text_format("no delta: %s", refused->items[i]);

                step_note(sync->context, "%s", text);
                result->reasons = memory_grow(
                        result->reasons, (result->n_reasons + 1) * sizeof(*result->reasons));
                result->reasons[result->n_reasons++] = text;
        }
}

static void take_tables(const json_t *tables, Fleet__RestoreResult *result)
{
        const char *name;
        json_t *count;

        result->tables = memory_new(json_object_size(tables) * sizeof(*result->tables));
        json_object_foreach ((json_t *)tables, name, count) {
                Fleet__DumpTable *table =
                        (Fleet__DumpTable *)message_new(&fleet__dump_table__descriptor);

                table->table = text_copy(name);
                table->rows = (uint64_t)json_integer_value(count);
                result->tables[result->n_tables++] = table;
        }
}

static void take_done(const DeltaResult *delta, Fleet__RestoreResult *result)
{
        take_tables(delta->tables, result);
        result->way = FLEET__WAY__DELTA;
        result->loaded = delta->changed + delta->added + delta->repaired;
        result->paths_corrected = delta->corrected;
        result->told = text_format("delta: %" PRIu64 " rows changed, %" PRIu64 " new, %" PRIu64
                                   " gone, %" PRIu64 " put right",
                delta->changed, delta->added, delta->deleted, delta->repaired);
}

int delta_sync_restore(const DeltaSync *sync, Fleet__RestoreResult *result, Error *error)
{
        const Target *target = sync->target;
        const Fleet__Database *database = target->identity->database;
        DeltaResult delta _cleanup_delta_ = {0};
        Spec spec;
        int r;

        make_spec(sync, &spec);
        r = delta_restore(sync->context, &spec.spec, &delta, error);
        if (r < 0)
                return r;
        if (delta.refused.count > 0) {
                take_refusal(sync, &delta.refused, result);
                return 1;
        }
        take_done(&delta, result);
        return target->engine->digest(sync->context, &target->site, database, database->name, NULL,
                &result->preview_digest, error);
}

// ---- comparing

static int64_t now_seconds(void)
{
        return clock_now_us() / US_PER_SECOND;
}

static void set_compared(StepContext *context, const SiteDir *preview)
{
        Error why _cleanup_error_ = ERROR_EMPTY;
        _cleanup_free_ char *text = text_format("%" PRId64, now_seconds());

        if (marker_set_text(preview, COMPARED, text, &why) < 0)
                step_note(context, "%s", why.what);
}

bool delta_sync_is_due(const DeltaSync *sync)
{
        _cleanup_free_ char *text = marker_text(&sync->target->site, COMPARED);
        uint64_t at;

        if (!text || text_parse_u64(text, &at) < 0)
                return true;
        return now_seconds() - (int64_t)at >= (int64_t)sync->arguments->compare_seconds;
}

int delta_sync_compare(
        const DeltaSync *sync, const char *staging, Fleet__RestoreResult *result, Error *error)
{
        TextList differences _cleanup_text_list_ = {0};
        uint64_t count = 0;
        int r = delta_compare(
                sync->context, sync->target, staging, NULL, &count, &differences, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < differences.count; i++)
                step_note(sync->context, "By the delta, and in full: %s", differences.items[i]);
        result->compared = true;
        result->differences = memory_new(differences.count * sizeof(*result->differences));
        for (size_t i = 0; i < differences.count; i++)
                result->differences[result->n_differences++] = text_copy(differences.items[i]);
        set_compared(sync->context, &sync->target->site);
        return 0;
}

// ---- what is kept

DEFINE_CLEANUP(DIR *, closedir)

static DIR *list(int fd)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = copy < 0 ? NULL : fdopendir(copy);

        if (!directory && copy >= 0)
                close(copy);
        return directory;
}

static int link_files(int from, int to)
{
        _cleanup_(closedirp) DIR *directory = list(from);
        struct dirent *entry;

        if (!directory)
                return -errno;
        while ((errno = 0, entry = readdir(directory)))
                if (text_ends(entry->d_name, ".py") &&
                        linkat(from, entry->d_name, to, entry->d_name, 0) < 0)
                        return -errno;
        return errno ? -errno : fsync(to) < 0 ? -errno : 0;
}

static void drop_rows(int kept, const char *rows)
{
        _cleanup_(closedirp) DIR *directory = list(kept);
        struct dirent *entry;

        while (directory && (entry = readdir(directory)))
                if (text_starts(entry->d_name, "rows.") &&
                        !text_equal(entry->d_name + strlen("rows."), rows))
                        (void)!unlinkat(kept, entry->d_name, 0);
}

static int keep_dump(
        StepContext *context, const SiteDir *preview, const char *snapshot, int kept, Error *error)
{
        _cleanup_close_ int from = file_open_beneath(
                                    preview->fd, snapshot, O_RDONLY | O_DIRECTORY, false),
                            to = -EBADF;
        int r = directory_discard(context, kept, FRESH_DUMP, -1, NULL, error);

        if (r < 0 || from < 0)
                return r < 0 ? r : from;
        to = directory_make(kept, FRESH_DUMP, preview->owner.uid, (gid_t)-1);
        r = to < 0 ? to : link_files(from, to);
        if (r == 0)
                r = directory_discard(context, kept, KEPT_DUMP, -1, NULL, error);
        if (r == 0 && renameat(kept, FRESH_DUMP, kept, KEPT_DUMP) < 0)
                r = -errno;
        return r < 0 ? r : fsync(kept) < 0 ? -errno : 0;
}

void delta_sync_keep(
        StepContext *context, const SiteDir *preview, const char *snapshot, const char *rows)
{
        Error why _cleanup_error_ = ERROR_EMPTY;
        _cleanup_free_ char *compared = marker_text(preview, COMPARED);
        _cleanup_close_ int kept =
                file_open_beneath(preview->fd, MARKER_DIRECTORY, O_RDONLY | O_DIRECTORY, false);
        int r = kept < 0 ? kept : keep_dump(context, preview, snapshot, kept, &why);

        if (r < 0)
                step_note(context, "The dump is not kept, so that there is no delta next time: %s",
                        why.what ? why.what : strerror(-r));
        if (kept >= 0 && !text_blank(rows))
                drop_rows(kept, rows);
        if (!compared)
                set_compared(context, preview);
}
