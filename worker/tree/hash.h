// Hashes of content: one hasher a thread, used for one file after the other.
#ifndef UNDERSTUDY_WORKER_TREE_HASH_H
#define UNDERSTUDY_WORKER_TREE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "tree/tree.h"

enum {
        HASH_TEXT = 65, // hexadecimal digits of the longest, and a NUL
};

typedef struct Hasher Hasher;

Hasher *hasher_new(TreeHash kind);
void hasher_free(Hasher *hasher); // NULL is fine
void hasher_begin(Hasher *hasher);
void hasher_add(Hasher *hasher, const void *data, size_t size);
void hasher_add_zeros(Hasher *hasher, uint64_t count); // a hole
void hasher_end(Hasher *hasher, char text[static HASH_TEXT]);

const char *hash_name(TreeHash kind);

#endif
