// A task's directory, DIR/tasks/ID: `task` (packed), `events` (its spool), `lock`, `stderr` and
// `work/`. None of it is durable but by chance: the journal is, and a directory can be made again
// from it.
//
// To make one costs more than many a task does in it, and all the more where a file is made durable
// right after; so one lies ready, in the same folder, and gets its task and its name at the start.
#ifndef UNDERSTUDY_WORKER_AGENT_PLACE_H
#define UNDERSTUDY_WORKER_AGENT_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

#define PLACE_SPARE ".spare" // no task's id

// Makes the directory with its task, as far as it is not there. The task is whole or not there.
int place_make(const char *directory, const uint8_t *task, size_t size) _must_use_;

// Makes the spare one anew, with all of its files, empty.
int place_make_spare(const char *directory) _must_use_;
// Gives it the task and its directory's name. -EEXIST, -ENOTEMPTY: there is one.
int place_take_spare(const char *spare, const char *directory, const uint8_t *task, size_t size)
        _must_use_;

// Removes it with all that is in it; what cannot be removed is logged.
void place_remove(int parent, const char *name);

#endif
