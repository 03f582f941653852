// The content of one regular file: copied, hashed, or both. A large one is copied by several
// threads.
#ifndef UNDERSTUDY_WORKER_TREE_CONTENT_H
#define UNDERSTUDY_WORKER_TREE_CONTENT_H

#include "tree/hash.h"
#include "tree/run.h"

// Copies `from`, of which `meta` was read, to the empty file `to`, or (`to` -1) only reads it.
// `text`: room for its hash, HASH_TEXT bytes; NULL: not wanted. See data_copy.
int content_copy(Worker *worker, int from, int to, const Meta *meta, char *text) _must_use_;

#endif
