// pip, run for a site by its environment's own Python, as its owner.
#ifndef UNDERSTUDY_WORKER_STEPS_PIP_H
#define UNDERSTUDY_WORKER_STEPS_PIP_H

#include "site/process.h"
#include "steps/requirements.h"

// Installs the requirements in `file`, relative to the site's project directory, with progress by
// packages. Code "pip": its error lines, and what to ask for instead when versions contradict each
// other.
int pip_install(StepContext *context, const SiteDir *site, const char *file,
        const Requirements *requirements, Error *error) _must_use_;

#endif
