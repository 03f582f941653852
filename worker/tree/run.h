// One call of the engine: its options, threads, figures, and what it has to tell.
#ifndef UNDERSTUDY_WORKER_TREE_RUN_H
#define UNDERSTUDY_WORKER_TREE_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "tree/attribute.h"
#include "tree/list.h"
#include "tree/meta.h"
#include "tree/pool.h"
#include "tree/throttle.h"
#include "tree/tree.h"

typedef struct Node Node;
typedef struct Run Run;

enum {
        TEMPORARY_SIZE = 36, // ".understudy-", 16 digits, ".tmp", NUL
};

// X(field): the figures that threads count, each its own.
#define RUN_COUNTS(X)                                                                              \
        X(files)                                                                                   \
        X(copied)                                                                                  \
        X(deleted) X(freed) X(bytes) X(bytes_total) X(links_corrected) X(changed) X(reported)

typedef struct Worker {
        Run *run;
        bool unmasked;         // files are made with the mode that is asked for
        char *list_buffer;     // LIST_BUFFER bytes
        char *copy_buffer;     // DATA_BUFFER bytes, made on first use
        struct Hasher *hasher; // made on first use
        struct Scratch {       // of the directory being compared
                struct CacheEntry *states;
                Meta *metas;
                size_t room;
                uint32_t *slots;
                size_t slot_room;
        } scratch;
#define RUN_FIELD(field) _Atomic uint64_t field;
        RUN_COUNTS(RUN_FIELD)
#undef RUN_FIELD
} __attribute__((aligned(64))) Worker;

// Written by its own thread only, read by all.
#define COUNT(worker, field, amount)                                                               \
        atomic_store_explicit(&(worker)->field,                                                    \
                atomic_load_explicit(&(worker)->field, memory_order_relaxed) + (amount),           \
                memory_order_relaxed)

typedef struct RunEvent {
        struct RunEvent *next;
        TreeEventKind kind;
        char *path;
        char *why;
} RunEvent;

struct Run {
        const TreeOptions *options;
        Rights rights;
        Pool *pool;
        Worker *workers;
        unsigned worker_count;
        unsigned open_limit; // directories held open; more are reopened by name
        atomic_uint open_count;
        atomic_int stop; // 0, or the negative errno that ends the run
        int wake;        // eventfd: events wait, or all jobs are done
        int64_t started_us;
        Throttle throttle;

        pthread_mutex_t lock; // of what follows
        pthread_cond_t drained;
        Error error; // of the first failure
        RunEvent *events, **events_end;
        size_t event_count;
        Node *current; // a directory lately looked at, for progress; a reference

        // Progress, of the calling thread.
        int64_t progress_us;
        struct RunSample {
                int64_t us;
                uint64_t bytes, files;
        } samples[20];
        unsigned sample_count;

        int sync_fd;       // in the file system that is written to; -1: it need not be durable
        struct Sync *sync; // NULL: not begun; of the calling thread

        struct Mirror *mirror;         // of a clone or mirror
        const struct Visitor *visitor; // of a measure or manifest
};

// `options` is borrowed. Raises the limit of open files as far as it goes; run_free restores it.
int run_new(const TreeOptions *options, Run **ret, Error *error) _must_use_;
void run_free(Run *run);
DEFINE_CLEANUP(Run *, run_free)
#define _cleanup_run_ _cleanup_(run_freep)

// Runs all jobs to their end while it reports and listens for a cancel. Negative: the run failed,
// and `error` says why.
int run_wait(Run *run, Error *error) _must_use_;

// Calls the caller's progress, from the calling thread. Its negative return ends the run.
int run_report(Run *run) _must_use_;

// The figures so far.
void run_figures(Run *run, TreeFigures *ret);

// Ends the run with a failure; the first one counts. `node` (NULL: none) and `name` (NULL: the
// directory itself) say where. Returns `result`.
int run_fail(
        Run *run, Node *node, const char *name, int result, const char *code, const char *what);

// Queues an event; waits while too many are queued. `why` may be NULL. Events other than
// TREE_SPECIAL are dropped unless asked for.
void run_tell(Worker *worker, TreeEventKind kind, Node *node, const char *name, const char *why);

static inline bool run_stopped(const Run *run)
{
        return atomic_load_explicit(&run->stop, memory_order_relaxed) != 0;
}

// A DataStep: counts, paces, and sees a stop.
int run_moved(void *worker, uint64_t bytes);

// Whether anybody listens to changes.
static inline bool run_is_verbose(const Run *run)
{
        return run->options->event && (run->options->verbose || run->options->dry_run);
}

// A file's copy buffer.
char *worker_copy_buffer(Worker *worker);

// A name no other entry has.
void temporary_name(char name[static TEMPORARY_SIZE]);
bool temporary_is(const char *name); // left behind by a run that was killed

#endif
