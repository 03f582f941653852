// What is in an SQLite database, and copies of it, by helpers that run as the site's owner.
#include "base/text.h"
#include "site/python.h"
#include "site/sqlite.h"

static int ask(StepContext *context, const SiteDir *site, const char *name, const char *table,
        bool schema, char **ret_text, Error *error)
{
        json_t *answer = NULL,
               *request = json_pack("{s:s, s:s, s:b, s:o}", "database", name, "table",
                       table ? table : "", "schema", schema, "volatile", database_volatile_list());
        int r = python_run(context, site, "digest", request, NULL, NULL, NULL, 0, &answer, error);

        if (r == 0 && !json_is_string(answer))
                r = error_set(error, -EBADMSG, "site-code", "the digest is not readable");
        if (r == 0)
                *ret_text = text_copy(json_string_value(answer));
        json_decref(request);
        json_decref(answer);
        return r;
}

int sqlite_digest(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *table, char **ret_text, Error *error)
{
        (void)database;
        return ask(context, site, name, table, false, ret_text, error);
}

int sqlite_schema(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, char **ret_text, Error *error)
{
        (void)database;
        return ask(context, site, name, NULL, true, ret_text, error);
}

// The copy is made by the preview's owner, who may be another than production's: then production's
// file has to be readable to them, as it is where both are served by one user.
int sqlite_copy(StepContext *context, const SiteDir *from_site, const Fleet__Database *from,
        const SiteDir *site, const Fleet__Database *database, bool frozen, DatabaseFigures *ret,
        Error *error)
{
        _cleanup_free_ char *staging = sqlite_engine.staging_name(database);
        json_t *answer = NULL, *request;
        const char *digest = NULL;
        json_int_t bytes = 0;
        int r = sqlite_engine.drop_staging(context, site, database, error);

        (void)from_site, (void)frozen;
        if (r < 0)
                return r;
        request = json_pack("{s:s, s:s, s:o}", "source", from->name, "target", staging, "volatile",
                database_volatile_list());
        r = python_run(context, site, "copy", request, NULL, NULL, NULL, 0, &answer, error);
        if (r == 0 && json_unpack(answer, "{s:s, s:I}", "digest", &digest, "bytes", &bytes) < 0)
                r = error_set(error, -EBADMSG, "site-code", "the copy's figures are not readable");
        if (r == 0)
                *ret = (DatabaseFigures){.bytes = (uint64_t)bytes, .digest = text_copy(digest)};
        json_decref(request);
        json_decref(answer);
        return r;
}
