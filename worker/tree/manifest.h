#ifndef UNDERSTUDY_WORKER_TREE_MANIFEST_H
#define UNDERSTUDY_WORKER_TREE_MANIFEST_H
#include "tree/file.h"
int manifest_copy(Worker *worker, int from, int to, Entry *entry) _must_use_;
#endif
