// Rows written by the dump, loaded by the script, and found in the restored database: table by
// table. Every difference has to be allowed by name.
//
// Two restores between equal versions differ in nothing. Differences come from the script's edits
// (a table that is no longer loaded, or loaded into another one) and from rows that Lino makes
// itself while others are saved (mentions in texts); both are for a person to allow, once.
#include <inttypes.h>

#include "site/probe.h"
#include "step/context.h"
#include "steps/target.h"
#include "steps/way.h"

#define SHOWN_MAX 20

static void append(char **text, char *take_more)
{
        char *longer = text_format("%s%s%s", *text ? *text : "", *text ? "; " : "", take_more);

        free(*text);
        free(take_more);
        *text = longer;
}

static uint64_t rows_loaded(const Fleet__RestoreResult *restore, const char *table)
{
        for (size_t i = 0; i < restore->n_tables; i++)
                if (text_equal(restore->tables[i]->table, table))
                        return restore->tables[i]->rows;
        return 0;
}

static const Fleet__Allowance *find_allowance(
        const Fleet__LedgerArguments *arguments, const char *table)
{
        for (size_t i = 0; i < arguments->n_allowed; i++)
                if (text_equal(arguments->allowed[i]->table, table))
                        return arguments->allowed[i];
        return NULL;
}

static bool differs(const Fleet__LedgerRow *row)
{
        return row->written != row->loaded || row->written != row->found;
}

static void add_difference(
        Fleet__LedgerResult *result, const Fleet__LedgerRow *row, const Fleet__Allowance *allowance)
{
        Fleet__LedgerRow *kept = (Fleet__LedgerRow *)message_new(&fleet__ledger_row__descriptor);

        kept->table = text_copy(row->table);
        kept->written = row->written;
        kept->loaded = row->loaded;
        kept->found = row->found;
        kept->missing = row->missing;
        if (allowance)
                kept->allowed = text_format("%s (%s)", allowance->why, allowance->who);
        result->differences = memory_grow(
                result->differences, (result->n_differences + 1) * sizeof(*result->differences));
        result->differences[result->n_differences++] = kept;
}

static void fill(
        const Fleet__LedgerArguments *arguments, const int64_t *found, Fleet__LedgerResult *result)
{
        for (size_t i = 0; i < arguments->dump->n_tables; i++) {
                const Fleet__DumpTable *table = arguments->dump->tables[i];
                Fleet__LedgerRow row = FLEET__LEDGER_ROW__INIT;

                row.table = table->table;
                row.written = table->rows;
                row.loaded = rows_loaded(arguments->restore, table->table);
                row.missing = found[i] < 0;
                row.found = found[i] < 0 ? 0 : (uint64_t)found[i];
                result->written += row.written;
                result->loaded += row.loaded;
                result->found += row.found;
                result->tables++;
                if (differs(&row))
                        add_difference(result, &row, find_allowance(arguments, row.table));
        }
}

static char *row_text(const Fleet__LedgerRow *row)
{
        if (row->missing)
                return text_format("%s: %" PRIu64 " written, %" PRIu64 " loaded, no such table",
                        row->table, row->written, row->loaded);
        return text_format("%s: %" PRIu64 " written, %" PRIu64 " loaded, %" PRIu64 " found",
                row->table, row->written, row->loaded, row->found);
}

static int judge(
        StepContext *context, const SiteDir *site, const Fleet__LedgerResult *result, Error *error)
{
        _cleanup_free_ char *why = NULL;
        const char *first = NULL;
        size_t count = 0;

        for (size_t i = 0; i < result->n_differences; i++) {
                const Fleet__LedgerRow *row = result->differences[i];
                _cleanup_free_ char *text = row_text(row);

                if (!text_blank(row->allowed)) {
                        step_note(context, "%s; allowed: %s", text, row->allowed);
                        continue;
                }
                first = first ? first : row->table;
                if (++count <= SHOWN_MAX)
                        append(&why, TAKE_PTR(text));
                else
                        step_note(context, "%s", text);
        }
        if (count == 0)
                return 0;
        error_set(error, -EIO, "ledger", "the rows of %zu table%s do not add up", count,
                count == 1 ? "" : "s");
        error_where(error, "%s", site->path);
        error_why(error, "%s%s", why, count > SHOWN_MAX ? "; more above" : "");
        error_next(error,
                "If the script's edits intend it, allow each by name: understudyctl preview allow "
                "%s %s --why TEXT; else edit restore2preview.py; then: understudyctl job retry "
                "%" PRIu64,
                context_task(context)->series, first, context_task(context)->job);
        return -EIO;
}

static int count_found(StepContext *context, const SiteDir *site,
        const Fleet__LedgerArguments *arguments, int64_t *found, Error *error)
{
        const Fleet__ProbeResult *probe = arguments->preview_probe;
        _cleanup_message_ ProtobufCMessage *asked = NULL;
        size_t count = arguments->dump->n_tables;
        _cleanup_free_ const char **tables = memory_new(count * sizeof(*tables));
        _cleanup_free_ char *staging = NULL;
        const DatabaseEngine *engine;
        int r = 0;

        if (!probe || !probe->identity) {
                asked = message_new(&fleet__probe_result__descriptor);
                probe = (const Fleet__ProbeResult *)asked;
                r = site_probe(context, site, (Fleet__ProbeResult *)asked, error);
        }
        if (r < 0)
                return r;
        r = database_engine(probe->identity->database, &engine, error);
        if (r < 0)
                return r;
        staging = way_has_staging(arguments->restore)
                          ? engine->staging_name(probe->identity->database)
                          : text_copy(probe->identity->database->name);
        for (size_t i = 0; i < count; i++)
                tables[i] = arguments->dump->tables[i]->table;
        return engine->count_rows(
                context, site, probe->identity->database, staging, tables, count, found, error);
}

// A copy is proven by its digest; where nothing is restored, nothing is counted.
static int ledger_check(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__LedgerArguments *arguments = (const Fleet__LedgerArguments *)arguments_message;
        Fleet__LedgerResult *result = (Fleet__LedgerResult *)result_message;

        (void)context, (void)error;
        if (way_has_dump(arguments->choose))
                return 0;
        if (arguments->restore && arguments->restore->way == FLEET__WAY__NATIVE) {
                result->written = result->loaded = result->found = arguments->restore->loaded;
                result->tables = (uint32_t)arguments->restore->n_tables;
        }
        return 1;
}

static int ledger_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__LedgerArguments *arguments = (const Fleet__LedgerArguments *)arguments_message;
        Fleet__LedgerResult *result = (Fleet__LedgerResult *)result_message;
        SiteDir site _cleanup_site_ = SITE_DIR_EMPTY;
        _cleanup_free_ int64_t *found = NULL;
        int r;

        if (!arguments->dump || !arguments->restore)
                return error_set(error, -EINVAL, "ledger", "a ledger needs a dump and a restore");
        r = site_open(step_policy(context), arguments->preview, &site, error);
        if (r < 0)
                return r;
        found = memory_new(arguments->dump->n_tables * sizeof(*found));
        r = count_found(context, &site, arguments, found, error);
        if (r < 0)
                return r;
        fill(arguments, found, result);
        return judge(context, &site, result, error);
}

const StepOps step_ledger_ops = {.check = ledger_check, .run = ledger_run};
