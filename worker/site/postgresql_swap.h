// Databases that change their names. See DatabaseEngine.
#ifndef UNDERSTUDY_WORKER_SITE_POSTGRESQL_SWAP_H
#define UNDERSTUDY_WORKER_SITE_POSTGRESQL_SWAP_H

#include "site/database.h"

int postgresql_swap(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        bool *ret_kept, Error *error) _must_use_;
int postgresql_put_back(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        Error *error) _must_use_;
int postgresql_settle(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_freed, Error *error) _must_use_;

#endif
