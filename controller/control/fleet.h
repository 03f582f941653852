// The hosts: who is connected, and what is on its way to them.
//
// A host is invited with a one-time token, joins through the enrolment listener, and from then on
// is known by its certificate. Of two connections of one host the newer one wins.
#ifndef UNDERSTUDY_CONTROLLER_FLEET_H
#define UNDERSTUDY_CONTROLLER_FLEET_H

#include "control/core.h"

// ---- for the listener of workers; `userdata` is the Controller

extern const LinkHandlers fleet_handlers;

// ---- connections

// NULL: not connected, or not greeted yet.
Session *session_of_host(Controller *controller, const char *host);

// Puts a frame on its way; it leaves after the commit. `take_` means that the session owns it.
void session_queue(Session *session, Fleet__Frame *take_frame);
void session_queue_task(Session *session, const TaskRow *task);
void session_queue_cancel(Session *session, const char *wire_id);
void session_queue_committed(Session *session, const char *wire_id, uint64_t last);

void session_list_flush(Controller *controller);
void session_list_close(Controller *controller, const char *code, const char *message);
void session_list_free(Controller *controller);

#endif
