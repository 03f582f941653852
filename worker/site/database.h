// A site's database, behind one small interface with an engine per kind: SQLite now.
//
// A restore fills a second database beside the preview's. database_swap keeps the previous one and
// puts the new one in its place; database_put_back undoes that; database_settle gives the previous
// one up. All are repeatable after a kill at any instruction, and none touches a database that the
// identity does not name.
#ifndef UNDERSTUDY_WORKER_SITE_DATABASE_H
#define UNDERSTUDY_WORKER_SITE_DATABASE_H

#include "site/site.h"

typedef struct DatabaseEngine {
        const char *name; // as in Fleet__Database.engine

        // The name under which a restore fills the database that is not yet `current`'s. Allocated.
        char *(*staging_name)(const Fleet__Database *current);

        // Creates the (empty) database of a new site. Existing and empty is fine; existing with
        // rows: -EEXIST.
        int (*create)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);

        // Makes a consistent copy that a dump can read at leisure: `ret_name` is what the site's
        // settings must name instead. SQLite: through the backup interface, so that production's
        // writers wait for milliseconds only. Engines with snapshot transactions return the
        // database's own name. database_snapshot_free removes it.
        int (*snapshot)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                char **ret_name, Error *error);
        int (*snapshot_free)(
                StepContext *context, const SiteDir *site, const char *name, Error *error);

        int (*size)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                uint64_t *ret_bytes, Error *error);
        int (*swap)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                bool *ret_kept, Error *error);
        int (*put_back)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);
        int (*settle)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                uint64_t *ret_freed, Error *error);
        int (*drop_staging)(StepContext *context, const SiteDir *site,
                const Fleet__Database *database, Error *error);
        int (*drop)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);

        // Rows of each of `count` tables, in a database by name (the current one, staging, or a
        // snapshot). A table that is not there gives -1.
        int (*count_rows)(StepContext *context, const SiteDir *site,
                const Fleet__Database *database, const char *name, const char *const *tables,
                size_t count, int64_t *ret_rows, Error *error);
} DatabaseEngine;

// The engine of a database; -EOPNOTSUPP with code "engine" for one this version does not know.
int database_engine(
        const Fleet__Database *database, const DatabaseEngine **ret, Error *error) _must_use_;

#endif
