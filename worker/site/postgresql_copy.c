#include "site/postgresql_copy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/managed.h"
#include "site/postgresql_client.h"
#include "site/postgresql_rows.h"
#include "tree/tree.h"

#define PG_DUMP    "/usr/bin/pg_dump"
#define PG_RESTORE "/usr/bin/pg_restore"
#define JOBS       "--jobs=2"
#define WORK       ".understudy-copy" // in the preview's project directory

// ---- between pg_dump and pg_restore

static int no_directory(int r, const SiteDir *site, Error *error)
{
        error_set(error, r, "database", "cannot make a directory for the copy of the database");
        error_where(error, "%s/" WORK, site->path);
        error_next(error, "Look who may write there: ls -la '%s'", site->path);
        return r;
}

static int remove_work(const SiteDir *site, Error *error)
{
        const TreeOptions options = {
                .cancel_fd = -1}; // holds production's data: also when canceled
        TreeFigures figures = {0};

        return tree_remove(site->fd, WORK, &options, &figures, error);
}

// The Unix user's who runs the programs; they reach it by its descriptor alone.
static int make_work(const SiteDir *site, const char *user, int *ret_fd, Error *error)
{
        _cleanup_account_ Account account = {0};
        _cleanup_close_ int fd = -EBADF;
        int r = remove_work(site, error);

        if (r < 0)
                return r;
        if (mkdirat(site->fd, WORK, 0700) < 0)
                return no_directory(-errno, site, error);
        fd = file_open_beneath(site->fd, WORK, O_RDONLY | O_DIRECTORY, false);
        if (fd < 0)
                return no_directory(fd, site, error);
        if (geteuid() == 0 && account_find(user, &account) == 0 &&
                fchown(fd, account.uid, account.gid) < 0)
                return no_directory(-errno, site, error);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

// ---- the snapshot

static int start_snapshot(StepContext *context, const PostgresqlCopy *copy,
        const PostgresqlConnection *connection, ClientHold **ret_hold, char **ret_snapshot,
        Error *error)
{
        const PostgresqlCall call = {
                .database = copy->from, .what = "cannot take a snapshot of production's database"};
        _cleanup_free_ char *digest = postgresql_digest_statements(NULL), *script = NULL;
        _cleanup_hold_ ClientHold *hold = NULL;
        int r;

        // It sleeps until it is ended, or for a day.
        script = text_format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
                             "SELECT pg_export_snapshot();\n%sSELECT 'end';\n"
                             "SELECT pg_sleep(86400);\n",
                digest);
        r = postgresql_hold(context, &call, connection, script, &hold, error);
        if (r == 0)
                r = postgresql_hold_line(&call, hold, ret_snapshot, error);
        if (r == 0)
                *ret_hold = TAKE_PTR(hold);
        return r;
}

static int finish_snapshot(
        const PostgresqlCopy *copy, ClientHold *hold, char **ret_digest, Error *error)
{
        const PostgresqlCall call = {
                .database = copy->from, .what = "cannot read production's database"};
        TextList lines _cleanup_text_list_ = {0};

        for (;;) {
                _cleanup_free_ char *line = NULL;
                int r = postgresql_hold_line(&call, hold, &line, error);

                if (r < 0)
                        return r;
                if (text_equal(line, "end"))
                        break;
                text_list_add(&lines, line);
        }
        *ret_digest = postgresql_digest_lines(&lines);
        return 0;
}

// ---- by rows

static int dump(StepContext *context, const PostgresqlCopy *copy,
        const PostgresqlConnection *connection, const char *snapshot, int directory, Error *error)
{
        const PostgresqlCall call = {.database = copy->from, .what = "pg_dump failed"};
        _cleanup_free_ char *option = text_format("--snapshot=%s", snapshot);
        TextList argv _cleanup_text_list_ = {0};
        static const char *const words[] = {PG_DUMP, "--format=directory", "--compress=0", JOBS,
                "--no-owner", "--no-privileges", "--no-password"};

        for (size_t i = 0; i < ELEMENTS(words); i++)
                text_list_add(&argv, words[i]);
        text_list_take(&argv, text_format("--file=%s", CLIENT_DIRECTORY));
        text_list_add(&argv, option);
        for (const char *const *table = database_volatile; *table; table++)
                text_list_take(&argv, text_format("--exclude-table-data=*.%s", *table));
        text_list_take(&argv, text_format("--dbname=%s", connection->words));
        const ClientCall client = {.argv = (const char *const *)argv.items, .directory = directory};
        return postgresql_program(context, &call, connection, &client, error);
}

static int restore(StepContext *context, const PostgresqlCopy *copy, int directory, Error *error)
{
        const PostgresqlCall call = {.database = copy->database, .what = "pg_restore failed"};
        PostgresqlConnection connection _cleanup_connection_ = {0};
        int r = postgresql_connect_as_site(step_policy(context), copy->site, copy->database,
                copy->staging, &connection, error);

        if (r < 0)
                return r;
        const ClientCall client = {
                .argv = (const char *const[]){PG_RESTORE, "--format=directory", JOBS, "--no-owner",
                        "--no-privileges", "--no-password", "--exit-on-error", "--dbname",
                        connection.words, CLIENT_DIRECTORY, NULL},
                .directory = directory,
        };
        return postgresql_program(context, &call, &connection, &client, error);
}

int postgresql_copy_rows(
        StepContext *context, const PostgresqlCopy *copy, DatabaseFigures *ret, Error *error)
{
        PostgresqlConnection connection _cleanup_connection_ = {0};
        Error later _cleanup_error_ = ERROR_EMPTY;
        _cleanup_hold_ ClientHold *hold = NULL;
        _cleanup_free_ char *snapshot = NULL;
        _cleanup_close_ int directory = -EBADF;
        int removed,
                r = postgresql_connect(step_policy(context), copy->from->name, &connection, error);

        if (r == 0)
                r = make_work(copy->site, connection.account, &directory, error);
        if (r < 0)
                return r;
        r = start_snapshot(context, copy, &connection, &hold, &snapshot, error);
        if (r == 0)
                r = dump(context, copy, &connection, snapshot, directory, error);
        if (r == 0)
                r = finish_snapshot(copy, hold, &ret->digest, error);
        if (r == 0)
                r = restore(context, copy, directory, error);
        removed = remove_work(copy->site, r < 0 ? &later : error);
        return r < 0 ? r : removed;
}

// ---- by files

// Everything of its own becomes `user`'s. Not REASSIGN OWNED, which would give away the databases
// of the former owner, too.
static char *give_statements(const char *user)
{
        _cleanup_free_ char *owner = postgresql_literal(user);

        return text_format(
                "SELECT format('ALTER SCHEMA %%I OWNER TO %%I', nspname, %s) FROM pg_namespace "
                "WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')\n"
                "UNION ALL SELECT format('ALTER %%s %%I.%%I OWNER TO %%I', CASE c.relkind WHEN 'S' "
                "THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE "
                "'TABLE' END, n.nspname, c.relname, %s) FROM pg_class c JOIN pg_namespace n ON "
                "n.oid "
                "= c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ "
                "'^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM "
                "pg_depend "
                "d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND (d.deptype = 'e' "
                "OR (c.relkind = 'S' AND d.deptype IN ('a', 'i'))))\n"
                "UNION ALL SELECT format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, "
                "%s) "
                "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ "
                "'^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM "
                "pg_depend "
                "d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')\n"
                "UNION ALL SELECT format('ALTER TYPE %%I.%%I OWNER TO %%I', n.nspname, t.typname, "
                "%s) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype "
                "IN ('d', 'e', 'r') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
                "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND "
                "d.objid = t.oid AND d.deptype = 'e') \\gexec\n",
                owner, owner, owner, owner);
}

static char *empty_statements(void)
{
        char *list = text_copy("");

        for (const char *const *table = database_volatile; *table; table++) {
                _cleanup_free_ char *before = list, *literal = postgresql_literal(*table);

                list = text_format("%s%s%s", before, *before ? ", " : "", literal);
        }
        _cleanup_free_ char *names = list;
        return text_format(
                "SELECT format('TRUNCATE %%I.%%I', n.nspname, c.relname) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND "
                "c.relname IN (%s) \\gexec\n",
                names);
}

int postgresql_copy_files(StepContext *context, const PostgresqlCopy *copy, Error *error)
{
        const PostgresqlCall create = {
                .database = copy->from, .what = "cannot copy production's database"};
        const PostgresqlCall give = {.database = copy->database,
                .name = copy->staging,
                .what = "cannot give the copied database to its user"};
        _cleanup_free_ char *source = postgresql_name(copy->from->name),
                            *staging = postgresql_name(copy->staging),
                            *owner = postgresql_name(copy->database->user),
                            *give_all = give_statements(copy->database->user),
                            *empty = empty_statements();
        int r = postgresql_run(context, &create,
                text_format("CREATE DATABASE %s OWNER %s TEMPLATE %s STRATEGY file_copy;\n"
                            "REVOKE CONNECT, TEMPORARY ON DATABASE %s FROM PUBLIC;\n"
                            "ALTER DATABASE %s SET synchronous_commit = off;\n",
                        staging, owner, source, staging, staging),
                NULL, error);

        if (r == 0)
                r = postgresql_run(context, &give,
                        text_format("BEGIN;\n%s%sCOMMIT;\n", give_all, empty), NULL, error);
        return r;
}

// ---- what both are made of

// Comments and psql's own commands, of which one is random, are not part of it.
static char *joined(const TextList *lines)
{
        size_t size = 1;
        char *text, *at;

        for (size_t i = 0; i < lines->count; i++)
                size += strlen(lines->items[i]) + 1;
        text = at = memory_new(size);
        for (size_t i = 0; i < lines->count; i++) {
                const char *line = lines->items[i];

                if (*line && *line != '\\' && !text_starts(line, "--")) {
                        at = stpcpy(at, line);
                        at = stpcpy(at, "\n");
                }
        }
        return text;
}

int postgresql_schema(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, char **ret_text, Error *error)
{
        const PostgresqlCall call = {.database = database, .what = "pg_dump failed"};
        PostgresqlConnection connection _cleanup_connection_ = {0};
        TextList lines _cleanup_text_list_ = {0};
        int r = postgresql_connect(step_policy(context), name, &connection, error);

        (void)site;
        if (r < 0)
                return r;
        const ClientCall client = {
                .argv = (const char *const[]){PG_DUMP, "--schema-only", "--no-owner",
                        "--no-privileges", "--no-password", "--dbname", connection.words, NULL},
                .lines = &lines,
        };
        r = postgresql_program(context, &call, &connection, &client, error);
        if (r == 0)
                *ret_text = joined(&lines);
        return r;
}
