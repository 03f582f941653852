// Whole subtrees away.
#ifndef UNDERSTUDY_WORKER_TREE_REMOVE_H
#define UNDERSTUDY_WORKER_TREE_REMOVE_H

#include "tree/node.h"

// Entries beneath `name` in the node's target, itself not counted; 0 for what is no directory.
uint64_t remove_count(Worker *worker, Node *node, const char *name);

// Removes `name` from the directory `dirfd`, which is the node's; only tells in a dry run. It is
// told of, and left out, as `shown`, its name before it was moved out of the way. What is left out,
// and what another file system is mounted on, stays, with the directories above it; with `strict`
// the latter is an error. A negative errno after run_fail.
int remove_entry(Worker *worker, Node *node, int dirfd, const char *name, const char *shown,
        bool strict) _must_use_;

#endif
