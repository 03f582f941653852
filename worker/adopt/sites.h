// Finds the project directories beneath the roots that the worker accepts, and asks each who it is.
#ifndef UNDERSTUDY_WORKER_ADOPT_SITES_H
#define UNDERSTUDY_WORKER_ADOPT_SITES_H

#include "adopt/landscape.h"

// Adds the roots: `root`, which must be one of the policy's or lie beneath one (-EPERM "policy"),
// or all of the policy's; and those directories one level beneath that are roots themselves, as
// where getlino's sites_base was accepted. No link is followed beneath a root.
int sites_find(Landscape *landscape, const char *root, Error *error) _must_use_;

// Runs the probe of each site as its owner, who must be one of the policy's. A site that fails,
// hangs or has no environment is a finding. -ECANCELED.
int sites_ask(Landscape *landscape, Error *error) _must_use_;

// Reads what sites say in their files, and where their environments and logs are.
void sites_read(Landscape *landscape);

#endif
