// The inside of a Controller: one libevent loop over one database.
//
// Whatever comes in during one turn of the loop (frames, requests, lost links) is applied in one
// transaction. Only after its commit, durable on return, do acknowledgements and tasks go out and
// watchers hear of it; so a kill -9 at any instruction loses nothing that anybody was told.
#ifndef UNDERSTUDY_CORE_CORE_H
#define UNDERSTUDY_CORE_CORE_H

#include <event2/event.h>

#include "core/setup.h"
#include "steps.h"
#include "store/history.h"
#include "store/host.h"
#include "store/job.h"
#include "store/series.h"

typedef struct Session Session;
typedef struct Watch Watch;
typedef struct Prune Prune;

struct Controller {
        struct event_base *base;
        const ControllerSetup *setup;
        Store *store;
        struct event *turn_end; // runs after all that is active in this turn
        bool dirty;             // something changed that may let a job go on
        Session *sessions;      // of connected hosts
        Watch *watches;
        Prune *prune;
        // Of the layers above, set by controller_new.
        int (*schedule)(Controller *controller, Error *error); // lets jobs go on, before the commit
        void (*tell)(Controller *controller); // after it: those who watch hear of it
};

// What controller_new and controller_free need of this layer: the store, the end of turns, the
// sessions.
int core_open(Controller *controller, Error *error) _must_use_;
void core_close(Controller *controller);

// Opens this turn's transaction, unless it is open.
int controller_begin(Controller *controller, Error *error) _must_use_;

// Ends the turn now: schedules, commits, sends. A failure has rolled the turn back and closed all
// links, so that workers send again what was lost.
int controller_commit(Controller *controller, Error *error) _must_use_;

// Rolls the turn back and closes all links, for `error`, which is logged.
void controller_abandon(Controller *controller, const Error *error);

// Ends a request that gave `r`: commits what it did; after a failure of the database the turn is
// rolled back; a refusal has changed nothing. Returns `r`, or what the commit failed with.
int controller_finish(Controller *controller, int r, Error *error) _must_use_;

#endif
