// Keep and put back on MariaDB; see mysql.h, and DatabaseEngine for each.
#ifndef UNDERSTUDY_WORKER_SITE_MYSQL_SWAP_H
#define UNDERSTUDY_WORKER_SITE_MYSQL_SWAP_H

#include "site/database.h"

int mysql_swap(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        bool *ret_kept, Error *error);
int mysql_put_back(
        StepContext *context, const SiteDir *site, const Fleet__Database *database, Error *error);
int mysql_settle(StepContext *context, const SiteDir *site, const Fleet__Database *database,
        uint64_t *ret_freed, Error *error);

#endif
