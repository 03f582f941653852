// The preview answers, in process: Django's checks, a page, and the rows that the ledger found.
#include <inttypes.h>

#include "base/text.h"
#include "site/python.h"
#include "steps/marker.h"
#include "steps/target.h"
#include "steps/way.h"

static json_t *make_request(const Fleet__VerifyArguments *arguments)
{
        const Fleet__RestoreResult *copied = arguments->restore;
        json_t *tables = json_array();

        for (size_t i = 0; arguments->dump && i < arguments->dump->n_tables; i++)
                json_array_append_new(tables, json_string(arguments->dump->tables[i]->table));
        for (size_t i = 0; copied && copied->way == FLEET__WAY__NATIVE && i < copied->n_tables; i++)
                json_array_append_new(tables, json_string(copied->tables[i]->table));
        return json_pack("{s:o, s:s?}", "tables", tables, "opening",
                arguments->opening ? MARKER_DIRECTORY : NULL);
}

static uint64_t sum_rows(json_t *rows)
{
        uint64_t sum = 0;
        const char *table;
        json_t *count;

        json_object_foreach (rows, table, count)
                if (json_integer_value(count) > 0)
                        sum += (uint64_t)json_integer_value(count);
        return sum;
}

static int not_well(const SiteDir *site, const char *next, Error *error, const char *why, ...)
        _printf_(4, 5);
static int not_well(const SiteDir *site, const char *next, Error *error, const char *why, ...)
{
        va_list arguments;
        _cleanup_free_ char *text = NULL;

        va_start(arguments, why);
        text = text_vformat(why, arguments);
        va_end(arguments);
        error_set(error, -EIO, "verify", "the preview does not answer as it should");
        error_where(error, "%s", site->path);
        error_why(error, "%s", text);
        error_next(error, "%s", next);
        return -EIO;
}

static void take_versions(json_t *versions, Fleet__VerifyResult *result)
{
        const char *python = "", *django = "", *lino = "", *app = "", *app_version = "";

        (void)!json_unpack(versions, "{s?s, s?s, s?s, s?s, s?s}", "python", &python, "django",
                &django, "lino", &lino, "app", &app, "app_version", &app_version);
        result->versions = (Fleet__Versions *)message_new(&fleet__versions__descriptor);
        result->versions->python = text_copy(python);
        result->versions->django = text_copy(django);
        result->versions->lino = text_copy(lino);
        result->versions->app = text_copy(app);
        result->versions->app_version = text_copy(app_version);
}

static int judge(const Fleet__VerifyArguments *arguments, const SiteDir *site, json_t *answer,
        Fleet__VerifyResult *result, Error *error)
{
        json_int_t status = json_integer_value(json_object_get(answer, "status"));

        take_versions(json_object_get(answer, "versions"), result);
        result->rows = sum_rows(json_object_get(answer, "rows"));
        if (!arguments->ledger || !arguments->dump || way_is_nothing(arguments->choose))
                return 0;
        if (result->rows != arguments->ledger->found)
                return not_well(site,
                        "Somebody changed the preview meanwhile: understudyctl "
                        "preview sync SERIES",
                        error, "it has %" PRIu64 " rows, the ledger found %" PRIu64, result->rows,
                        arguments->ledger->found);
        if (status < 200 || status >= 400)
                return not_well(site, "Read its output above; see ALLOWED_HOSTS in its settings.py",
                        error, "its first page answers with status %d", (int)status);
        return 0;
}

static int verify_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__VerifyArguments *arguments = (const Fleet__VerifyArguments *)arguments_message;
        Target target _cleanup_target_ = TARGET_EMPTY;
        json_t *request, *answer = NULL;
        int r = target_open(context, arguments->preview, arguments->guard, &target, error);

        if (r < 0)
                return r;
        if (arguments->opening)
                r = marker_make(&target.site, error);
        if (r < 0)
                return r;
        request = make_request(arguments);
        r = python_run(
                context, &target.site, "verify", request, NULL, NULL, NULL, 0, &answer, error);
        if (r == 0)
                r = judge(arguments, &target.site, answer, (Fleet__VerifyResult *)result_message,
                        error);
        json_decref(request);
        json_decref(answer);
        return r;
}

static int verify_check(StepContext *context, const ProtobufCMessage *arguments,
        ProtobufCMessage *result, Error *error)
{
        const Fleet__VerifyArguments *verify = (const Fleet__VerifyArguments *)arguments;

        (void)context, (void)result, (void)error;
        return !verify->opening && way_is_nothing(verify->choose);
}

const StepOps step_verify_ops = {.check = verify_check, .run = verify_run};
