#include "site/postgresql_swap.h"

#include "site/postgresql_names.h"

enum {
        SWAP_ATTEMPTS = 4, // clients may be quicker to come back than a rename
};

// Renames in one transaction what nobody may be connected to.
static int rename_all(StepContext *context, const PostgresqlCall *call,
        const PostgresqlNames *names, const char *renames, Error *error)
{
        _cleanup_free_ char *current = postgresql_literal(names->current),
                            *staging = postgresql_literal(names->staging),
                            *kept = postgresql_literal(names->kept),
                            *list = text_format("%s, %s, %s", current, staging, kept),
                            *end = postgresql_end_sessions(list);
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
        StepContext *context, const PostgresqlCall *call, PostgresqlNames *names, Error *error)
{
        int r;

        if (names->has_current)
                return 0;
        r = postgresql_run(context, call,
                postgresql_create_statement(names->q_current, postgresql_user_of(call->database)),
                NULL, error);
        names->has_current = r == 0;
        return r;
}

static int swap_names(
        StepContext *context, const PostgresqlCall *call, PostgresqlNames *names, Error *error)
{
        _cleanup_free_ char *renames = NULL;
        int r;

        if (names->has_kept) { // of an earlier swap that was not settled: its successor goes
                r = names->has_current
                            ? postgresql_drop_one(context, call->database, names->q_current, error)
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

int postgresql_swap(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        bool *ret_kept, Error *error)
{
        const PostgresqlCall call = {.database = database,
                .what = "cannot put the restored database in the place of the preview's"};
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        int64_t tables = 0;
        int r = postgresql_names_open(context, &call, &names, error);

        (void)site;
        if (r < 0)
                return r;
        if (names.has_staging)
                r = swap_names(context, &call, &names, error);
        else if (!names.has_kept)
                return postgresql_measure(context, database, names.staging, &(uint64_t){0}, error);
        if (r == 0)
                r = postgresql_count_tables(context, database, names.kept, &tables, error);
        *ret_kept = tables > 0;
        return r;
}

int postgresql_put_back(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot put back the preview's database"};
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        _cleanup_free_ char *renames = NULL;
        int r = postgresql_names_open(context, &call, &names, error);

        (void)site;
        if (r < 0 || !names.has_kept)
                return r;
        r = postgresql_drop_one(context, database, names.q_staging, error);
        if (r < 0)
                return r;
        renames = names.has_current
                          ? text_format("ALTER DATABASE %s RENAME TO %s;\nALTER DATABASE %s RENAME "
                                        "TO %s;\n",
                                    names.q_current, names.q_staging, names.q_kept, names.q_current)
                          : text_format("ALTER DATABASE %s RENAME TO %s;\n", names.q_kept,
                                    names.q_current);
        r = rename_all(context, &call, &names, renames, error);
        return r < 0 ? r : postgresql_drop_one(context, database, names.q_staging, error);
}

int postgresql_settle(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_freed, Error *error)
{
        const PostgresqlCall call = {
                .database = database, .what = "cannot give up the preview's previous database"};
        PostgresqlNames names _cleanup_postgresql_names_ = {0};
        int r = postgresql_names_open(context, &call, &names, error);

        (void)site;
        *ret_freed = 0;
        if (r < 0)
                return r;
        if (!names.has_current)
                return postgresql_measure(context, database, names.current, ret_freed, error);
        if (!names.has_kept)
                return 0;
        r = postgresql_measure(context, database, names.kept, ret_freed, error);
        return r < 0 ? r : postgresql_drop_one(context, database, names.q_kept, error);
}
