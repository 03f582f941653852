// A whole database into another one of the same server: production's into the preview's staging.
//
// At work: two sessions share one snapshot, which both take while a third holds production's tables
// read-locked: for some 50 ms, or not at all when somebody writes for longer than a second (then
// one session does it alone). They walk through the tables by cursors, since INSERT ... SELECT
// would lock the rows it reads, and read them as they are by then, not as the snapshot has them.
//
// Frozen: FLUSH TABLES ... FOR EXPORT, the files copied below the server's data directory, IMPORT
// TABLESPACE. Where the worker cannot reach that directory, or there is a binary log, whose readers
// have no such files, it is copied as at work; so is a table whose file cannot travel.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_COPY_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_COPY_H

#include "site/database.h"

// See DatabaseEngine. -EOPNOTSUPP, code "native": this database cannot be copied so, `error` says
// why, and nothing has changed. Rows of volatile tables stay behind.
int mysql_copy(StepContext *context, const SiteDir *from_site, const Fleet__Database *from,
        const SiteDir *site, const Fleet__Database *database, bool frozen, DatabaseFigures *ret,
        Error *error);

#endif
