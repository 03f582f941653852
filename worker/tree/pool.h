// Threads with a stack of work each: last in, first out, so that a walk stays deep rather than wide
// and holds few directories open, and so that a directory's files are made by the thread that
// walked it, for two threads in one directory wait for its lock. Who has nothing left takes the
// oldest work of another.
#ifndef UNDERSTUDY_WORKER_TREE_POOL_H
#define UNDERSTUDY_WORKER_TREE_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/macro.h"

typedef struct Pool Pool;
typedef struct Job Job;

// Embedded in what describes the work; `work` runs once, in any thread, and frees it.
struct Job {
        Job *next;
        Job *before; // the pool's
        void (*work)(void *worker, Job *job);
};

// Starts `count` threads. Thread i passes `workers + i * size` to `begin`, once, and to its jobs;
// `wake` is an eventfd that becomes readable when the last job has ended. Negative errno.
int pool_new(unsigned count, void (*begin)(void *worker), void *workers, size_t size, int wake,
        Pool **ret) _must_use_;

// Waits for the threads; there must be no jobs left.
void pool_free(Pool *pool);

// Any thread. What a job pushes goes on top of its own thread's stack.
void pool_push(Pool *pool, Job *job);

// Pushes a chain of jobs under one lock: the last of the chain is taken first.
void pool_push_all(Pool *pool, Job *chain);

// True when no job waits or runs.
bool pool_idle(Pool *pool);

#endif
