// The tree engine: copies, compares and removes whole directory trees.
//
// Everything is relative to directory descriptors, no link is followed, and no mount point is
// crossed. Calls are synchronous; the engine has threads of its own while a call lasts. Callbacks
// come from the calling thread only. Two calls that write the same target must not overlap.
//
// Every call can be killed at any instruction and made again: it converges. Files that are
// replaced are whole at every moment, the old or the new one.
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
        uint64_t freed;       // bytes that were allocated to them
        uint64_t bytes;       // written; tree_measure: allocated; verify: read
        uint64_t bytes_total; // found so far, or TreeOptions.bytes_expected when that is more
        uint64_t links_corrected;
        uint64_t changed;          // entries made, replaced or given other attributes
        uint64_t reported;         // TREE_SPECIAL events
        uint64_t bytes_per_second; // of late
        uint64_t files_per_second;
        uint64_t seconds_left; // 0: not known
} TreeFigures;

// What happened to one entry; `path` is relative to the tree, escaped as in a C string.
typedef enum TreeEventKind {
        TREE_ADDED,   // dry run or verbose only
        TREE_CHANGED, // dry run or verbose only
        TREE_DELETED, // dry run or verbose only
        TREE_SPECIAL, // not treated like the rest: socket, device, another file system, unreadable,
                      // never settled, attributes refused; `why` says. Verify: each difference.
} TreeEventKind;

typedef enum TreeHash {
        TREE_HASH_XXH3 = 0, // 128 bits: finds corruption, not malice
        TREE_HASH_SHA256,
} TreeHash;

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
        const char *const *link_also; // other spellings of `link_from`
        size_t link_also_count;

        // A dry run says what a real run would change. Which name of a file with several leads the
        // others depends on the order of threads: with `threads` 1 even that is the same.
        bool dry_run;     // events only
        bool verbose;     // events for every change
        bool no_sync;     // not durable on return; for measuring, and for what is made anew anyway
        bool anyway;      // mirror: whatever the guards say
        uint32_t threads; // 0: twice the cores, at most 8

        // Mirror: extended attributes of files that look equal are compared where the source's
        // ctime is newer than the target's. With `full` they are compared everywhere.
        bool full;
        uint32_t delete_percent; // the guard's share of the target's entries; 0: 50

        // Mirror: path of a file that remembers the source, so that unchanged directories cost no
        // walk of the target. Every `full_days` (0: 7) all is compared all the same, fully. The
        // file is this engine's: a damaged, foreign or older one is ignored. NULL: none.
        const char *cache;
        uint32_t full_days;

        // Clone: path of a manifest to write, of the content that was read. NULL: none.
        const char *manifest;
        TreeHash hash;

        uint64_t bytes_per_second; // written at most; 0: as fast as it goes
        uint32_t pressure_percent; // slow down while tasks of this machine wait for I/O for more
                                   // than this share of the time (/proc/pressure/io); 0: never
        uint64_t files_expected;   // for files_total and seconds_left, from an earlier run; 0: none
        uint64_t bytes_expected;
} TreeOptions;

// Makes `target_name`, in the directory `target_parent`, a copy of the directory `source`: staged
// as a temporary name beside it, published by one rename, durable on return. -EEXIST when it
// exists. After a kill at most the staged directory is left, which the next call of the same name
// removes. Copies modes, nanosecond times, owners (where permitted), links, hard links within the
// tree, holes, extended attributes and ACLs, FIFOs. Sockets and devices are reported only.
int tree_clone(int source, int target_parent, const char *target_name, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error) _must_use_;

// Makes the directory `target` equal to `source` in place, deletions included; files are replaced
// by temporary + rename, new directories appear whole. Deletions come last, and only in
// directories that were listed completely. Durable on return.
// -ENOTEMPTY ("too-many-deletions"): more than half of the target's entries, and at least 100,
// would go; the rest is done, nothing is deleted. -ENODATA ("empty-source"): the source is empty
// and the target is not. -EXDEV ("other-source"): the cache knows the source as another file
// system. All three are overridden by `anyway`.
int tree_mirror(int source, int target, const TreeOptions *options, TreeFigures *ret_figures,
        Error *error) _must_use_;

// Removes `name` in `parent` with all that is in it, without crossing a mount point; read-only
// directories too. Missing is fine.
int tree_remove(int parent, const char *name, const TreeOptions *options, TreeFigures *ret_figures,
        Error *error) _must_use_;

// Counts entries and allocated bytes.
int tree_measure(int directory, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
        _must_use_;

// Writes a manifest of `directory` to the file `manifest`, atomically.
int tree_manifest(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error) _must_use_;

// Compares `directory` with a manifest: kinds, modes, owners, times of files and links, link
// targets, hard links, and the content of every file. Each difference is a TREE_SPECIAL event;
// -EUCLEAN ("differs") when there was one, -EBADMSG ("manifest") when the manifest is damaged.
int tree_verify(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error) _must_use_;

#endif
