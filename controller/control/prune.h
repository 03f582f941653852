// The events of jobs that ended long ago go; the jobs themselves and the history stay for ever.
#ifndef UNDERSTUDY_CONTROL_PRUNE_H
#define UNDERSTUDY_CONTROL_PRUNE_H

#include "core/core.h"

// Events that go in one transaction, so that nobody waits for it.
#define PRUNE_BATCH 500

// Looks every hour, and while there is more to do ten times a second. NULL when the setup keeps
// events for ever.
Prune *prune_new(Controller *controller);
void prune_free(Prune *prune);

// Removes one batch and commits it. 1: there may be more; 0: all is done.
int prune_some(Prune *prune, Error *error) _must_use_;

#endif
