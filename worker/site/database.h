// A site's database, behind one small interface with an engine per kind.
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

#include <jansson.h>

#include "site/site.h"

// What `copy` has copied, as its source was at that moment.
typedef struct DatabaseFigures {
        uint64_t bytes; // of the copy
        char *digest;   // see DatabaseEngine.digest; of the source
} DatabaseFigures;

void database_figures_clear(DatabaseFigures *figures);
#define _cleanup_figures_ _cleanup_(database_figures_clear)

typedef struct DatabaseEngine {
        const char *name; // as in Fleet__Database.engine
        bool on_server;   // with users and passwords; else a file of the project directory

        // Asks the server that the worker administers which database `database->name` is there, and
        // fills `database->server`: with the same text that worker/python/probe.py gets by the
        // site's own way. The database need not exist. On a file: its device and inode, or nothing.
        int (*identify)(
                StepContext *context, const SiteDir *site, Fleet__Database *database, Error *error);

        // The name under which a restore fills the database that is not yet `current`'s. Allocated.
        char *(*staging_name)(const Fleet__Database *current);

        // Creates the (empty) database of a new site, and on a server its user, with the password
        // that the site's managed settings have (site/managed.h). Existing and without tables is
        // fine; with tables, or somebody else's: -EEXIST.
        int (*create)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);

        int (*size)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                uint64_t *ret_bytes, Error *error);

        // The directory where the server keeps its data, when that is on this host; NULL in `ret`
        // else. The caller's. NULL: this engine cannot tell.
        int (*volume)(
                StepContext *context, const Fleet__Database *database, char **ret, Error *error);

        // An empty staging database that the site's user may fill, and that Lino's initdb may empty
        // or make again; what an earlier run left is dropped. What a database that nobody reads yet
        // can do without is off, for it alone.
        int (*open_staging)(StepContext *context, const SiteDir *site,
                const Fleet__Database *database, Error *error);

        // Makes the staging database durable and as careful as any, after it was filled. -ENOENT:
        // there is none.
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

        // After `drop`: the site's user, whoever made it, when it is nothing else's: no
        // administrator, and without anything of its own, or anything it may, elsewhere on the
        // server. Else it is left, and a note says so. Missing is fine. NULL: this engine has no
        // users.
        int (*drop_user)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                Error *error);

        // Rows of each of `count` tables, in a database by name (the current one or staging). A
        // table that is not there gives -1.
        int (*count_rows)(StepContext *context, const SiteDir *site,
                const Fleet__Database *database, const char *name, const char *const *tables,
                size_t count, int64_t *ret_rows, Error *error);

        // The content of a whole database by name, or of one table, as one text: databases with
        // equal texts have equal rows. Tables are read in one snapshot; those of database_volatile
        // are left out. Seconds for a million rows.
        int (*digest)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                const char *name, const char *table, char **ret_text, Error *error);

        // What a database is made of (tables, columns, constraints), as one text. NULL: this engine
        // cannot tell.
        int (*schema)(StepContext *context, const SiteDir *site, const Fleet__Database *database,
                const char *name, char **ret_text, Error *error);

        // Production's whole database (`from`) into the preview's staging database, which is opened
        // by this, by the engine's own tools, from one snapshot of production at work. `frozen`:
        // nobody uses production now, and its files may be copied. The caller compares `ret` with
        // the digest of what came out, corrects what names production's directory, and seals.
        int (*copy)(StepContext *context, const SiteDir *from_site, const Fleet__Database *from,
                const SiteDir *site, const Fleet__Database *database, bool frozen,
                DatabaseFigures *ret, Error *error);
} DatabaseEngine;

// Tables that hold no data of the site's users, by the names that every engine gives them: sessions
// come and go with each page, and the marker is ours. Ends with NULL.
extern const char *const database_volatile[];
json_t *database_volatile_list(void); // as JSON; the caller's reference

// The engine of a database; -EOPNOTSUPP with code "engine" for one this version does not know.
int database_engine(const Fleet__Database *database, const DatabaseEngine **ret, Error *error)
        _must_use_;

#endif
