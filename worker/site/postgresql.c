#include "site/postgresql.h"

#include "site/managed.h"
#include "site/postgresql_client.h"
#include "site/postgresql_copy.h"
#include "site/postgresql_rows.h"

static const char *const staging_suffix = "-understudy-staging";
static const char *const kept_suffix = "-understudy-kept";

enum {
        NAME_SIZE_MAX = 63,  // PostgreSQL cuts longer names, without an error
        CLEANING_MS = 20000, // for what is done after a cancel, too
        SWAP_ATTEMPTS = 4,   // clients may be quicker to come back than a rename
};

// The three names of one site's database, and which of them there are.
typedef struct Names {
        char *current, *staging, *kept;       // as they are
        char *q_current, *q_staging, *q_kept; // quoted as names
        bool has_current, has_staging, has_kept;
} Names;

static void names_clear(Names *names)
{
        free(names->current);
        free(names->staging);
        free(names->kept);
        free(names->q_current);
        free(names->q_staging);
        free(names->q_kept);
}
#define _cleanup_names_ _cleanup_(names_clear)

static int names_make(const Fleet__Database *database, Names *ret, Error *error)
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
        *ret = (Names){.current = text_copy(database->name),
                .staging = text_format("%s%s", database->name, staging_suffix),
                .kept = text_format("%s%s", database->name, kept_suffix)};
        ret->q_current = postgresql_name(ret->current);
        ret->q_staging = postgresql_name(ret->staging);
        ret->q_kept = postgresql_name(ret->kept);
        return 0;
}

static char *array(const Names *names)
{
        _cleanup_free_ char *current = postgresql_literal(names->current),
                            *staging = postgresql_literal(names->staging),
                            *kept = postgresql_literal(names->kept);

        return text_format("ARRAY[%s, %s, %s]", current, staging, kept);
}

// Names them, and asks the server which are there.
static int names_open(StepContext *context, const PostgresqlCall *call, Names *ret, Error *error)
{
        _cleanup_free_ char *list = NULL;
        TextList lines _cleanup_text_list_ = {0};
        int r = names_make(call->database, ret, error);

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

static char *postgresql_staging_name(const Fleet__Database *current)
{
        return text_format("%s%s", current->name, staging_suffix);
}

// One line, or NULL.
static int ask(StepContext *context, const PostgresqlCall *call, char *take_script, char **ret,
        Error *error)
{
        TextList lines _cleanup_text_list_ = {0};
        int r = postgresql_run(context, call, take_script, &lines, error);

        if (r == 0)
                *ret = lines.count > 0 ? text_copy(lines.items[0]) : NULL;
        return r;
}

static int postgresql_identify(
        StepContext *context, const SiteDir *site, Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot ask the server who it is"};
        _cleanup_free_ char *name = postgresql_literal(database->name), *server = NULL;
        int r = ask(context, &call,
                text_format("SELECT concat('postgresql:', system_identifier, ':', %s) FROM "
                            "pg_control_system();\n",
                        name),
                &server, error);

        (void)site;
        if (r == 0) {
                if (database->server && database->server != protobuf_c_empty_string)
                        free(database->server);
                database->server = TAKE_PTR(server);
        }
        return r;
}

// ---- a new site's database

// By what the worker knows a user as one that it has made for this site.
static char *marker(const SiteDir *site)
{
        return text_format("Understudy: user of %s", site->path);
}

static int name_taken(
        const Fleet__Database *database, const char *what, const char *why, Error *error)
{
        error_set(error, -EEXIST, "name-taken", "the new site's %s is there already", what);
        error_where(error, "PostgreSQL database %s", database->name);
        error_why(error, "%s", why);
        error_next(error,
                "Choose another name for the site, or, if nobody needs it, drop it: sudo -u "
                "postgres psql -c 'DROP %s \"%s\"'",
                text_equal(what, "user") ? "ROLE" : "DATABASE", database->name);
        return -EEXIST;
}

// 1: there is the user that we have made; 0: there is none of that name.
static int find_user(StepContext *context, const SiteDir *site, const PostgresqlCall *call,
        const char *user, Error *error)
{
        _cleanup_free_ char *name = postgresql_literal(user), *comment = NULL,
                            *expected = marker(site);
        int r = ask(context, call,
                text_format("SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM "
                            "pg_roles WHERE rolname = %s;\n",
                        name),
                &comment, error);

        if (r < 0 || !comment)
                return r;
        return text_equal(comment, expected) ? 1
                                             : name_taken(call->database, "user",
                                                       "another site's, or made by hand", error);
}

static int make_user(StepContext *context, const SiteDir *site, const PostgresqlCall *call,
        const ManagedAccount *account, Error *error)
{
        int found = find_user(context, site, call, account->user, error);
        _cleanup_free_ char *verifier = NULL, *name = NULL, *mark = NULL, *comment = NULL;

        if (found < 0)
                return found;
        verifier = postgresql_verifier(account->password);
        name = postgresql_name(account->user);
        mark = marker(site);
        comment = postgresql_literal(mark);
        return postgresql_run(context, call,
                text_format("BEGIN;\n%s ROLE %s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE "
                            "NOREPLICATION PASSWORD '%s';\nCOMMENT ON ROLE %s IS %s;\nCOMMIT;\n",
                        found ? "ALTER" : "CREATE", name, verifier, name, comment),
                NULL, error);
}

// A database of the user's; nobody else may connect. UTF-8 whatever the server's templates are.
static char *create_statement(const char *quoted_name, const char *user)
{
        _cleanup_free_ char *owner = postgresql_name(user);

        return text_format("CREATE DATABASE %s OWNER %s TEMPLATE template0 ENCODING 'UTF8';\n"
                           "REVOKE CONNECT, TEMPORARY ON DATABASE %s FROM PUBLIC;\n",
                quoted_name, owner, quoted_name);
}

static int count_all(StepContext *context, const Fleet__Database *database, const char *name,
        int64_t *ret, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .name = name, .what = "cannot look into the database"};
        _cleanup_free_ char *count = NULL;
        int r = ask(context, &call,
                text_copy("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                          "c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' "
                          "AND n.nspname <> 'information_schema';\n"),
                &count, error);

        *ret = count ? atoll(count) : 0;
        return r;
}

// Ours, as an earlier run left it, or somebody else's?
static int check_existing(
        StepContext *context, const PostgresqlCall *call, const char *user, Error *error)
{
        const Fleet__Database *database = call->database;
        _cleanup_free_ char *name = postgresql_literal(database->name), *owner = NULL;
        int64_t tables;
        int r = ask(context, call,
                text_format("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = "
                            "%s;\n",
                        name),
                &owner, error);

        if (r == 0 && !text_equal(owner, user))
                return name_taken(database, "database", "its owner is another user", error);
        if (r == 0)
                r = count_all(context, database, database->name, &tables, error);
        if (r < 0 || tables == 0)
                return r;
        error_set(error, -EEXIST, "database-exists", "the new site's database is not empty");
        error_where(error, "PostgreSQL database %s", database->name);
        error_why(error, "it has %lld tables", (long long)tables);
        error_next(error, "If nobody needs it: sudo -u postgres dropdb %s", name);
        return -EEXIST;
}

static int postgresql_create(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {.database = database, .what = "cannot create the database"};
        Names names _cleanup_names_ = {0};
        ManagedAccount account _cleanup_managed_account_ = {0};
        int r = names_open(context, &call, &names, error);

        if (r == 0 && names.has_current)
                r = check_existing(context, &call, database->name, error);
        if (r == 0)
                r = find_user(context, site, &call, database->name, error);
        if (r >= 0)
                r = managed_account(site, database, &account, error);
        if (r == 0)
                r = make_user(context, site, &call, &account, error);
        if (r == 0 && !names.has_current)
                r = postgresql_run(context, &call, create_statement(names.q_current, account.user),
                        NULL, error);
        return r;
}

// ---- the size

static int measure(StepContext *context, const Fleet__Database *database, const char *name,
        uint64_t *ret_bytes, Error *error)
{
        const PostgresqlCall call = {.database = database, .what = "cannot measure the database"};
        _cleanup_free_ char *literal = postgresql_literal(name), *bytes = NULL;
        int r = ask(context, &call,
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

static int postgresql_size(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, uint64_t *ret_bytes, Error *error)
{
        (void)site;
        return measure(context, database, database->name, ret_bytes, error);
}

// ---- staging

// The site's user: of a preview that the worker has made, the one of its managed settings.
static const char *user_of(const Fleet__Database *database)
{
        return text_blank(database->user) ? database->name : database->user;
}

static int drop_one(StepContext *context, const Fleet__Database *database, const char *quoted_name,
        Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot drop a database", .limit_ms = CLEANING_MS};

        return postgresql_run(context, &call,
                text_format("DROP DATABASE IF EXISTS %s WITH (FORCE);\n", quoted_name), NULL,
                error);
}

static int postgresql_drop_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        Names names _cleanup_names_ = {0};
        int r = names_make(database, &names, error);

        (void)site;
        return r < 0 ? r : drop_one(context, database, names.q_staging, error);
}

static int postgresql_open_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot create a database to restore into"};
        Names names _cleanup_names_ = {0};
        _cleanup_free_ char *create = NULL;
        int r = names_make(database, &names, error);

        if (r == 0)
                r = postgresql_drop_staging(context, site, database, error);
        if (r < 0)
                return r;
        create = create_statement(names.q_staging, user_of(database));
        return postgresql_run(context, &call,
                text_format("%sALTER DATABASE %s SET synchronous_commit = off;\n", create,
                        names.q_staging),
                NULL, error);
}

// Ends the sessions of databases, and waits until they are gone.
static char *end_sessions(const char *quoted_list)
{
        return text_format(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
                "ANY(ARRAY[%s]) AND pid <> pg_backend_pid() AND backend_type = 'client backend';\n",
                quoted_list);
}

// The committed change of the setting has the log written up to itself, and with it all before.
static int postgresql_seal(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, uint64_t *ret_bytes, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot make durable the restored database"};
        Names names _cleanup_names_ = {0};
        _cleanup_free_ char *staging = NULL, *end = NULL;
        int r = names_make(database, &names, error);

        (void)site;
        if (r == 0)
                r = measure(context, database, names.staging, ret_bytes, error);
        if (r < 0)
                return r;
        staging = postgresql_literal(names.staging);
        end = end_sessions(staging);
        return postgresql_run(context, &call,
                text_format(
                        "%sALTER DATABASE %s RESET synchronous_commit;\n", end, names.q_staging),
                NULL, error);
}

// ---- a copy of production

static int postgresql_copy(StepContext *context, const SiteDir *from_site,
        const Fleet__Database *from, const SiteDir *site, const Fleet__Database *database,
        bool frozen, DatabaseFigures *ret, Error *error)
{
        Names names _cleanup_names_ = {0};
        DatabaseFigures figures _cleanup_figures_ = {0};
        int r = names_make(database, &names, error);

        if (r < 0)
                return r;
        const PostgresqlCopy copy = {site, from, database, names.staging};
        r = frozen ? postgresql_drop_staging(context, site, database, error)
                   : postgresql_open_staging(context, site, database, error);
        if (r == 0 && frozen)
                r = postgresql_copy_files(context, &copy, error);
        if (r == 0 && frozen)
                r = postgresql_digest(
                        context, from_site, from, from->name, NULL, &figures.digest, error);
        if (r == 0 && !frozen)
                r = postgresql_copy_rows(context, &copy, &figures, error);
        if (r == 0)
                r = measure(context, database, names.staging, &figures.bytes, error);
        if (r < 0) {
                (void)!postgresql_drop_staging(context, site, database, NULL);
                return r;
        }
        *ret = TAKE(figures, (DatabaseFigures){0});
        return 0;
}

// ---- swap and back

// Renames in one transaction what nobody may be connected to.
static int rename_all(StepContext *context, const PostgresqlCall *call, const Names *names,
        const char *renames, Error *error)
{
        _cleanup_free_ char *current = postgresql_literal(names->current),
                            *staging = postgresql_literal(names->staging),
                            *kept = postgresql_literal(names->kept),
                            *list = text_format("%s, %s, %s", current, staging, kept),
                            *end = end_sessions(list);
        int r = -EBUSY;

        for (int i = 0; r == -EBUSY && i < SWAP_ATTEMPTS; i++) {
                error_clear(error);
                r = postgresql_run(context, call,
                        text_format("%sBEGIN;\n%sCOMMIT;\n", end, renames), NULL, error);
        }
        return r;
}

// A preview without a database: an empty one is what to go back to.
static int have_current(
        StepContext *context, const PostgresqlCall *call, Names *names, Error *error)
{
        int r;

        if (names->has_current)
                return 0;
        r = postgresql_run(context, call,
                create_statement(names->q_current, user_of(call->database)), NULL, error);
        names->has_current = r == 0;
        return r;
}

static int swap_names(StepContext *context, const PostgresqlCall *call, Names *names, Error *error)
{
        _cleanup_free_ char *renames = NULL;
        int r;

        if (names->has_kept) { // of an earlier swap that was not settled: its successor goes
                r = names->has_current ? drop_one(context, call->database, names->q_current, error)
                                       : 0;
                renames = text_format(
                        "ALTER DATABASE %s RENAME TO %s;\n", names->q_staging, names->q_current);
        } else {
                r = have_current(context, call, names, error);
                renames = text_format("ALTER DATABASE %s RENAME TO %s;\nALTER DATABASE %s RENAME "
                                      "TO %s;\n",
                        names->q_current, names->q_kept, names->q_staging, names->q_current);
        }
        return r < 0 ? r : rename_all(context, call, names, renames, error);
}

static int postgresql_swap(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, bool *ret_kept, Error *error)
{
        const PostgresqlCall call = {.database = database,
                .what = "cannot put the restored database in the place of the preview's"};
        Names names _cleanup_names_ = {0};
        int64_t tables = 0;
        int r = names_open(context, &call, &names, error);

        (void)site;
        if (r < 0)
                return r;
        if (names.has_staging)
                r = swap_names(context, &call, &names, error);
        else if (!names.has_kept)
                return measure(context, database, names.staging, &(uint64_t){0}, error);
        if (r == 0)
                r = count_all(context, database, names.kept, &tables, error);
        *ret_kept = tables > 0;
        return r;
}

static int postgresql_put_back(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot put back the preview's database"};
        Names names _cleanup_names_ = {0};
        _cleanup_free_ char *renames = NULL;
        int r = names_open(context, &call, &names, error);

        (void)site;
        if (r < 0 || !names.has_kept)
                return r;
        r = drop_one(context, database, names.q_staging, error);
        if (r < 0)
                return r;
        renames = names.has_current
                          ? text_format("ALTER DATABASE %s RENAME TO %s;\nALTER DATABASE %s RENAME "
                                        "TO %s;\n",
                                    names.q_current, names.q_staging, names.q_kept, names.q_current)
                          : text_format("ALTER DATABASE %s RENAME TO %s;\n", names.q_kept,
                                    names.q_current);
        r = rename_all(context, &call, &names, renames, error);
        return r < 0 ? r : drop_one(context, database, names.q_staging, error);
}

static int postgresql_settle(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, uint64_t *ret_freed, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot give up the preview's previous database"};
        Names names _cleanup_names_ = {0};
        int r = names_open(context, &call, &names, error);

        (void)site;
        *ret_freed = 0;
        if (r < 0)
                return r;
        if (!names.has_current)
                return measure(context, database, names.current, ret_freed, error);
        if (!names.has_kept)
                return 0;
        r = measure(context, database, names.kept, ret_freed, error);
        return r < 0 ? r : drop_one(context, database, names.q_kept, error);
}

// ---- all of it

static int drop_user(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {.database = database,
                .what = "cannot drop the database's user",
                .limit_ms = CLEANING_MS};
        Error ignored _cleanup_error_ = ERROR_EMPTY;
        _cleanup_free_ char *name = postgresql_name(user_of(database));
        int r = find_user(context, site, &call, user_of(database), &ignored);

        if (r == -EEXIST) {
                step_note(context, "The database user %s is left: it was not made for this site.",
                        user_of(database));
                return 0;
        }
        if (r < 0)
                error_move(error, &ignored);
        if (r <= 0)
                return r;
        return postgresql_run(
                context, &call, text_format("DROP ROLE IF EXISTS %s;\n", name), NULL, error);
}

static int postgresql_drop(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        Names names _cleanup_names_ = {0};
        int r = names_make(database, &names, error);

        if (r == 0)
                r = drop_one(context, database, names.q_staging, error);
        if (r == 0)
                r = drop_one(context, database, names.q_kept, error);
        if (r == 0)
                r = drop_one(context, database, names.q_current, error);
        return r < 0 ? r : drop_user(context, site, database, error);
}

const DatabaseEngine postgresql_engine = {
        .name = "postgresql",
        .on_server = true,
        .identify = postgresql_identify,
        .staging_name = postgresql_staging_name,
        .create = postgresql_create,
        .size = postgresql_size,
        .open_staging = postgresql_open_staging,
        .seal = postgresql_seal,
        .swap = postgresql_swap,
        .put_back = postgresql_put_back,
        .settle = postgresql_settle,
        .drop_staging = postgresql_drop_staging,
        .drop = postgresql_drop,
        .count_rows = postgresql_count_rows,
        .digest = postgresql_digest,
        .schema = postgresql_schema,
        .copy = postgresql_copy,
};
