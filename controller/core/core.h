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

#define CALENDAR_WHO "calendar" // who asks for what comes by itself

typedef struct Session Session;
typedef struct Watch Watch;
typedef struct Prune Prune;
typedef struct Load Load;

// Why the scheduler is to look at a job. All others wait for their own tasks.
typedef enum LookWhy {
        LOOK_NOT,
        LOOK_ROOM_HEAVY, // one of its heavy tasks has found no room
        LOOK_ROOM,       // another task has found none, or its host was away
        LOOK_CHANGED,
} LookWhy;

typedef struct LookAt {
        int64_t job;
        LookWhy why;
} LookAt;

// What it is to look at before the commit.
typedef struct Attention {
        bool wanted; // it is to look, at those that are queued in any case
        bool all;    // at every job
        LookAt *jobs;
        size_t count;
} Attention;

struct Controller {
        struct event_base *base;
        const ControllerSetup *setup;
        Store *store;
        struct event *turn_end; // runs after all that is active in this turn
        Attention attention;
        Load *load;              // of what is under way; NULL: to be counted
        bool schedules_complete; // every series that has a site has a schedule
        Session *sessions;       // of connected hosts
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

// Something changed that may let this job go on; any job.
void controller_look_at(Controller *controller, int64_t job);
void controller_look_at_all(Controller *controller);
// Nothing is taken as known of the store: it has gone back, or there was none before.
void controller_forget(Controller *controller);
// A reason stays until it is looked at; a better one takes its place.
void attention_add(Attention *attention, int64_t job, LookWhy why);
LookWhy attention_to(const Attention *attention, int64_t job);
void attention_clear(Attention *attention);

// Rolls the turn back and closes all links, for `error`, which is logged.
void controller_abandon(Controller *controller, const Error *error);

// Ends a request that gave `r`: commits what it did; after a failure of the database the turn is
// rolled back; a refusal has changed nothing. Returns `r`, or what the commit failed with.
int controller_finish(Controller *controller, int r, Error *error) _must_use_;

#endif
