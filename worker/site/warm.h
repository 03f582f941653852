// A site whose Python is started already, so that helpers begin in copies of it (python/warm.py).
#ifndef UNDERSTUDY_WORKER_SITE_WARM_H
#define UNDERSTUDY_WORKER_SITE_WARM_H

#include "site/site.h"

// What warm_begin.py exits with when the helper has not begun and must be started by itself.
#define WARM_NOT_BEGUN 75

// Listens for those who want a helper of `site`. -EADDRINUSE: somebody does already. The caller's.
int warm_listen(const SiteDir *site) _must_use_;

// A connection to whoever listens for `site`, provided that it is this user; a negative errno when
// nobody does. The caller's.
int warm_connect(const SiteDir *site) _must_use_;

// Whether a helper may begin in a started site: it enters the whole of it, and asks nothing that
// must be read anew.
bool warm_suits(const char *helper);

#endif
