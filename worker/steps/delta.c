#include "steps/delta.h"

#include <inttypes.h>

#include "site/python.h"
#include "step/context.h"

#define SCRIPT "restore2preview.py"

void delta_result_clear(DeltaResult *result)
{
        text_list_clear(&result->refused);
        text_list_clear(&result->tables_changed);
        json_decref(result->tables);
        *result = (DeltaResult){0};
}

static json_t *facts(const DeltaSpec *spec)
{
        json_t *same = json_object();

        for (size_t i = 0; i < spec->fact_count; i++)
                json_object_set_new(same, spec->facts[i].name, json_string(spec->facts[i].value));
        return same;
}

json_t *delta_mark(const DeltaSpec *spec)
{
        return json_pack("{s:s, s:o}", "hashes", spec->hashes, "same", facts(spec));
}

static int make_request(StepContext *context, const DeltaSpec *spec, json_t **ret, Error *error)
{
        const Target *target = spec->target;
        _cleanup_free_ char *script = text_format("%s/%s", spec->new_dump, SCRIPT);
        json_t *production;
        int r = target_production_paths(context, spec->production, &production, error);

        if (r < 0)
                return r;
        *ret = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:b, s:b, s:I}", "old",
                spec->old_dump, "new", spec->new_dump, "script", script, "hashes", spec->hashes,
                "database", target->identity->database->name, "keep",
                target_keep(target, spec->guard, false), "production", production, "same",
                facts(spec), "project", target->site.path, "quick", spec->quick, "check_only",
                spec->check_only, "limit", (json_int_t)spec->limit);
        return 0;
}

static uint64_t number(const json_t *answer, const char *name)
{
        return (uint64_t)json_integer_value(json_object_get(answer, name));
}

static void take_texts(const json_t *array, TextList *ret)
{
        const json_t *text;
        size_t i;

        json_array_foreach (array, i, text)
                text_list_add(ret, json_string_value(text));
}

static void take_answer(const json_t *answer, DeltaResult *ret)
{
        take_texts(json_object_get(answer, "refused"), &ret->refused);
        take_texts(json_object_get(answer, "tables_changed"), &ret->tables_changed);
        ret->changed = number(answer, "changed");
        ret->deleted = number(answer, "deleted");
        ret->added = number(answer, "added");
        ret->repaired = number(answer, "repaired");
        ret->again = number(answer, "again");
        ret->corrected = number(answer, "corrected");
        ret->locked_ms = number(answer, "locked_ms");
        ret->tables = json_incref(json_object_get(answer, "tables"));
}

int delta_restore(StepContext *context, const DeltaSpec *spec, DeltaResult *ret, Error *error)
{
        Error failure _cleanup_error_ = ERROR_EMPTY;
        DeltaResult result = {0};
        json_t *request, *answer = NULL;
        int r = make_request(context, spec, &request, error);

        if (r < 0)
                return r;
        r = python_run(context, &spec->target->site, "delta", request, NULL, NULL, NULL, 0, &answer,
                &failure);
        json_decref(request);
        if (r < 0 && !text_equal(failure.code, "site-code")) {
                error_move(error, &failure);
                return r;
        }
        if (r < 0)
                text_list_add(&result.refused, failure.why);
        else
                take_answer(answer, &result);
        json_decref(answer);
        *ret = result;
        return 0;
}

static void take_differences(const json_t *answer, TextList *ret)
{
        const json_t *difference;
        size_t i;

        json_array_foreach (json_object_get(answer, "differences"), i, difference) {
                const char *table = "", *key = "", *column = "", *left = "", *right = "";
                _cleanup_free_ char *line = NULL;

                (void)!json_unpack((json_t *)difference, "{s:s, s:s, s:s, s:s, s:s}", "table",
                        &table, "key", &key, "column", &column, "left", &left, "right", &right);
                line = text_format(
                        "%s #%s%s%s: %s, %s", table, key, *column ? " " : "", column, left, right);
                text_list_add(ret, line);
        }
}

int delta_compare(StepContext *context, const Target *target, const char *other,
        const char *other_path, uint64_t *ret_count, TextList *ret_differences, Error *error)
{
        const char *path = target->site.path;
        json_t *answer = NULL, *request = json_pack("{s:s, s:s, s:s, s:[s, s]}", "database",
                                       target->identity->database->name, "left", "", "right", other,
                                       "paths", path, other_path ? other_path : path);
        int r = python_run(
                context, &target->site, "compare", request, NULL, NULL, NULL, 0, &answer, error);

        json_decref(request);
        if (r == 0) {
                *ret_count = number(answer, "count");
                take_differences(answer, ret_differences);
        }
        json_decref(answer);
        return r;
}
