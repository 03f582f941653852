// The PostgreSQL engine: three databases of one server, of the site's own user, which the worker
// makes, renames and drops as the server's administrator through psql.
//
//      NAME                        the site's
//      NAME-understudy-staging     being restored
//      NAME-understudy-kept        the previous one, until settled
//
// Renaming is a transaction of the server: swap takes two names in one, so that NAME always is a
// whole database. It needs NAME to be without sessions: they are ended, and their clients find the
// other database when they connect again.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_H

#include "site/database.h"

extern const DatabaseEngine postgresql_engine;

#endif
