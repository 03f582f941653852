// The inside of a Controller. Private to control/.
#ifndef UNDERSTUDY_CONTROLLER_CORE_H
#define UNDERSTUDY_CONTROLLER_CORE_H

#include "control/controller.h"
#include "steps.h"
#include "store/history.h"
#include "store/host.h"
#include "store/job.h"
#include "store/series.h"

typedef struct Session Session;
typedef struct Watch Watch;

struct Controller {
        struct event_base *base;
        const ControllerSetup *setup;
        Store *store;
        struct event *turn_end; // runs after all that is active in this turn
        bool dirty;             // something changed that may let a job go on
        Session *sessions;      // of connected hosts
        Watch *watches;
};

// Opens this turn's transaction, unless it is open.
int controller_begin(Controller *controller, Error *error) _must_use_;

// Rolls the turn back and closes all links, for `error`, which is logged.
void controller_abandon(Controller *controller, const Error *error);

// Ends a request that gave `r`: commits what it did; after a failure of the database the turn is
// rolled back; a refusal has changed nothing. Returns `r`, or what the commit failed with.
int controller_finish(Controller *controller, int r, Error *error) _must_use_;

#endif
