// How much runs at once, against the limits. Counted from the store when it is first asked for, and
// kept up with as tasks begin and end.
#ifndef UNDERSTUDY_CORE_LOAD_H
#define UNDERSTUDY_CORE_LOAD_H

#include "core/core.h"

typedef struct HostLoad {
        char *host;
        uint64_t tasks, heavy;
} HostLoad;

struct Load {
        const ControllerLimits *limits;
        HostLoad *hosts;
        size_t count;
        uint64_t tasks; // of the fleet
};

void load_add(Load *load, const char *host, bool heavy);
// Whether one more may run there.
bool load_admits(const Load *load, const char *host, bool heavy);
void load_clear(Load *load);

bool load_is_heavy(const TaskRow *task, TaskRowMode mode);

// The controller's, borrowed: it holds until the turn is taken back.
int load_of(Controller *controller, Load **ret, Error *error) _must_use_;
// A task is under way now; it is not any more.
void load_task_began(Controller *controller, const TaskRow *task);
void load_task_ended(Controller *controller, const TaskRow *task);
// The store has gone back: the next one who asks counts again.
void load_forget(Controller *controller);

// Whether a host takes no further heavy task now.
int load_is_full(Controller *controller, const char *host, bool *ret, Error *error) _must_use_;

#endif
