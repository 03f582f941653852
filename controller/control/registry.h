// What is known of series and sites, as jobs find it and change it.
#ifndef UNDERSTUDY_CONTROL_REGISTRY_H
#define UNDERSTUDY_CONTROL_REGISTRY_H

#include "core/core.h"

// Notes what one task that was done, or taken back, tells for itself: links, sizes, production's
// identity.
int registry_learn(Controller *controller, const JobRow *job, const TaskRow *task, Error *error)
        _must_use_;

// Whether what the tasks found lets the job be entered. 1: no, `refusal` says why; 0: it does.
int registry_check(Controller *controller, const JobRow *job, const Rows *tasks, Error *refusal,
        Error *error) _must_use_;

// Enters a job that is done: rows, states, and the history of how it ended.
int registry_apply(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
        _must_use_;

#endif
