// The daemon's side of its runners: starts them without the cost of an exec, finds them again after
// a restart of the daemon, and ends them when they do not end by themselves.
//
// Thread: the loop's. A Runner is valid until its `ended` returns.
#ifndef UNDERSTUDY_WORKER_AGENT_RUNNERS_H
#define UNDERSTUDY_WORKER_AGENT_RUNNERS_H

#include <event2/event.h>
#include <stdbool.h>

#include "agent/config.h"

typedef struct Runners Runners;
typedef struct Runner Runner;

typedef enum RunnerEnd {
        RUNNER_ENDED,           // by itself, or by somebody else
        RUNNER_KILLED_CANCELED, // it did not heed a cancel
        RUNNER_KILLED_DEADLINE, // it did not heed its deadline
} RunnerEnd;

// `how` is the exit status or signal in words, borrowed.
typedef void (*RunnerEndedFn)(void *userdata, RunnerEnd end, const char *how);

// `program` is the argument vector of a spare, NULL-terminated and borrowed; its file is the
// running program's.
int runners_new(struct event_base *base, const Config *config, char *const *program, Runners **ret,
        Error *error) _must_use_;
// The runners go on; the spare ends.
void runners_free(Runners *runners);
DEFINE_CLEANUP(Runners *, runners_free)

typedef struct RunnerTask {
        const char *directory;
        bool canceled;
        int64_t deadline_us; // from now; the runner's own comes first
        RunnerEndedFn ended;
        void *userdata;
} RunnerTask;

// Makes the directory of a task that is about to be started out of the spare's, which makes the
// start cheap. False: there is none ready, or there is such a directory.
bool runner_lend(Runners *runners, const char *directory, const uint8_t *task, size_t size);

// In the task's directory, with its task in it.
int runner_start(Runners *runners, const RunnerTask *task, Runner **ret, Error *error) _must_use_;

// The runner that holds the lock of the task's directory. 1: found; 0: there is none.
int runner_find(Runners *runners, const RunnerTask *task, Runner **ret, Error *error) _must_use_;

// Asks it to end; it is killed when the configuration's grace is over.
void runner_cancel(Runner *runner);

#endif
