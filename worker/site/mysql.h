// The MariaDB engine: databases of one server, beside each other.
//
//      NAME                        the site's, always under this name
//      NAME_understudy_staging     being restored
//      NAME_understudy_kept        the previous one, until settled
//      NAME_understudy_old         given up, about to be dropped
//
// Swapping moves all tables by one RENAME TABLE, staging's in and the site's out. Since MariaDB
// 10.6 that is atomic: killed in the middle, also by SIGKILL of the server, all tables have moved
// or none; other sessions see the one or the other; foreign keys and counters move along. A second
// database that the site's settings select would be seen by a running server only once it is
// started again, and until then its database could not be dropped.
//
// The table understudy_sealed is moved by the same statement: it is in staging when that is whole,
// and in kept when that is what to go back to. A database without it is rest of a killed run.
// Views, routines and events of a site stay where they are; a table with triggers cannot move,
// which is an error before anything has changed.
//
// A killed worker's statements go on in the server: all changes hold a named lock of their session.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_H

#include "site/database.h"

extern const DatabaseEngine mysql_engine;

// For the engine's own files. An empty staging database, with room for what is in `like`, and with
// a collation: NULL for the site's own.
int mysql_open_staging_as(StepContext *context, const Fleet__Database *database,
        const Fleet__Database *like, const char *collation, Error *error) _must_use_;

// See DatabaseEngine.
int mysql_identify(
        StepContext *context, const SiteDir *site, Fleet__Database *database, Error *error);

#endif
