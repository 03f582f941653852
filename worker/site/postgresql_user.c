#include "site/postgresql_user.h"

// By what the worker knows a user as one that it has made for this site.
static char *marker(const SiteDir *site)
{
        return text_format("Understudy: user of %s", site->path);
}

int postgresql_name_taken(
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

int postgresql_find_user(StepContext *context, const SiteDir *site, const PostgresqlCall *call,
        const char *user, Error *error)
{
        _cleanup_free_ char *name = postgresql_literal(user), *comment = NULL,
                            *expected = marker(site);
        int r = postgresql_ask(context, call,
                text_format("SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM "
                            "pg_roles WHERE rolname = %s;\n",
                        name),
                &comment, error);

        if (r < 0 || !comment)
                return r;
        return text_equal(comment, expected) ? 1
                                             : postgresql_name_taken(call->database, "user",
                                                       "another site's, or made by hand", error);
}

int postgresql_make_user(StepContext *context, const SiteDir *site, const PostgresqlCall *call,
        const ManagedAccount *account, Error *error)
{
        int found = postgresql_find_user(context, site, call, account->user, error);
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

int postgresql_drop_user(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {.database = database,
                .what = "cannot drop the database's user",
                .limit_ms = POSTGRESQL_CLEANING_MS};
        Error ignored _cleanup_error_ = ERROR_EMPTY;
        _cleanup_free_ char *name = postgresql_name(postgresql_user_of(database));
        int r = postgresql_find_user(context, site, &call, postgresql_user_of(database), &ignored);

        if (r == -EEXIST) {
                step_note(context, "The database user %s is left: it was not made for this site.",
                        postgresql_user_of(database));
                return 0;
        }
        if (r < 0)
                error_move(error, &ignored);
        if (r <= 0)
                return r;
        return postgresql_run(
                context, &call, text_format("DROP ROLE IF EXISTS %s;\n", name), NULL, error);
}

// What a role owns, or was granted, anywhere on the server is in pg_shdepend.
#define LONE_USER_SQL                                                                              \
        "SELECT NOT (rolsuper OR rolcreaterole OR rolreplication OR EXISTS (SELECT 1 FROM "        \
        "pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid) OR EXISTS "    \
        "(SELECT 1 FROM pg_auth_members WHERE roleid = r.oid OR member = r.oid)) FROM pg_roles r " \
        "WHERE rolname = %s;\n"

int postgresql_drop_lone_user(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot drop the database's user"};
        const char *user = postgresql_user_of(database);
        _cleanup_free_ char *literal = postgresql_literal(user), *name = postgresql_name(user),
                            *lone = NULL;
        int r = postgresql_ask(context, &call, text_format(LONE_USER_SQL, literal), &lone, error);

        (void)site;
        if (r < 0 || !lone)
                return r;
        if (!text_equal(lone, "t")) {
                step_note(context, "The database user %s is left: it may more than this database.",
                        user);
                return 0;
        }
        return postgresql_run(
                context, &call, text_format("DROP ROLE IF EXISTS %s;\n", name), NULL, error);
}
