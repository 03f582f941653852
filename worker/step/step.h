// What a step is, and what it may use while it runs. A step runs in a runner: one process per task,
// one thread, on the worker's host; it may be killed at any instruction and run again from the
// start.
#ifndef UNDERSTUDY_WORKER_STEP_STEP_H
#define UNDERSTUDY_WORKER_STEP_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "step/policy.h"
#include "steps.h"

typedef struct StepContext StepContext;

// One file in steps/ defines one of these, named step_NAME_ops, for each row of the table in
// proto/steps.h.
typedef struct StepOps {
        // Is the work done already? Cheap and without effect. 1: done, `result` is filled; 0: run
        // it. May be NULL.
        int (*check)(StepContext *context, const ProtobufCMessage *arguments,
                ProtobufCMessage *result, Error *error);

        // Does the work, or what is left of it after an earlier run was killed. 0, or a negative
        // errno with `error` filled and everything that others can see as it was. Its next may say
        // "understudyctl job retry ID" and "understudyctl preview sync SERIES": people are told the
        // task's own. `result` is a message of zeros to be filled; its strings are allocated.
        int (*run)(StepContext *context, const ProtobufCMessage *arguments,
                ProtobufCMessage *result, Error *error);

        // Takes back what run did, whether it ended or not. Repeatable. NULL: nothing to take back.
        int (*undo)(StepContext *context, const ProtobufCMessage *arguments, Error *error);
} StepOps;

// The StepOps of a row of proto/steps.h. Never NULL: the linker demands one for each row.
const StepOps *step_ops(const StepInfo *info);

// ---- what a step may ask of its context

const Policy *step_policy(const StepContext *context);

// Identity of the task and a private directory of it (mode 0700, the worker's user), which is there
// until the task is forgotten, also in a later run of the same task. For files that only the step's
// own program reads.
const char *step_task_id(const StepContext *context);
const char *step_directory(const StepContext *context);

// Tell people how far it is. Cheap: sent at most ten times a second, always the latest, and the
// last one for certain.
void step_progress(
        StepContext *context, Fleet__Unit unit, uint64_t done, uint64_t total, const char *note);
void step_progress_bytes(StepContext *context, Fleet__Unit unit, uint64_t done, uint64_t total,
        uint64_t done_bytes, uint64_t total_bytes, const char *note);

// A sentence for people, and a line that a program printed. Any bytes; made valid UTF-8, cut at 4
// KiB.
void step_note(StepContext *context, const char *format, ...) _printf_(2, 3);
void step_output(
        StepContext *context, Fleet__LogLine__Stream stream, const char *line, size_t length);

// True once the task was canceled or its deadline is over; the descriptor becomes readable then. A
// step returns step_canceled_error() as soon as it can do so safely: within 100 ms in loops, at
// once when it waits.
bool step_canceled(const StepContext *context);
int step_cancel_fd(const StepContext *context);
int step_canceled_error(
        const StepContext *context, Error *error); // -ECANCELED, or -ETIME for the deadline

// From here on the task goes to its end, also in a later run of it: neither a cancel nor its
// deadline ends it. For what must not be left half done, and takes minutes at most.
int step_bind(StepContext *context, Error *error) _must_use_;
bool step_is_bound(const StepContext *context);

// Checks a step, and runs it unless it is done (`ret_already`). `ret_result`, the caller's, is
// there also after a failure.
int step_do(StepContext *context, const StepInfo *info, const StepOps *ops,
        const ProtobufCMessage *arguments, ProtobufCMessage **ret_result, bool *ret_already,
        Error *error) _must_use_;

#endif
