// The SQLite engine: a database is a file beneath the project directory, reached through the
// directory's descriptor and never through a link.
//
//      NAME                       the site's
//      NAME.understudy-staging    being restored
//      NAME.understudy-kept       the previous one, until settled
//
// and each may have a -journal, -wal and -shm beside it. Swapping is a hard link (NAME becomes
// kept, too) and a rename (staging becomes NAME), so that NAME always is a whole database.
//
// A running server may have NAME open meanwhile. Its open connections go on with the previous file;
// they cannot begin to write any more, since SQLite sees that the file was moved ("attempt to write
// a readonly database"), so that no journal of the old file comes to lie beside the new one. New
// connections and writers wait while we hold SQLite's own locks.
#ifndef UNDERSTUDY_WORKER_SITE_SQLITE_H
#define UNDERSTUDY_WORKER_SITE_SQLITE_H

#include "site/database.h"

extern const DatabaseEngine sqlite_engine;

// Its content (sqlite_content.c); see DatabaseEngine.
int sqlite_digest(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *table, char **ret_text, Error *error) _must_use_;
int sqlite_schema(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, char **ret_text, Error *error) _must_use_;
int sqlite_copy(StepContext *context, const SiteDir *from_site, const Fleet__Database *from,
        const SiteDir *site, const Fleet__Database *database, bool frozen, DatabaseFigures *ret,
        Error *error) _must_use_;

#endif
