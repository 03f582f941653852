// The inside of a StepContext: made by the runner, and by tests that run a step without one.
//
// A task's directory holds `task` (the packed Task), `events` (the spool, see spool.h), `lock`
// (held by the runner while it lives) and `work/` (step_directory).
#ifndef UNDERSTUDY_WORKER_STEP_CONTEXT_H
#define UNDERSTUDY_WORKER_STEP_CONTEXT_H

#include "step/step.h"

// Opens the task in `directory`, appending to its spool. `policy` is borrowed. `cancel_fd` is
// readable once the task is to end; `deadline_over` tells then whether by its deadline. The context
// owns what it opens, not the descriptor.
int context_open(const char *directory, const Policy *policy, int cancel_fd,
        const bool *deadline_over, StepContext **ret, Error *error) _must_use_;
void context_free(StepContext *context);
DEFINE_CLEANUP(StepContext *, context_free)

// In work/: the task goes to its end (step_bind). Whoever would kill its runner looks for it.
#define STEP_BOUND_MARK "bound"

const Fleet__Task *context_task(const StepContext *context);

// What earlier runs left: 0 runs for a task that was never begun; finished: nothing is left to do.
uint32_t context_runs(const StepContext *context);
bool context_finished(const StepContext *context);

// The first and the last event of a run. The last is durable on return. A Finished that does not
// fit the disk or a frame is replaced by a failure that says so.
int context_start(StepContext *context, Error *error) _must_use_;
int context_finish(StepContext *context, const Fleet__Finished *finished, Error *error) _must_use_;

#endif
