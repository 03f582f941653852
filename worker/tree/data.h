// The bytes of a regular file.
#ifndef UNDERSTUDY_WORKER_TREE_DATA_H
#define UNDERSTUDY_WORKER_TREE_DATA_H

#include "tree/meta.h"

// Called after at most DATA_CHUNK bytes, with their number (0: a hole was passed over). A negative
// return ends the copy and is returned.
typedef int (*DataStep)(void *userdata, uint64_t bytes);

enum {
        DATA_CHUNK = 4 * 1024 * 1024,
};

// Copies `from` to the empty file `to` until its end, holes as holes. `meta` is `from`'s, for its
// size and whether there are holes. Positive: `to` ended sooner or later than meta->size.
int data_copy(int from, int to, const Meta *meta, DataStep step, void *userdata) _must_use_;

#endif
