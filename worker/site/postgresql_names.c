#include "site/postgresql_names.h"

static const char *const staging_suffix = "-understudy-staging";
static const char *const kept_suffix = "-understudy-kept";

enum {
        NAME_SIZE_MAX = 63, // PostgreSQL cuts longer names, without an error
};

void postgresql_names_clear(PostgresqlNames *names)
{
        free(names->current);
        free(names->staging);
        free(names->kept);
        free(names->q_current);
        free(names->q_staging);
        free(names->q_kept);
}

int postgresql_names_make(const Fleet__Database *database, PostgresqlNames *ret, Error *error)
{
        if (text_blank(database->name) ||
                strlen(database->name) + strlen(staging_suffix) > NAME_SIZE_MAX) {
                error_set(error, -ENAMETOOLONG, "bad-name", "the database's name does not do");
                error_where(error, "PostgreSQL database %s", database->name);
                error_why(error, "it needs 1 to %zu bytes, so that a copy can be kept beside it",
                        NAME_SIZE_MAX - strlen(staging_suffix));
                error_next(error, "Give it a shorter NAME in DATABASES of the site's settings.py");
                return -ENAMETOOLONG;
        }
        *ret = (PostgresqlNames){.current = text_copy(database->name),
                .staging = text_format("%s%s", database->name, staging_suffix),
                .kept = text_format("%s%s", database->name, kept_suffix)};
        ret->q_current = postgresql_name(ret->current);
        ret->q_staging = postgresql_name(ret->staging);
        ret->q_kept = postgresql_name(ret->kept);
        return 0;
}

static char *array(const PostgresqlNames *names)
{
        _cleanup_free_ char *current = postgresql_literal(names->current),
                            *staging = postgresql_literal(names->staging),
                            *kept = postgresql_literal(names->kept);

        return text_format("ARRAY[%s, %s, %s]", current, staging, kept);
}

int postgresql_names_open(
        StepContext *context, const PostgresqlCall *call, PostgresqlNames *ret, Error *error)
{
        _cleanup_free_ char *list = NULL;
        TextList lines _cleanup_text_list_ = {0};
        int r = postgresql_names_make(call->database, ret, error);

        if (r < 0)
                return r;
        list = array(ret);
        r = postgresql_run(context, call,
                text_format("SELECT d.oid IS NOT NULL FROM unnest(%s) WITH ORDINALITY AS n(name, "
                            "at) LEFT JOIN pg_database d ON d.datname = n.name ORDER BY at;\n",
                        list),
                &lines, error);
        if (r == 0 && lines.count != 3)
                r = error_set(error, -EBADMSG, "database", "psql's answer is not readable");
        if (r < 0)
                return r;
        ret->has_current = text_equal(lines.items[0], "t");
        ret->has_staging = text_equal(lines.items[1], "t");
        ret->has_kept = text_equal(lines.items[2], "t");
        return 0;
}

int postgresql_ask(StepContext *context, const PostgresqlCall *call, char *take_script, char **ret,
        Error *error)
{
        TextList lines _cleanup_text_list_ = {0};
        int r = postgresql_run(context, call, take_script, &lines, error);

        if (r == 0)
                *ret = lines.count > 0 ? text_copy(lines.items[0]) : NULL;
        return r;
}

const char *postgresql_user_of(const Fleet__Database *database)
{
        return text_blank(database->user) ? database->name : database->user;
}

// A database of the user's; nobody else may connect. UTF-8 whatever the server's templates are.
char *postgresql_create_statement(const char *quoted_name, const char *user)
{
        _cleanup_free_ char *owner = postgresql_name(user);

        return text_format("CREATE DATABASE %s OWNER %s TEMPLATE template0 ENCODING 'UTF8';\n"
                           "REVOKE CONNECT, TEMPORARY ON DATABASE %s FROM PUBLIC;\n",
                quoted_name, owner, quoted_name);
}

int postgresql_count_tables(StepContext *context, const Fleet__Database *database, const char *name,
        int64_t *ret, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .name = name, .what = "cannot look into the database"};
        _cleanup_free_ char *count = NULL;
        int r = postgresql_ask(context, &call,
                text_copy("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                          "c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' "
                          "AND n.nspname <> 'information_schema';\n"),
                &count, error);

        *ret = count ? strtoll(count, NULL, 10) : 0;
        return r;
}

int postgresql_measure(StepContext *context, const Fleet__Database *database, const char *name,
        uint64_t *ret_bytes, Error *error)
{
        const PostgresqlCall call = {.database = database, .what = "cannot measure the database"};
        _cleanup_free_ char *literal = postgresql_literal(name), *bytes = NULL;
        int r = postgresql_ask(context, &call,
                text_format("SELECT pg_database_size(oid) FROM pg_database WHERE datname = %s;\n",
                        literal),
                &bytes, error);

        if (r < 0)
                return r;
        if (!bytes || text_parse_u64(bytes, ret_bytes) < 0) {
                error_set(error, -ENOENT, "no-database", "there is no such database");
                error_where(error, "PostgreSQL database %s", name);
                error_next(error, "Look which there are: sudo -u postgres psql -l");
                return -ENOENT;
        }
        return 0;
}

int postgresql_drop_one(StepContext *context, const Fleet__Database *database,
        const char *quoted_name, Error *error)
{
        const PostgresqlCall call = {.database = database,
                .what = "cannot drop a database",
                .limit_ms = POSTGRESQL_CLEANING_MS};

        return postgresql_run(context, &call,
                text_format("DROP DATABASE IF EXISTS %s WITH (FORCE);\n", quoted_name), NULL,
                error);
}

char *postgresql_end_sessions(const char *quoted_list)
{
        return text_format(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
                "ANY(ARRAY[%s]) AND pid <> pg_backend_pid() AND backend_type = 'client backend';\n",
                quoted_list);
}

char *postgresql_staging_name(const Fleet__Database *current)
{
        return text_format("%s%s", current->name, staging_suffix);
}
