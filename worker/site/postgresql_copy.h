// A whole PostgreSQL database into another one, by the server's own tools. See DatabaseEngine.copy.
//
// Production at work: pg_dump and pg_restore, two processes each, from the snapshot of a session
// that meanwhile digests what they copy. What restores is the preview's user and not the
// administrator, for a database can hold code of its users. Frozen: CREATE DATABASE from a
// template, which copies files; then all in it is given to the preview's user.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_COPY_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_COPY_H

#include "site/database.h"

// From `from` into the database `staging` of the same server, which is made here by
// `open_staging`, or when `frozen` by a statement of its own.
typedef struct PostgresqlCopy {
        const SiteDir *site;
        const Fleet__Database *from, *database; // production's, and the preview's current one
        const char *staging;
} PostgresqlCopy;

// `staging` is there and empty. Fills ret->digest.
int postgresql_copy_rows(StepContext *context, const PostgresqlCopy *copy, DatabaseFigures *ret,
        Error *error) _must_use_;

// `staging` is not there. -EBUSY, code "database-busy": production is in use.
int postgresql_copy_files(StepContext *context, const PostgresqlCopy *copy, Error *error)
        _must_use_;

// See DatabaseEngine.schema.
int postgresql_schema(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, char **ret_text, Error *error) _must_use_;

#endif
