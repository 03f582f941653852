// A runner: the process that does one task, `understudy-worker run-task DIR`. It is in a session of
// its own and outlives the daemon.
//
// A spare is a runner without a task yet: it has read its configuration and waits, on its standard
// input, for a RunnerOrder. It ends when the daemon does.
#ifndef UNDERSTUDY_WORKER_AGENT_RUNNER_H
#define UNDERSTUDY_WORKER_AGENT_RUNNER_H

#include <limits.h>
#include <stdbool.h>

#include "agent/config.h"
#include "step/step.h"

// One packet of the spare's socket.
typedef struct RunnerOrder {
        bool canceled;            // before it could begin, or before it died
        char directory[PATH_MAX]; // of the task
} RunnerOrder;

// Exit status of a runner whose task another runner has.
#define RUNNER_BUSY 75

typedef const StepOps *(*StepTable)(const StepInfo *info);

// The whole of a runner's main(). `order` NULL: it is read from standard input. Returns the exit
// status: 0 when the task's Finished is in its spool, or no order came.
int runner_run(const char *worker_directory, const RunnerOrder *order, StepTable table);

#endif
