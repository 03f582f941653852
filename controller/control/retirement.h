// Old sites whose time is over.
#ifndef UNDERSTUDY_CONTROL_RETIREMENT_H
#define UNDERSTUDY_CONTROL_RETIREMENT_H

#include "core/core.h"

// Announces what will be retired, and queues the retirement of what is due: kept for the time that
// its series is set to, and told to somebody for the notice before that. Each is tried once; what
// fails waits for a person.
int retirement_run(Controller *controller, int64_t now_us, Error *error) _must_use_;

#endif
