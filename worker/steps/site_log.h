// The directory outside of a project directory that its link `log` leads to.
#ifndef UNDERSTUDY_WORKER_STEPS_SITE_LOG_H
#define UNDERSTUDY_WORKER_STEPS_SITE_LOG_H

#include "site/site.h"

// Is `directory` the one that the site logs to, by its name and the site's link, and not in the
// project directory?
bool site_log_is(const SiteDir *site, const char *directory);

// What the site's link says, where that is the site's own: of its name, and no link of another site
// of `guard` leads there. NULL in `ret`, the caller's: there is none.
void site_log_find(const SiteDir *site, const Fleet__Guard *guard, char **ret);

// Opens `name` in `parent`, a directory of logs. 1: it is the site's, by owner and mark; 0: there
// is none, or it is not, and `ret_why` (may be NULL) says so. -1 in `ret_fd` then.
bool site_log_open(
        const SiteDir *site, int parent, const char *name, int *ret_fd, const char **ret_why);

#endif
