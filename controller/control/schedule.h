// What may run now: one job per series at a time, in the order in which they were queued; so many
// tasks per host and in the fleet (core/load.h).
#ifndef UNDERSTUDY_CONTROL_SCHEDULE_H
#define UNDERSTUDY_CONTROL_SCHEDULE_H

#include "core/core.h"

// Starts, goes on with and ends jobs as far as it can be done now.
int schedule_run(Controller *controller, Error *error) _must_use_;

#endif
