// The controller: one libevent loop over one database.
//
// Whatever comes in during one turn of the loop (frames, requests, lost links) is applied in one
// transaction. Only after its commit, durable on return, do acknowledgements and tasks go out and
// watchers hear of it; so a kill -9 at any instruction loses nothing that anybody was told.
#ifndef UNDERSTUDY_CONTROLLER_CONTROLLER_H
#define UNDERSTUDY_CONTROLLER_CONTROLLER_H

#include <event2/event.h>

#include "control/operation.h"
#include "wire/link.h"

// How much may run at once.
typedef struct ControllerLimits {
        uint64_t host_heavy; // tasks that copy, dump or restore, on one host
        uint64_t host_tasks; // tasks of any kind, on one host
        uint64_t fleet_tasks;
} ControllerLimits;

// Where frames go: the wire, or a test.
typedef struct Transport {
        int (*send)(Link *link, const Fleet__Frame *frame);
        void (*close)(Link *link, const char *code, const char *message);
} Transport;

extern const Transport wire_transport;

// Borrowed until controller_free.
typedef struct ControllerSetup {
        const char *database;      // path
        const char *authority;     // the CA's certificate, PEM
        const char *authority_key; // PEM
        const char *enrolment;     // HOST:PORT that a joining worker connects to
        const char *workers;       // HOST:PORT that it connects to afterwards
        ControllerLimits limits;
        const Transport *transport;
} ControllerSetup;

int controller_new(struct event_base *base, const ControllerSetup *setup, Controller **ret,
        Error *error) _must_use_;
// Links are not closed by it: free the Wire first, then the controller.
void controller_free(Controller *controller);
DEFINE_CLEANUP(Controller *, controller_free)

// Ends the turn now: schedules, commits, sends. A failure has rolled the turn back and closed all
// links, so that workers send again what was lost.
int controller_commit(Controller *controller, Error *error) _must_use_;

#endif
