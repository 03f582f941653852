// A runner: the process that does one task, `understudy-worker run-task DIR`. It is in a session of
// its own and outlives the daemon.
//
// A spare is a runner without a task yet: it has read its configuration, waits on its standard
// input for a RunnerOrder, makes itself ready in the directory that this names, and waits for a
// RunnerStart. It ends when the daemon does, or closes the socket.
#ifndef UNDERSTUDY_WORKER_AGENT_RUNNER_H
#define UNDERSTUDY_WORKER_AGENT_RUNNER_H

#include <limits.h>
#include <stdbool.h>

#include "agent/config.h"
#include "step/step.h"

// The packets of the spare's socket, one of each.
typedef struct RunnerOrder {
        char directory[PATH_MAX];
} RunnerOrder;
typedef struct RunnerStart {
        bool canceled;            // before it could begin, or before it died
        char directory[PATH_MAX]; // what the same directory is called now, with the task in it
} RunnerStart;

// Exit status of a runner whose task another runner has.
#define RUNNER_BUSY 75

typedef const StepOps *(*StepTable)(const StepInfo *info);

// The whole of a runner's main(). `task_directory` NULL: order and start are read from standard
// input. Returns the exit status: 0 when the task's Finished is in its spool, or there was no
// start.
int runner_run(const char *worker_directory, const char *task_directory, StepTable table);

#endif
