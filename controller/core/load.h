// How much runs at once, against the limits.
#ifndef UNDERSTUDY_CORE_LOAD_H
#define UNDERSTUDY_CORE_LOAD_H

#include "core/core.h"

typedef struct LoadEntry {
        const char *host;
        bool heavy;
} LoadEntry;

typedef struct Load {
        const ControllerLimits *limits;
        LoadEntry *entries; // a task under way each; hosts are borrowed
        size_t count;
} Load;

// Counts the tasks under way; the load borrows their hosts.
void load_count(Controller *controller, const Rows *under_way, Load *ret);
void load_add(Load *load, const char *host, bool heavy);
// Whether one more may run there.
bool load_admits(const Load *load, const char *host, bool heavy);
void load_clear(Load *load);

bool load_is_heavy(const TaskRow *task, TaskRowMode mode);

// Whether a host takes no further heavy task now.
int load_is_full(Controller *controller, const char *host, bool *ret, Error *error) _must_use_;

#endif
