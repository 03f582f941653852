// Durability. A disk that only begins to write when all is copied stands idle until then: what was
// written so far goes to it meanwhile.
#ifndef UNDERSTUDY_WORKER_TREE_SYNC_H
#define UNDERSTUDY_WORKER_TREE_SYNC_H

#include "tree/run.h"

// Has the file system of run->sync_fd (-1: none) write what there is, when there is enough of it.
// Called by the supervising thread as it likes; does not wait.
void sync_ahead(Run *run);

// Makes the whole file system of `fd` durable; what could not be written ahead is an error too. A
// cancel does not wait for the disk: -ECANCELED, and the system goes on writing by itself.
int sync_file_system(Run *run, int fd, Error *error) _must_use_;

// Leaves a run's thread alone with the disk. NULL is fine.
void sync_abandon(struct Sync *sync);

#endif
