// The tree engine: copies, compares and removes whole directory trees.
//
// Everything is relative to directory descriptors, no link is followed, and no mount point is
// crossed. Calls are synchronous; the engine has threads of its own while a call lasts. Callbacks
// come from the calling thread only.
#ifndef UNDERSTUDY_WORKER_TREE_TREE_H
#define UNDERSTUDY_WORKER_TREE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct TreeFigures {
        uint64_t files;       // entries looked at
        uint64_t files_total; // 0: not known yet
        uint64_t copied;      // regular files written
        uint64_t deleted;     // entries removed
        uint64_t bytes;       // written
        uint64_t bytes_total;
        uint64_t links_corrected;
} TreeFigures;

// What happened to one entry; `path` is relative to the tree, escaped as in a C string.
typedef enum TreeEventKind {
        TREE_ADDED,   // dry run or verbose only
        TREE_CHANGED, // dry run or verbose only
        TREE_DELETED, // dry run or verbose only
        TREE_SPECIAL, // not treated like the rest: FIFO, socket, device, unreadable, never settled;
                      // `why` says
} TreeEventKind;

typedef struct TreeOptions {
        // Called with the latest figures at most every 100 ms. A negative return cancels the work
        // and is returned.
        int (*progress)(void *userdata, const TreeFigures *figures, const char *path);
        void (*event)(void *userdata, TreeEventKind kind, const char *path, const char *why);
        void *userdata;
        int cancel_fd; // readable: stop within 100 ms with -ECANCELED; -1: none

        // Names left out, relative to the tree, whole paths ("env", "media/cache"). In a mirror, an
        // excluded path in the target is neither changed nor deleted.
        const char *const *exclude;
        size_t exclude_count;

        // Symbolic links that point to `link_from` or beneath it are written as pointing to
        // `link_to` (both absolute, both NULL: none).
        const char *link_from;
        const char *link_to;

        bool dry_run;     // events only
        bool verbose;     // events for every change
        bool anyway;      // mirror: delete however much it is
        uint32_t threads; // 0: twice the cores, at most 8
} TreeOptions;

// Makes `target_name`, in the directory `target_parent`, a copy of the directory `source`: staged
// as a temporary name beside it, published by one rename, durable on return. -EEXIST when it
// exists. After a kill at most the staged directory is left, which the next call of the same name
// removes. Copies modes, nanosecond times, owners (where permitted), links, hard links within the
// tree, holes, extended attributes and ACLs.
int tree_clone(int source, int target_parent, const char *target_name, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error) _must_use_;

// Makes the directory `target` equal to `source` in place, deletions included; files are replaced
// by temporary + rename. -ENOTEMPTY ("too-many-deletions") when more than half of the target's
// entries, and at least 100, would go, unless `anyway`. Durable on return.
int tree_mirror(int source, int target, const TreeOptions *options, TreeFigures *ret_figures,
        Error *error) _must_use_;

// Removes `name` in `parent` with all that is in it, without crossing a mount point; read-only
// directories too. Missing is fine.
int tree_remove(int parent, const char *name, const TreeOptions *options, TreeFigures *ret_figures,
        Error *error) _must_use_;

// Counts entries and allocated bytes.
int tree_measure(int directory, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
        _must_use_;

#endif
