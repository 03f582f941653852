// What may run now: one job per series at a time, in the order in which they were queued; so many
// tasks per host and in the fleet.
#ifndef UNDERSTUDY_CONTROLLER_SCHEDULE_H
#define UNDERSTUDY_CONTROLLER_SCHEDULE_H

#include "control/core.h"

// Starts, goes on with and ends jobs as far as it can be done now.
int schedule_run(Controller *controller, Error *error) _must_use_;

// Whether a host takes no further heavy task now.
int schedule_is_full(Controller *controller, const char *host, bool *ret, Error *error) _must_use_;

// ---- counting, by itself

typedef struct LoadEntry {
        const char *host;
        bool heavy;
} LoadEntry;

typedef struct Load {
        const ControllerLimits *limits;
        LoadEntry *entries; // a task under way each; hosts are borrowed
        size_t count;
} Load;

void load_add(Load *load, const char *host, bool heavy);
// Whether one more may run there.
bool load_admits(const Load *load, const char *host, bool heavy);
void load_clear(Load *load);

#endif
