// A site's database, behind one small interface with an engine per kind: SQLite now.
//
// A restore fills a second database beside the preview's ("staging"). `swap` keeps the previous one
// ("kept") and puts the new one in its place; `put_back` undoes that; `settle` gives the previous
// one up. All are repeatable after a kill at any instruction, and none touches a database that
// `database`, the site's own answer, does not name.
//
// How a dump reads one state of a database that is being written is the helper's matter
// (worker/python/dump.py, SNAPSHOTS).
#ifndef UNDERSTUDY_WORKER_SITE_DATABASE_H
#define UNDERSTUDY_WORKER_SITE_DATABASE_H

#include "site/site.h"

typedef struct DatabaseEngine {
        const char *name; // as in Fleet__Database.engine

        // The name under which a restore fills the database that is not yet `current`'s. Allocated.
        char *(*staging_name)(const Fleet__Database *current);

        // Creates the (empty) database of a new site. Existing and without tables is fine; with
        // tables: -EEXIST.
        int (*create)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);

        int (*size)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                uint64_t *ret_bytes, Error *error);

        // Makes the staging database durable, after a restore has filled it. -ENOENT: there is
        // none.
        int (*seal)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                uint64_t *ret_bytes, Error *error);

        // When an earlier swap was not settled, the database that was kept then stays the kept one.
        int (*swap)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                bool *ret_kept, Error *error);

        // Nothing kept: nothing to do.
        int (*put_back)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);
        int (*settle)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                uint64_t *ret_freed, Error *error);
        int (*drop_staging)(StepContext *context, const SiteDir *site,
                const Fleet__Database *database, Error *error);

        // All of them: the site's, staging and kept. Missing is fine.
        int (*drop)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);

        // Rows of each of `count` tables, in a database by name (the current one or staging). A
        // table that is not there gives -1.
        int (*count_rows)(StepContext *context, const SiteDir *site,
                const Fleet__Database *database, const char *name, const char *const *tables,
                size_t count, int64_t *ret_rows, Error *error);
} DatabaseEngine;

// The engine of a database; -EOPNOTSUPP with code "engine" for one this version does not know.
int database_engine(const Fleet__Database *database, const DatabaseEngine **ret, Error *error)
        _must_use_;

#endif
