// What a clone or mirror knows beyond one directory.
#ifndef UNDERSTUDY_WORKER_TREE_MIRROR_H
#define UNDERSTUDY_WORKER_TREE_MIRROR_H

#include "tree/links.h"
#include "tree/node.h"

struct Cache;
struct CacheWriter;
struct ManifestWriter;

// Something to do when the walk is over and the guard has agreed.
typedef enum LateKind {
        LATE_DELETE, // not in the source
        LATE_SWAP,   // a directory, where the source has something else
        LATE_LINK,   // a further name of a file
} LateKind;

typedef struct Late {
        struct Late *next;
        LateKind kind;
        LinkGroup *group; // LATE_LINK, or LATE_SWAP of a leader
        Meta from;        // LATE_SWAP, LATE_LINK
        char name[];
} Late;

typedef struct Mirror {
        Node *root;
        uint64_t device; // of the source
        uint64_t target_device;
        bool full;
        mode_t mask;          // the process's umask
        bool clone_blocks;    // FICLONE is worth trying
        uint64_t clone_least; // from this size on, in bytes
        bool reserve_blocks;  // it pays: see data_copy
        int64_t tick_ns;      // of the file system's clock, at most
        Links links;
        // Files of the target that lose a name in this run: their ctime is this run's then, and
        // says nothing of when they were last compared.
        Links touched;
        atomic_bool touched_any;
        struct Cache *cache;          // of the last run; NULL: none
        struct CacheWriter *remember; // for the next run; NULL: none
        struct ManifestWriter *manifest;
        _Atomic uint64_t present; // entries of the target
        _Atomic uint64_t doomed;  // of these, to be deleted

        pthread_mutex_t lock; // of what follows
        Node *late;           // by late_next; references
} Mirror;

// Says that a file of the target, of which this was read, is about to lose a name. Any thread.
void mirror_touch(Mirror *mirror, const Meta *have);

void mirror_late(Mirror *mirror, Node *node, Late *take_item);
Late *late_new(LateKind kind, const char *name, const Meta *from, LinkGroup *group);

// The walk of one directory: see walk.c.
void walk_job(void *worker, Job *job);

// Work on the first `count` of a node's entries, which stay until the node is done.
void batch_push(Node *node, size_t count);

// One of the things pending in a node is done; the last one finishes it, and maybe its parents.
void node_done(Worker *worker, Node *node);

// Sets a directory's attributes and remembers it. 0, or a negative errno after run_fail.
int node_finish(Worker *worker, Node *node) _must_use_;

// Deletions, swaps and links. Adds its jobs to the pool, which must be idle; call run_wait between.
void settle_deletions(Run *run);
void settle_links(Run *run);

#endif
