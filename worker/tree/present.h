// The names in a directory of the target, to be found by those of the source.
#ifndef UNDERSTUDY_WORKER_TREE_PRESENT_H
#define UNDERSTUDY_WORKER_TREE_PRESENT_H

#include "tree/run.h"

enum {
        PRESENT_NOT = UINT32_MAX,
};

// Zeros are an empty directory. The index over it lies in the worker's scratch memory: one
// directory a worker at a time.
typedef struct Present {
        List list;
        bool *matched; // of the list: the source has it too
        size_t room;   // of the index, a power of two
} Present;

int present_read(Present *present, int fd, Worker *worker) _must_use_;
void present_clear(Present *present);

// The number of a name, whose hash is present_hash's, or PRESENT_NOT.
uint32_t present_find(
        const Present *present, const Worker *worker, const char *name, uint64_t hash);
uint64_t present_hash(const char *name);

#endif
