// Who on this host still uses a site that is to go.
#ifndef UNDERSTUDY_WORKER_STEPS_USAGE_H
#define UNDERSTUDY_WORKER_STEPS_USAGE_H

#include "site/site.h"

// Refuses, with code "in-use", when a link in the root leads to `site`, whatever it is called, but
// for those that are `leaving`.
int usage_refuse_links(const SiteDir *site, const char *const *leaving, size_t leaving_count,
        Error *error) _must_use_;

// The same when a process works in it, has a file of it open or listens on a socket in it; and when
// the configuration of a web server, service manager or cron names it.
int usage_refuse_programs(StepContext *context, const SiteDir *site, Error *error) _must_use_;

#endif
