// The bytes of a regular file.
#ifndef UNDERSTUDY_WORKER_TREE_DATA_H
#define UNDERSTUDY_WORKER_TREE_DATA_H

#include "tree/hash.h"
#include "tree/meta.h"

// Called after at most DATA_CHUNK bytes, with their number. A negative return ends the work and is
// returned.
typedef int (*DataStep)(void *userdata, uint64_t bytes);

enum {
        DATA_CHUNK = 4 * 1024 * 1024,
        DATA_BUFFER = 256 * 1024,
};

typedef struct DataCopy {
        int from;
        int to;         // -1: only hash
        Hasher *hasher; // NULL: do not hash
        char *buffer;   // DATA_BUFFER bytes
        bool clone;     // try to share blocks (FICLONE)
        DataStep step;
        void *userdata;
} DataCopy;

// Copies to the empty file `to` until the end of `from`, holes as holes, and hashes what it read.
// `meta` is `from`'s, for its size and whether there are holes. A file that ends sooner or later
// than meta->size is no error: whoever looks at it again sees that it changed.
int data_copy(DataCopy *copy, const Meta *meta) _must_use_;

#endif
