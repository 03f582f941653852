// A directory of the tree while work in it is under way.
//
// A node lives until it and all beneath it are done. It holds its directories open for its
// children, unless too many are open already: then they are opened anew, by name, from the nearest
// ancestor that is open, and only if they are still the same directory.
#ifndef UNDERSTUDY_WORKER_TREE_NODE_H
#define UNDERSTUDY_WORKER_TREE_NODE_H

#include "tree/run.h"

enum {
        DEPTH_MAX = 8192, // four times what a path can name; deeper ones are reported
};

struct Node {
        Job job; // its walk, later its settling
        Run *run;
        Node *parent; // a reference; NULL: the root
        atomic_uint references;
        atomic_uint pending; // itself, its batches and its children
        uint32_t depth;
        int source; // -EBADF: not open
        int target;
        uint64_t key[2];       // of its path, for the cache
        _Atomic uint64_t made; // owner and group of what is made here, see file.c; 0: not known yet
        uint64_t target_inode; // to know it again; 0: not known yet
        Meta meta;             // of the source
        bool fresh;            // the target was made by this run: nobody else sees it
        bool absent;           // there is no target: a dry run's new directory
        bool vanished;         // nothing to finish
        bool compared;         // the target was looked at
        bool attributes;       // the target's own differ
        bool acl;              // files made in the target inherit an ACL
        bool kept;             // counts as open
        atomic_bool dirty;     // the target was changed
        atomic_bool incomplete;         // not to be remembered
        char temporary[TEMPORARY_SIZE]; // the target's name until it is published; "": none
        const char **excluded;          // names left out here, NULL-terminated; NULL: none
        List names;                     // of the source, while batches use them
        struct Entry *entries;          // work of the batches
        struct CacheEntry *states;      // of the source, to be remembered
        size_t state_count;
        struct Late *late; // what is left to do after the walk
        Node *late_next;
        struct Block *block; // its part of a manifest
        char name[];
};

// `name` is copied; the parent gets one more reference and one more pending.
Node *node_new(Run *run, Node *parent, const char *name);
void node_unref(Node *node); // NULL is fine
static inline Node *node_ref(Node *node)
{
        atomic_fetch_add_explicit(&node->references, 1, memory_order_relaxed);
        return node;
}

// Path of an entry (NULL: of the directory), allocated. node_path escapes it and calls the root
// ".".
char *node_path(const Node *node, const char *name);
char *node_raw_path(const Node *node, const char *name);

// The directory in the source or target: `*ret_close` is what the caller closes (-EBADF: nothing).
// Negative errno; -ESTALE: it is another one now.
int node_source(Node *node, int *ret_close) _must_use_;
int node_target(Node *node, int *ret_close) _must_use_;

// Opens the directory by its path from the root, whatever other threads do with the nodes between.
int node_open_source(Node *node) _must_use_;
int node_open_target(Node *node) _must_use_;

// Keeps the descriptors for the children, or closes them when too many are open.
void node_keep(Node *node);
void node_close(Node *node);

// Opens a directory in another without following a link, and without touching its access time
// where that is permitted.
int directory_open(int dirfd, const char *name) _must_use_;

#endif
