// The PostgreSQL user of a preview, which the worker knows by a comment as one that it has made.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_USER_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_USER_H

#include "site/managed.h"
#include "site/postgresql_names.h"

// 1: there is the user that we have made for this site; 0: there is none of that name. -EEXIST,
// code "name-taken": one of somebody else.
int postgresql_find_user(StepContext *context, const SiteDir *site, const PostgresqlCall *call,
        const char *user, Error *error) _must_use_;

// The error that a user or a database ("what") is there already.
int postgresql_name_taken(
        const Fleet__Database *database, const char *what, const char *why, Error *error);

// Makes it, or gives it the account's password again.
int postgresql_make_user(StepContext *context, const SiteDir *site, const PostgresqlCall *call,
        const ManagedAccount *account, Error *error) _must_use_;

// One that was not made for this site is left, and a note says so.
int postgresql_drop_user(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        Error *error) _must_use_;

// A user whoever made it, when it is no administrator, and owns nothing and may nothing anywhere on
// the server. Else it is left, and a note says so.
int postgresql_drop_lone_user(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, Error *error) _must_use_;

#endif
