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
        bool reserve;   // reserve blocks first, where it pays: see below
        DataStep step;
        void *userdata;
} DataCopy;

// Copies to the empty file `to` until the end of `from`, holes as holes, and hashes what it read.
// `meta` is `from`'s, for its size and whether there are holes. A file that ends sooner or later
// than meta->size is no error: whoever looks at it again sees that it changed.
//
// ext4 books each block that is written on its own, unless it was reserved before: that takes half
// of the time of a large file.
int data_copy(DataCopy *copy, const Meta *meta) _must_use_;

// Copies [at, end) only. Several threads may do so at a time, with a DataCopy each.
int data_copy_part(DataCopy *copy, const Meta *meta, uint64_t at, uint64_t end) _must_use_;

// Lets `to` share the blocks of `from` (FICLONE). 1: it cannot.
int data_clone(const DataCopy *copy, const Meta *meta) _must_use_;

int data_set_size(const DataCopy *copy, uint64_t size) _must_use_;

#endif
