// Finds the cheapest safe way from production's state to the preview's, and says why no cheaper one
// is safe. In doubt it is the full restore.
#include <stddef.h>
#include <time.h>

#include "base/clock.h"
#include "site/interlock.h"
#include "steps/marker.h"
#include "steps/native.h"
#include "steps/proof.h"

typedef struct Choose {
        StepContext *context;
        const Fleet__ChooseArguments *arguments;
        SiteDir production, preview;
        const DatabaseEngine *engine; // the preview's
        Marker marker;
        Fleet__ChooseResult *result;
        char *full; // why it has to be the full way, if it has
} Choose;

static void choose_clear(Choose *choose)
{
        site_close(&choose->production);
        site_close(&choose->preview);
        marker_clear(&choose->marker);
        free(choose->full);
}

static void against(Choose *choose, const char *way, const char *why)
{
        Fleet__ChooseResult *result = choose->result;

        result->reasons =
                memory_grow(result->reasons, (result->n_reasons + 1) * sizeof(*result->reasons));
        result->reasons[result->n_reasons++] = text_format("%s: %s", way, why);
        free(choose->full);
        choose->full = text_copy(why);
}

// ---- what it is made from

static int gather(Choose *choose, Error *error)
{
        const Fleet__ChooseArguments *arguments = choose->arguments;
        const Fleet__ProbeResult *production = arguments->production_probe,
                                 *preview = arguments->preview_probe;
        const SiteDir *from = &choose->production, *to = &choose->preview;
        const char *snapshot = arguments->directory;
        Fleet__Proof *proof = (Fleet__Proof *)message_new(&fleet__proof__descriptor);

        choose->result->proof = proof;
        proof->parameters = proof_parameters(arguments);
        return proof_script(from, snapshot, &proof->script, error)
                       ?: proof_environment(from, production ? production->static_root : NULL,
                                  &proof->production_environment, error)
                       ?: proof_environment(to, preview ? preview->static_root : NULL,
                                  &proof->preview_environment, error)
                       ?: proof_project(from, production, snapshot, &proof->production_project,
                                  error)
                       ?: proof_project(to, preview, snapshot, &proof->preview_project, error);
}

enum { OF_SCRIPT = 1, OF_PREVIEW = 2, OF_ALL = 4 };

static const struct {
        size_t offset;
        unsigned of;
        const char *words;
} parts[] = {
        {offsetof(Fleet__Proof, script), OF_ALL | OF_SCRIPT, "the script was edited"},
        {offsetof(Fleet__Proof, preview_environment), OF_ALL | OF_SCRIPT | OF_PREVIEW,
                "the preview's environment has changed"},
        {offsetof(Fleet__Proof, preview_project), OF_ALL | OF_SCRIPT | OF_PREVIEW,
                "the preview's settings have changed"},
        {offsetof(Fleet__Proof, production_environment), OF_ALL | OF_SCRIPT,
                "production's environment has changed"},
        {offsetof(Fleet__Proof, production_project), OF_ALL | OF_SCRIPT,
                "production's settings have changed"},
        {offsetof(Fleet__Proof, parameters), OF_ALL, "how the series is restored has changed"},
};

static const char *part_of(const Fleet__Proof *proof, size_t offset)
{
        return *(char *const *)((const char *)proof + offset);
}

static char *since(const Choose *choose)
{
        time_t at = (time_t)(choose->marker.at_us / US_PER_SECOND);
        char text[64] = "";
        struct tm parsed;

        if (gmtime_r(&at, &parsed))
                strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parsed);
        return text_copy(text);
}

// What has changed since the last verified synchronisation, for people; NULL: none of those asked
// for.
static char *changed(const Choose *choose, unsigned of)
{
        const Fleet__Proof *before = choose->marker.proof, *now = choose->result->proof;

        if (!before)
                return text_copy(choose->marker.trouble);
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                _cleanup_free_ char *when = NULL;

                if (!(parts[i].of & of) ||
                        text_equal(part_of(before, parts[i].offset), part_of(now, parts[i].offset)))
                        continue;
                when = since(choose);
                return text_format("%s since %s", parts[i].words, when);
        }
        return NULL;
}

// ---- the ways

static int digest(const Choose *choose, const SiteDir *site, const Fleet__Database *database,
        char **ret, Error *error)
{
        const DatabaseEngine *engine = choose->engine;

        return engine->digest(choose->context, site, database, database->name, NULL, ret, error);
}

// 1: nothing has changed.
static int is_nothing(Choose *choose, Error *error)
{
        const Fleet__Proof *before = choose->marker.proof;
        Fleet__Proof *now = choose->result->proof;
        const Fleet__ProbeResult *probe = choose->arguments->production_probe;
        _cleanup_free_ char *why = changed(choose, OF_ALL);
        int r;

        if (!why && (text_blank(before->production) || text_blank(before->preview)))
                why = text_copy("what the databases held then is not known");
        if (why) {
                against(choose, "not skipped", why);
                return 0;
        }
        r = digest(choose, &choose->production, probe->identity->database, &now->production, error);
        if (r < 0)
                return r;
        if (!text_equal(before->production, now->production)) {
                against(choose, "not skipped", "production's data has changed");
                return 0;
        }
        r = digest(choose, &choose->preview, choose->arguments->preview_probe->identity->database,
                &now->preview, error);
        if (r < 0)
                return r;
        if (text_equal(before->preview, now->preview))
                return 1;
        against(choose, "not skipped", "the preview's data was edited");
        return 0;
}

static int is_native(Choose *choose, Error *error)
{
        const NativeQuestion question = {
                .context = choose->context,
                .production = &choose->production,
                .preview = &choose->preview,
                .engine = choose->engine,
                .production_probe = choose->arguments->production_probe,
                .preview_probe = choose->arguments->preview_probe,
                .directory = choose->arguments->directory,
        };
        _cleanup_free_ char *why = NULL;
        int r = 0;

        if (choose->arguments->native_forbidden)
                why = text_copy("the series is set to native=forbid");
        else
                why = changed(choose, OF_PREVIEW);
        if (!why)
                r = native_refusal(&question, &why, error);
        if (r == 0 && why)
                against(choose, "no native copy", why);
        return r < 0 ? r : !why;
}

// Whether it can be tried; the restore itself looks closer.
static bool is_delta(Choose *choose)
{
        _cleanup_free_ char *why = NULL;

        if (!text_blank(choose->arguments->delta_refused))
                why = text_copy(choose->arguments->delta_refused);
        else
                why = changed(choose, OF_SCRIPT);
        if (why)
                against(choose, "no delta", why);
        return !why;
}

static int find_way(Choose *choose, Error *error)
{
        int r;

        if (choose->arguments->full) {
                against(choose, "in full", "it was asked for");
                choose->result->way = FLEET__WAY__FULL;
                return 0;
        }
        r = is_nothing(choose, error);
        choose->result->way = FLEET__WAY__NOTHING;
        if (r == 0) {
                r = is_native(choose, error);
                choose->result->way = FLEET__WAY__NATIVE;
        }
        if (r == 0) {
                r = is_delta(choose);
                choose->result->way = FLEET__WAY__DELTA;
        }
        if (r == 0)
                choose->result->way = FLEET__WAY__FULL;
        return r < 0 ? r : 0;
}

static void tell(const Choose *choose)
{
        Fleet__ChooseResult *result = choose->result;
        _cleanup_free_ char *when = since(choose);

        switch (result->way) {
        case FLEET__WAY__NOTHING:
                result->told = text_format("nothing has changed since %s", when);
                break;
        case FLEET__WAY__NATIVE:
                result->told = text_copy(
                        "same versions, and nobody edited the script: the database is copied");
                break;
        case FLEET__WAY__DELTA:
                result->told = text_copy("the rows that have changed are restored");
                break;
        default:
                result->told = text_format("in full: %s", choose->full);
        }
        for (size_t i = 0; i < result->n_reasons; i++)
                step_note(choose->context, "%s", result->reasons[i]);
        step_note(choose->context, "%s", result->told);
}

static bool has_answered(const Fleet__ProbeResult *probe)
{
        return probe && probe->identity && probe->identity->database;
}

static int choose_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        Choose choose _cleanup_(choose_clear) = {.context = context,
                .arguments = (const Fleet__ChooseArguments *)arguments_message,
                .production = SITE_DIR_EMPTY,
                .preview = SITE_DIR_EMPTY,
                .result = (Fleet__ChooseResult *)result_message};
        const Fleet__ChooseArguments *arguments = choose.arguments;
        int r;

        if (!has_answered(arguments->production_probe) || !has_answered(arguments->preview_probe))
                return error_set(error, -EINVAL, "choose", "the sites have not been asked");
        r = site_open(step_policy(context), arguments->production, &choose.production, error);
        if (r == 0)
                r = site_open(step_policy(context), arguments->preview, &choose.preview, error);
        if (r == 0)
                r = interlock_compare(arguments->guard, arguments->preview_probe->identity, error);
        if (r == 0)
                r = database_engine(
                        arguments->preview_probe->identity->database, &choose.engine, error);
        if (r == 0)
                r = gather(&choose, error);
        if (r < 0)
                return r;
        marker_read(&choose.preview, &choose.marker);
        r = find_way(&choose, error);
        if (r == 0)
                tell(&choose);
        return r;
}

const StepOps step_choose_ops = {.run = choose_run};
