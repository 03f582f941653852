// The table of remote operations: one row each. The two programs, the command line and the tests
// all read it here.
#ifndef UNDERSTUDY_STEPS_H
#define UNDERSTUDY_STEPS_H

#include <stdint.h>

#include "fleet.pb-c.h"

// Version of the frames. Controller and worker must agree on it.
#define FLEET_PROTOCOL 2

enum {
        STEP_READS = 1U << 0, // changes nothing: may be part of a dry run
        STEP_DESTROYS =
                1U << 1, // its arguments carry a Guard; the interlock runs right before it acts
        STEP_UNDO_AT_FAILURE = 1U << 2, // taken back when a later step of the job fails; else only
                                        // when the job is canceled
        STEP_HEAVY = 1U << 3,           // nice and idle I/O; counts against the host's limit
        STEP_FINAL = 1U << 4, // once it has begun, nothing of its job can be taken back any more
        STEP_ASIDE = 1U << 5, // serves the others: ended when these are done, and done then
        STEP_ALONE = 1U << 6, // also without a controller: it waits, so that it counts against no
                              // limit, and goes on after a restart without being asked to
};

// X(name, flags, deadline in seconds, what it does, for people)
#define STEPS(X)                                                                                   \
        X(echo, STEP_READS, 30, "Answer through a runner")                                         \
        X(probe, STEP_READS, 120, "Ask the site who it is")                                        \
        X(space, STEP_READS, 120, "Compare need with free space")                                  \
        X(choose, STEP_READS, 3600, "Find the cheapest safe way")                                  \
        X(warm, STEP_ASIDE, 24 * 3600, "Keep the preview's Python ready")                          \
        X(clone, STEP_HEAVY, 6 * 3600, "Copy the project directory")                               \
        X(log, 0, 60, "Give it a log directory")                                                   \
        X(rewrite, 0, 600, "Rename the site in its files")                                         \
        X(environment, STEP_HEAVY, 3600, "Build its Python environment")                           \
        X(database, STEP_DESTROYS, 600, "Create its database")                                     \
        X(dump, STEP_HEAVY, 6 * 3600, "Dump production")                                           \
        X(script, 0, 600, "Merge and check restore2preview.py")                                    \
        X(mirror, STEP_DESTROYS | STEP_HEAVY, 6 * 3600, "Mirror media and snapshot")               \
        X(restore, STEP_DESTROYS | STEP_HEAVY | STEP_UNDO_AT_FAILURE, 24 * 3600,                   \
                "Restore beside the preview")                                                      \
        X(ledger, STEP_READS, 600, "Compare rows, table by table")                                 \
        X(static, STEP_HEAVY, 1800, "Collect static files")                                        \
        X(swap, STEP_DESTROYS | STEP_UNDO_AT_FAILURE, 600, "Put the new database in place")        \
        X(verify, STEP_READS, 600, "Ask the preview to answer")                                    \
        X(loss, STEP_READS, 1800, "List what users have done")                                     \
        X(settle, STEP_DESTROYS | STEP_FINAL, 600, "Give up the previous database")                \
        X(switch, STEP_UNDO_AT_FAILURE, 60, "Set the links")                                       \
        X(standby, STEP_ALONE, 400 * 24 * 3600, "Take it back when nobody can ask to")             \
        X(purge, STEP_DESTROYS | STEP_FINAL, 3600, "Remove the site")                              \
        X(unused, STEP_READS, 120, "See that nothing uses the site")                               \
        X(backup, STEP_HEAVY | STEP_UNDO_AT_FAILURE, 6 * 3600, "Take a last backup outside")       \
        X(scan, STEP_READS, 1800, "Find what already runs on the host")                            \
        X(role, STEP_UNDO_AT_FAILURE, 60, "Tell the sites their role")                             \
        X(service, STEP_UNDO_AT_FAILURE, 900, "Start and stop programs")                           \
        X(vhost, STEP_UNDO_AT_FAILURE, 120, "Make the vhosts")                                     \
        X(maintenance, STEP_UNDO_AT_FAILURE, 60, "Set the maintenance page")

typedef struct StepInfo {
        const char *name; // as in Task.arguments and Result.result
        const ProtobufCMessageDescriptor *arguments;
        const ProtobufCMessageDescriptor *result;
        unsigned flags;
        uint32_t deadline_seconds;
        const char *title;
} StepInfo;

extern const StepInfo step_infos[];
extern const size_t step_info_count;

// The row of a name, or of the arguments a task carries; NULL when there is none.
const StepInfo *step_info_find(const char *name);
const StepInfo *step_info_of_task(const Fleet__Task *task);

// The arguments message inside a task, or the result message inside a Result: borrowed; NULL when
// absent.
ProtobufCMessage *step_task_arguments(const Fleet__Task *task);
ProtobufCMessage *step_result_message(const Fleet__Result *result);

// Puts `take_message`, of the row's type, into the task's or result's oneof, which owns it from
// then on.
void step_task_set_arguments(
        Fleet__Task *task, const StepInfo *info, ProtobufCMessage *take_message);
void step_result_set_message(
        Fleet__Result *result, const StepInfo *info, ProtobufCMessage *take_message);

// A new, empty message of a descriptor's type; free it with protobuf_c_message_free_unpacked.
ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *descriptor);
static inline void messagep(ProtobufCMessage **message)
{
        protobuf_c_message_free_unpacked(*message, NULL);
}
#define _cleanup_message_ _cleanup_(messagep)

// A deep copy, through the wire format.
ProtobufCMessage *message_copy(const ProtobufCMessage *message);

#endif
