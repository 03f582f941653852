#include "site/postgresql.h"

#include "site/managed.h"
#include "site/postgresql_copy.h"
#include "site/postgresql_rows.h"
#include "site/postgresql_swap.h"
#include "site/postgresql_user.h"

static int postgresql_identify(
        StepContext *context, const SiteDir *site, Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot ask the server who it is"};
        _cleanup_free_ char *name = postgresql_literal(database->name), *server = NULL;
        int r = postgresql_ask(context, &call,
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

// Ours, as an earlier run left it, or somebody else's?
static int check_existing(
        StepContext *context, const PostgresqlCall *call, const char *user, Error *error)
{
        const Fleet__Database *database = call->database;
        _cleanup_free_ char *name = postgresql_literal(database->name), *owner = NULL;
        int64_t tables = 0;
        int r = postgresql_ask(context, call,
                text_format("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = "
                            "%s;\n",
                        name),
                &owner, error);

        if (r == 0 && !text_equal(owner, user))
                return postgresql_name_taken(
                        database, "database", "its owner is another user", error);
        if (r == 0)
                r = postgresql_count_tables(context, database, database->name, &tables, error);
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
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        ManagedAccount account _cleanup_managed_account_ = {0};
        int r = postgresql_names_open(context, &call, &names, error);

        if (r == 0 && names.has_current)
                r = check_existing(context, &call, database->name, error);
        if (r == 0)
                r = postgresql_find_user(context, site, &call, database->name, error);
        if (r >= 0)
                r = managed_account(site, database, &account, error);
        if (r == 0)
                r = postgresql_make_user(context, site, &call, &account, error);
        if (r == 0 && !names.has_current)
                r = postgresql_run(context, &call,
                        postgresql_create_statement(names.q_current, account.user), NULL, error);
        return r;
}

// ---- the size

static int postgresql_size(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, uint64_t *ret_bytes, Error *error)
{
        (void)site;
        return postgresql_measure(context, database, database->name, ret_bytes, error);
}

static int postgresql_volume(
        StepContext *context, const Fleet__Database *database, char **ret, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot ask the server where its data lie"};
        ClientAdmin admin _cleanup_admin_ = {0};
        int r = client_admin_read(&step_policy(context)->postgresql, &admin, error);

        *ret = NULL;
        if (r < 0 || !client_admin_is_local(&admin))
                return r;
        return postgresql_ask(context, &call, text_copy("SHOW data_directory;\n"), ret, error);
}

// ---- staging

static int postgresql_drop_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        int r = postgresql_names_make(database, &names, error);

        (void)site;
        return r < 0 ? r : postgresql_drop_one(context, database, names.q_staging, error);
}

static int postgresql_open_staging(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot create a database to restore into"};
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        _cleanup_free_ char *create = NULL;
        int r = postgresql_names_make(database, &names, error);

        if (r == 0)
                r = postgresql_drop_staging(context, site, database, error);
        if (r < 0)
                return r;
        create = postgresql_create_statement(names.q_staging, postgresql_user_of(database));
        return postgresql_run(context, &call,
                text_format("%sALTER DATABASE %s SET synchronous_commit = off;\n", create,
                        names.q_staging),
                NULL, error);
}

// The committed change of the setting has the log written up to itself, and with it all before.
static int postgresql_seal(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, uint64_t *ret_bytes, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot make durable the restored database"};
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        _cleanup_free_ char *staging = NULL, *end = NULL;
        int r = postgresql_names_make(database, &names, error);

        (void)site;
        if (r == 0)
                r = postgresql_measure(context, database, names.staging, ret_bytes, error);
        if (r < 0)
                return r;
        staging = postgresql_literal(names.staging);
        end = postgresql_end_sessions(staging);
        return postgresql_run(context, &call,
                text_format(
                        "%sALTER DATABASE %s RESET synchronous_commit;\n", end, names.q_staging),
                NULL, error);
}

// ---- a copy of production

static int copy_files(StepContext *context, const SiteDir *from_site, const PostgresqlCopy *copy,
        DatabaseFigures *figures, Error *error)
{
        return postgresql_drop_staging(context, copy->site, copy->database, error)
                       ?: postgresql_copy_files(context, copy, error)
                       ?: postgresql_digest(context, from_site, copy->from, copy->from->name, NULL,
                                  &figures->digest, error);
}

static int copy_rows(
        StepContext *context, const PostgresqlCopy *copy, DatabaseFigures *figures, Error *error)
{
        return postgresql_open_staging(context, copy->site, copy->database, error)
                       ?: postgresql_copy_rows(context, copy, figures, error);
}

// The server copies no database that somebody is connected to. A monitor or a forgotten psql does
// not change what is in it: the rows are copied then.
static int postgresql_copy(StepContext *context, const SiteDir *from_site,
        const Fleet__Database *from, const SiteDir *site, const Fleet__Database *database,
        bool frozen, DatabaseFigures *ret, Error *error)
{
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        DatabaseFigures figures _cleanup_figures_ = {0};
        _cleanup_error_ Error why = ERROR_EMPTY;
        int r = postgresql_names_make(database, &names, error);

        if (r < 0)
                return r;
        const PostgresqlCopy copy = {site, from, database, names.staging};
        r = frozen ? copy_files(context, from_site, &copy, &figures, &why) : 0;
        if (r == -EBUSY)
                step_note(context, "Production's rows are copied, not its files: %s.", why.why);
        if (r == -EBUSY || !frozen)
                r = copy_rows(context, &copy, &figures, error);
        else if (r < 0)
                error_move(error, &why);
        if (r == 0)
                r = postgresql_measure(context, database, names.staging, &figures.bytes, error);
        if (r < 0) {
                (void)!postgresql_drop_staging(context, site, database, NULL);
                return r;
        }
        *ret = TAKE(figures, (DatabaseFigures){0});
        return 0;
}

static int postgresql_drop(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        int r = postgresql_names_make(database, &names, error);

        if (r == 0)
                r = postgresql_drop_one(context, database, names.q_staging, error);
        if (r == 0)
                r = postgresql_drop_one(context, database, names.q_kept, error);
        if (r == 0)
                r = postgresql_drop_one(context, database, names.q_current, error);
        return r < 0 ? r : postgresql_drop_user(context, site, database, error);
}

const DatabaseEngine postgresql_engine = {
        .name = "postgresql",
        .on_server = true,
        .identify = postgresql_identify,
        .staging_name = postgresql_staging_name,
        .create = postgresql_create,
        .size = postgresql_size,
        .volume = postgresql_volume,
        .open_staging = postgresql_open_staging,
        .seal = postgresql_seal,
        .swap = postgresql_swap,
        .put_back = postgresql_put_back,
        .settle = postgresql_settle,
        .drop_staging = postgresql_drop_staging,
        .drop = postgresql_drop,
        .drop_user = postgresql_drop_lone_user,
        .count_rows = postgresql_count_rows,
        .digest = postgresql_digest,
        .schema = postgresql_schema,
        .copy = postgresql_copy,
};
