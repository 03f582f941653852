#include "site/postgresql_rows.h"

#include <openssl/evp.h>

#include "site/postgresql_client.h"

// "ARRAY['a', 'b']::text[]".
static char *array_of(const char *const *texts, size_t count)
{
        char *list = text_copy("ARRAY[");

        for (size_t i = 0; i < count; i++) {
                _cleanup_free_ char *before = list, *literal = postgresql_literal(texts[i]);

                list = text_format("%s%s%s", before, i ? ", " : "", literal);
        }
        _cleanup_free_ char *open = list;
        return text_format("%s]::text[]", open);
}

int postgresql_count_rows(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, const char *name, const char *const *tables, size_t count,
        int64_t *ret_rows, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .name = name, .what = "cannot count the rows"};
        _cleanup_free_ char *list = array_of(tables, count);
        TextList lines _cleanup_text_list_ = {0};
        int r = postgresql_run(context, &call,
                text_format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
                            "SELECT CASE WHEN to_regclass(format('public.%%I', name)) IS NULL THEN "
                            "'SELECT -1' ELSE format('SELECT count(*) FROM public.%%I', name) END "
                            "FROM unnest(%s) WITH ORDINALITY AS t(name, at) ORDER BY at \\gexec\n"
                            "COMMIT;\n",
                        list),
                &lines, error);

        (void)site;
        if (r == 0 && lines.count != count)
                r = error_set(error, -EBADMSG, "database", "the count of rows is not readable");
        for (size_t i = 0; r == 0 && i < count; i++)
                ret_rows[i] = strtoll(lines.items[i], NULL, 10);
        return r;
}

// Hashes of whole rows are added up, so that their order does not matter; two hashes, so that no
// two contents meet by chance.
char *postgresql_digest_statements(const char *table)
{
        size_t count = 0;
        _cleanup_free_ char *literal = table ? postgresql_literal(table) : NULL, *left_out = NULL;

        while (database_volatile[count])
                count++;
        left_out = array_of(database_volatile, count);
        return text_format("SELECT format('SELECT concat_ws('':'', %%L, count(*), "
                           "sum(hashtextextended(v, 0)), sum(hashtextextended(v, 1))) "
                           "FROM (SELECT (r.*)::text AS v FROM %%I.%%I r OFFSET 0) AS x', "
                           "n.nspname || '.' || c.relname, n.nspname, c.relname) "
                           "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                           "WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' "
                           "AND n.nspname <> 'information_schema' AND c.relname <> ALL(%s)%s%s "
                           "ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\" \\gexec\n",
                left_out, table ? " AND c.relname = " : "", table ? literal : "");
}

char *postgresql_digest_lines(const TextList *lines)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        EVP_MD_CTX *hash = EVP_MD_CTX_new();

        if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
                abort();
        for (size_t i = 0; i < lines->count; i++)
                if (EVP_DigestUpdate(hash, lines->items[i], strlen(lines->items[i])) != 1 ||
                        EVP_DigestUpdate(hash, "\n", 1) != 1)
                        abort();
        if (EVP_DigestFinal_ex(hash, digest, &size) != 1)
                abort();
        EVP_MD_CTX_free(hash);
        return text_hexadecimal(digest, size);
}

int postgresql_digest(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *table, char **ret_text, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .name = name, .what = "cannot read the database"};
        _cleanup_free_ char *statements = postgresql_digest_statements(table);
        TextList lines _cleanup_text_list_ = {0};
        int r = postgresql_run(context, &call,
                text_format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n%sCOMMIT;\n",
                        statements),
                &lines, error);

        (void)site;
        if (r < 0)
                return r;
        if (table && lines.count == 0) {
                error_set(error, -ENOENT, "no-table", "the database has no such table");
                error_where(error, "PostgreSQL database %s, table %s", name, table);
                return -ENOENT;
        }
        *ret_text = postgresql_digest_lines(&lines);
        return 0;
}
