// Events in: what hosts say of their tasks.
//
// Events are counted per task, so that nothing is applied twice and nothing is left out.
#ifndef UNDERSTUDY_CONTROL_INTAKE_H
#define UNDERSTUDY_CONTROL_INTAKE_H

#include "core/core.h"

// The task is in the host's journal.
int intake_accepted(Controller *controller, Session *session, const char *wire_id, Error *error)
        _must_use_;
int intake_event(Controller *controller, Session *session, const Fleet__Event *event, Error *error)
        _must_use_;

#endif
