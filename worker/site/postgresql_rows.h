// The rows of a PostgreSQL database: counted, and as one digest. See DatabaseEngine.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_ROWS_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_ROWS_H

#include "site/database.h"

int postgresql_count_rows(StepContext *context, const SiteDir *site,
        const Fleet__Database *database, const char *name, const char *const *tables, size_t count,
        int64_t *ret_rows, Error *error) _must_use_;

int postgresql_digest(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        const char *name, const char *table, char **ret_text, Error *error) _must_use_;

// For a session that has its snapshot: statements that select a line for each table, or for `table`
// alone; and the digest of such lines. Both are the caller's.
char *postgresql_digest_statements(const char *table);
char *postgresql_digest_lines(const TextList *lines);

#endif
