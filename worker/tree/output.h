// A file that is written bit by bit under a temporary name beside its place, and put there whole.
#ifndef UNDERSTUDY_WORKER_TREE_OUTPUT_H
#define UNDERSTUDY_WORKER_TREE_OUTPUT_H

#include "tree/run.h"

typedef struct Output {
        int directory;
        int fd; // -EBADF: committed, or not open
        char temporary[TEMPORARY_SIZE];
        char *name;
} Output;

#define OUTPUT_EMPTY ((Output){.directory = -EBADF, .fd = -EBADF})

// Begins what shall become `path`. Negative errno; output_clear in any case.
int output_open(const char *path, Output *ret) _must_use_;

// Makes it durable and puts it in place.
int output_commit(Output *output) _must_use_;

// Removes what was not committed.
void output_clear(Output *output);

#endif
