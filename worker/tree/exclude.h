// What a tree's options leave out, by whole path.
#ifndef UNDERSTUDY_WORKER_TREE_EXCLUDE_H
#define UNDERSTUDY_WORKER_TREE_EXCLUDE_H

#include "tree/node.h"

// Finds the names left out in this directory; once per node, before the other calls.
void exclude_find(Node *node);

// True when `name` is left out here.
bool exclude_has(const Node *node, const char *name);

// True when `path`, relative to the tree, is left out; or something beneath it is.
bool exclude_path(const Run *run, const char *path);
bool exclude_beneath(const Run *run, const char *path);

#endif
