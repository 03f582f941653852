// Durability.
#ifndef UNDERSTUDY_WORKER_TREE_SYNC_H
#define UNDERSTUDY_WORKER_TREE_SYNC_H

#include "tree/run.h"

// Makes the whole file system of `fd` durable. A cancel does not wait for the disk: -ECANCELED, and
// the system goes on writing by itself.
int sync_file_system(Run *run, int fd, Error *error) _must_use_;

#endif
