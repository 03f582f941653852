// Tasks out.
//
// A task row under way holds the very message that was sent: these rows are the outbox. A task is
// sent again, after a reconnect, when the host's Hello does not name it.
#ifndef UNDERSTUDY_CONTROL_DISPATCH_H
#define UNDERSTUDY_CONTROL_DISPATCH_H

#include "core/core.h"

// Sends a task's next execution, with the results of `tasks` (all of its job) bound into its
// arguments. Its host must be connected. 1: it cannot be sent, `why` says why: its execution has
// ended as failed; 0: it is on its way.
int dispatch_task(Controller *controller, const JobRow *job, const Rows *tasks, TaskRow *task,
        TaskRowMode mode, Error *why, Error *error) _must_use_;

// Asks the host to end a task under way.
int dispatch_cancel(Controller *controller, TaskRow *task, Error *error) _must_use_;

// Answers a Hello: which events to send, which tasks to forget; and sends what it has missed.
int dispatch_greet(Controller *controller, Session *session, const Fleet__Hello *hello,
        Error *error) _must_use_;

#endif
