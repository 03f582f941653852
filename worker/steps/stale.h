// What the programs of a site that are configured in its project directory left elsewhere.
#ifndef UNDERSTUDY_WORKER_STEPS_STALE_H
#define UNDERSTUDY_WORKER_STEPS_STALE_H

#include "site/site.h"

// Removes the sockets and the files of process numbers that the site's own uwsgi configuration
// names, outside of its project directory: those of its owner that nobody stands behind. All others
// are left, and a note says so. `removed` is called with the path of each that is gone.
void stale_remove(StepContext *context, const SiteDir *site,
        void (*removed)(void *userdata, const char *path), void *userdata);

#endif
