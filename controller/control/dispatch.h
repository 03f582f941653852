// Tasks out, events in.
//
// A task row under way holds the very message that was sent: these rows are the outbox. A task is
// sent again, after a reconnect, when the host's Hello does not name it; events are counted per
// task, so that nothing is applied twice and nothing is left out.
#ifndef UNDERSTUDY_CONTROLLER_DISPATCH_H
#define UNDERSTUDY_CONTROLLER_DISPATCH_H

#include "control/core.h"

// Sends a task's next execution, with the results of `tasks` (all of its job) bound into its
// arguments. Its host must be connected. A task that cannot be sent has failed at once.
int dispatch_task(Controller *controller, const JobRow *job, const Rows *tasks, TaskRow *task,
        TaskRowMode mode, Error *error) _must_use_;

// Asks the host to end a task under way.
int dispatch_cancel(Controller *controller, TaskRow *task, Error *error) _must_use_;

// Answers a Hello: which events to send, which tasks to forget; and sends what it has missed.
int dispatch_greet(Controller *controller, Session *session, const Fleet__Hello *hello,
        Error *error) _must_use_;

int dispatch_accepted(Controller *controller, Session *session, const char *wire_id, Error *error)
        _must_use_;
int dispatch_event(Controller *controller, Session *session, const Fleet__Event *event,
        Error *error) _must_use_;

#endif
