#include "steps/native.h"

#include <inttypes.h>

#include "base/file.h"
#include "site/python.h"
#include "steps/files.h"
#include "steps/proof.h"

// ---- may it be

static char *versions_differ(const NativeQuestion *question)
{
        const Fleet__Versions *a = question->production_probe->versions,
                              *b = question->preview_probe->versions;

        if (!a || !b)
                return text_copy("the versions are not known");
        if (!text_equal(a->app_version, b->app_version) || !text_equal(a->app, b->app))
                return text_format("production has %s %s, the preview %s %s", a->app,
                        a->app_version, b->app, b->app_version);
        if (!text_equal(a->lino, b->lino) || !text_equal(a->django, b->django))
                return text_format("production has Lino %s on Django %s, the preview %s on %s",
                        a->lino, a->django, b->lino, b->django);
        return text_equal(a->python, b->python)
                       ? NULL
                       : text_format(
                                 "production has Python %s, the preview %s", a->python, b->python);
}

static char *plugins_differ(const NativeQuestion *question)
{
        const Fleet__ProbeResult *a = question->production_probe, *b = question->preview_probe;

        for (size_t i = 0; i < a->n_plugins || i < b->n_plugins; i++) {
                const char *here = i < a->n_plugins ? a->plugins[i] : "none",
                           *there = i < b->n_plugins ? b->plugins[i] : "none";

                if (!text_equal(here, there))
                        return text_format("the plugins differ: production has %s where the "
                                           "preview has %s",
                                here, there);
        }
        return NULL;
}

static char *databases_differ(const NativeQuestion *question)
{
        const Fleet__Database *a = question->production_probe->identity->database,
                              *b = question->preview_probe->identity->database;

        if (!text_equal(a->engine, b->engine))
                return text_format("production is on %s, the preview on %s", a->engine, b->engine);
        return question->engine->schema
                       ? NULL
                       : text_format("this version cannot copy a database of %s", a->engine);
}

static int packages_of(
        const NativeQuestion *question, const SiteDir *site, json_t **ret, Error *error)
{
        json_t *request = json_object(), *answer = NULL;
        int r = python_run(
                question->context, site, "packages", request, NULL, NULL, NULL, 0, &answer, error);

        json_decref(request);
        if (r == 0)
                *ret = json_incref(json_object_get(answer, "packages"));
        json_decref(answer);
        return r;
}

// A working copy has a version, but that does not say what is in it.
static char *package_trouble(const json_t *here, const json_t *there)
{
        const char *name = json_string_value(json_object_get(here ? here : there, "name"));

        if (!here || !there)
                return text_format("%s has %s, the other site has not",
                        here ? "production" : "the preview", name);
        if (!json_is_null(json_object_get(here, "editable")) ||
                !json_is_null(json_object_get(there, "editable")))
                return text_format("%s is installed from a working copy", name);
        return json_equal(here, there)
                       ? NULL
                       : text_format("production has %s %s, the preview %s", name,
                                 json_string_value(json_object_get(here, "version")),
                                 json_string_value(json_object_get(there, "version")));
}

static int packages_differ(const NativeQuestion *question, char **ret, Error *error)
{
        json_t *here = NULL, *there = NULL;
        int r = packages_of(question, question->production, &here, error)
                        ?: packages_of(question, question->preview, &there, error);

        for (size_t i = 0; r == 0 && !*ret; i++) {
                const json_t *a = json_array_get(here, i), *b = json_array_get(there, i);

                if (!a && !b)
                        break;
                if (a && b &&
                        !text_equal(json_string_value(json_object_get(a, "name")),
                                json_string_value(json_object_get(b, "name"))))
                        *ret = text_copy("other packages are installed");
                else
                        *ret = package_trouble(a, b);
        }
        json_decref(here);
        json_decref(there);
        return r;
}

static bool same_environment(const NativeQuestion *question)
{
        return !text_blank(question->preview_probe->python_prefix) &&
               text_equal(question->production_probe->python_prefix,
                       question->preview_probe->python_prefix);
}

static int schemas_differ(const NativeQuestion *question, char **ret, Error *error)
{
        const Fleet__Database *a = question->production_probe->identity->database,
                              *b = question->preview_probe->identity->database;
        _cleanup_free_ char *here = NULL, *there = NULL;
        int r = question->engine->schema(
                        question->context, question->production, a, a->name, &here, error)
                        ?: question->engine->schema(
                                   question->context, question->preview, b, b->name, &there, error);

        if (r == 0 && !text_equal(here, there))
                *ret = text_copy("the two databases are not made of the same tables and columns");
        return r;
}

static int script_edited(const NativeQuestion *question, char **ret, Error *error)
{
        bool unedited = false;
        int r = proof_script_is_unedited(
                question->production, question->directory, &unedited, error);

        if (r == 0 && !unedited)
                *ret = text_copy("restore2preview.py is not what Lino wrote");
        return r;
}

int native_refusal(const NativeQuestion *question, char **ret, Error *error)
{
        char *why = versions_differ(question);
        int r = 0;

        if (!why)
                why = plugins_differ(question);
        if (!why)
                why = databases_differ(question);
        if (!why)
                r = script_edited(question, &why, error);
        if (r == 0 && !why && !same_environment(question))
                r = packages_differ(question, &why, error);
        if (r == 0 && !why)
                r = schemas_differ(question, &why, error);
        if (r == 0)
                *ret = TAKE_PTR(why);
        free(why);
        return r;
}

// ---- the copy

static int refuse(const Target *target, const char *why, Error *error)
{
        error_set(error, -EAGAIN, "native", "production's database cannot be copied");
        error_where(error, "%s", target->identity->database->name);
        error_why(error, "%s", why);
        error_next(error, "Restore by the script this time: understudyctl preview sync SERIES "
                          "--full");
        return -EAGAIN;
}

static int copy(StepContext *context, const Fleet__RestoreArguments *arguments,
        const Target *target, const SiteDir *production, Fleet__RestoreResult *result, Error *error)
{
        const Fleet__Database *database = target->identity->database;
        _cleanup_free_ char *staging = target->engine->staging_name(database), *found = NULL;
        DatabaseFigures figures _cleanup_figures_ = {0};
        int r = target->engine->copy(context, production,
                arguments->production_probe->identity->database, &target->site, database,
                arguments->frozen, &figures, error);

        if (r == 0)
                r = target->engine->digest(
                        context, &target->site, database, staging, NULL, &found, error);
        if (r == 0 && !text_equal(found, figures.digest))
                r = refuse(target, "the copy does not have the rows of its source", error);
        if (r == 0)
                result->production_digest = TAKE_PTR(figures.digest);
        return r;
}

static void take_rows(const json_t *rows, Fleet__RestoreResult *result)
{
        const char *name;
        json_t *count;

        result->tables = memory_new(json_object_size(rows) * sizeof(*result->tables));
        json_object_foreach ((json_t *)rows, name, count) {
                Fleet__DumpTable *table =
                        (Fleet__DumpTable *)message_new(&fleet__dump_table__descriptor);

                table->table = text_copy(name);
                table->rows = (uint64_t)json_integer_value(count);
                result->loaded += table->rows;
                result->tables[result->n_tables++] = table;
        }
}

static int adopt(StepContext *context, const Fleet__RestoreArguments *arguments,
        const Target *target, Fleet__RestoreResult *result, Error *error)
{
        const Fleet__Database *database = target->identity->database;
        _cleanup_free_ char *staging = target->engine->staging_name(database);
        json_t *answer = NULL, *request, *paths;
        int r = target_production_paths(context, arguments->production, &paths, error);

        if (r < 0)
                return r;
        request = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "database", database->name, "staging",
                staging, "keep", target_keep(target, arguments->guard, true), "volatile",
                database_volatile_list(), "production", paths, "project", target->site.path);
        r = python_run(
                context, &target->site, "adopt", request, NULL, NULL, NULL, 0, &answer, error);
        if (r == 0) {
                take_rows(json_object_get(answer, "rows"), result);
                result->paths_corrected =
                        (uint64_t)json_integer_value(json_object_get(answer, "corrected"));
        }
        json_decref(request);
        json_decref(answer);
        return r;
}

int native_restore(StepContext *context, const Fleet__RestoreArguments *arguments,
        const Target *target, Fleet__RestoreResult *result, Error *error)
{
        const Fleet__ProbeResult *probe = arguments->production_probe;
        const Fleet__Database *database = target->identity->database;
        _cleanup_free_ char *staging = target->engine->staging_name(database);
        SiteDir production _cleanup_site_ = SITE_DIR_EMPTY;
        bool unedited = false;
        int r;

        if (!probe || !probe->identity || !probe->identity->database)
                return error_set(error, -EINVAL, "native", "production has not been asked");
        r = site_open(step_policy(context), arguments->production, &production, error);
        if (r == 0)
                r = proof_script_is_unedited(&production, arguments->directory, &unedited, error);
        if (r == 0 && !unedited)
                r = refuse(target, "restore2preview.py was edited meanwhile", error);
        if (r == 0)
                r = copy(context, arguments, target, &production, result, error);
        if (r == 0)
                r = adopt(context, arguments, target, result, error);
        if (r == 0)
                r = target->engine->seal(
                        context, &target->site, database, &result->database_bytes, error);
        if (r == 0)
                r = target->engine->digest(context, &target->site, database, staging, NULL,
                        &result->preview_digest, error);
        if (r < 0)
                return r;
        result->way = FLEET__WAY__NATIVE;
        result->told =
                text_format("%" PRIu64 " rows copied by the database itself", result->loaded);
        return 0;
}
