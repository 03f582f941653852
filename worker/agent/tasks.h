// The tasks this worker has, and their directories (place.h).
#ifndef UNDERSTUDY_WORKER_AGENT_TASKS_H
#define UNDERSTUDY_WORKER_AGENT_TASKS_H

#include "agent/state.h"

// An id is also a file name: letters, digits and "._-", no dot first, at most 128 characters.
bool task_id_valid(const char *id);

WorkerTask *task_find(const Agent *agent, const char *id);

// Appends a task in state TASK_NEW. `packed` is copied. -EBADMSG: it is no Task.
int task_add(Agent *agent, const char *id, const uint8_t *packed, size_t size, WorkerTask **ret)
        _must_use_;

// Makes the directory, as far as it is not there, and watches the spool. Of a task that starts now:
// it gets the spare one.
int task_prepare(WorkerTask *task, Error *error) _must_use_;

// Removes the task from the list, without or with its directory.
void task_drop(WorkerTask *task);
void task_remove(WorkerTask *task);

// Reads what was added to the spool.
void task_summarize(WorkerTask *task);

// Removes directories of tasks that are not in the list.
void tasks_sweep(Agent *agent);

// Frees all, leaving the directories.
void tasks_free(Agent *agent);

#endif
