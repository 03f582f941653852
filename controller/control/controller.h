// A controller put together: what it is given, what it holds (core/), what it does in a turn.
#ifndef UNDERSTUDY_CONTROL_CONTROLLER_H
#define UNDERSTUDY_CONTROL_CONTROLLER_H

#include <event2/event.h>

#include "base/error.h"
#include "core/setup.h"

int controller_new(struct event_base *base, const ControllerSetup *setup, Controller **ret,
        Error *error) _must_use_;
// Links are not closed by it: free the Wire first, then the controller.
void controller_free(Controller *controller);
DEFINE_CLEANUP(Controller *, controller_free)

#endif
