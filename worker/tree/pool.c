#include "tree/pool.h"

#include <stdint.h>

#include "base/text.h"

typedef struct Thread {
        pthread_t thread;
        Pool *pool;
        void *worker;
        Job *top, *bottom; // of its stack
} Thread;

struct Pool {
        pthread_mutex_t lock;
        pthread_cond_t filled;
        size_t outstanding; // waiting or running
        bool closing;
        int wake;
        void (*begin)(void *worker);
        unsigned count; // of threads that run
        Thread threads[];
};

static _Thread_local Thread *self;

static Job *pop(Thread *thread)
{
        Job *job = thread->top;

        thread->top = job->next;
        if (thread->top)
                thread->top->before = NULL;
        else
                thread->bottom = NULL;
        return job;
}

static Job *steal(Thread *from)
{
        Job *job = from->bottom;

        from->bottom = job->before;
        if (from->bottom)
                from->bottom->next = NULL;
        else
                from->top = NULL;
        return job;
}

// The lock is held. NULL: no thread has any.
static Job *find(Pool *pool, Thread *thread)
{
        if (thread->top)
                return pop(thread);
        for (unsigned i = 0; i < pool->count; i++)
                if (pool->threads[i].bottom)
                        return steal(&pool->threads[i]);
        return NULL;
}

// After `finished`, a job of this thread's: the next one.
static Job *take(Pool *pool, Thread *thread, bool finished)
{
        const uint64_t one = 1;
        bool last = false;
        Job *job;

        pthread_mutex_lock(&pool->lock);
        if (finished)
                last = --pool->outstanding == 0;
        if (last)
                (void)!write(pool->wake, &one, sizeof(one)); // full: it is readable already
        while (!(job = find(pool, thread)) && !pool->closing)
                pthread_cond_wait(&pool->filled, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
        return job;
}

static void *thread_main(void *argument)
{
        Thread *thread = argument;
        Job *job;

        self = thread;
        thread->pool->begin(thread->worker);
        for (bool any = false; (job = take(thread->pool, thread, any)); any = true)
                job->work(thread->worker, job);
        return NULL;
}

int pool_new(unsigned count, void (*begin)(void *worker), void *workers, size_t size, int wake,
        Pool **ret)
{
        Pool *pool = memory_new(sizeof(*pool) + count * sizeof(pool->threads[0]));
        int result = 0;

        pool->wake = wake;
        pool->begin = begin;
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->filled, NULL);
        pthread_mutex_lock(&pool->lock); // they look at each other
        for (; pool->count < count && result == 0; pool->count += result == 0) {
                Thread *thread = &pool->threads[pool->count];

                *thread = (Thread){.pool = pool, .worker = (char *)workers + pool->count * size};
                result = pthread_create(&thread->thread, NULL, thread_main, thread);
        }
        pthread_mutex_unlock(&pool->lock);
        if (pool->count > 0) { // fewer do as well
                *ret = pool;
                return 0;
        }
        pool_free(pool);
        return -result;
}

void pool_free(Pool *pool)
{
        pthread_mutex_lock(&pool->lock);
        pool->closing = true;
        pthread_cond_broadcast(&pool->filled);
        pthread_mutex_unlock(&pool->lock);
        for (unsigned i = 0; i < pool->count; i++)
                pthread_join(pool->threads[i].thread, NULL);
        pthread_cond_destroy(&pool->filled);
        pthread_mutex_destroy(&pool->lock);
        free(pool);
}

void pool_push(Pool *pool, Job *job)
{
        job->next = NULL;
        pool_push_all(pool, job);
}

void pool_push_all(Pool *pool, Job *chain)
{
        Thread *thread = self && self->pool == pool ? self : &pool->threads[0];
        size_t count = 0;

        pthread_mutex_lock(&pool->lock);
        while (chain) {
                Job *next = chain->next;

                chain->next = thread->top;
                chain->before = NULL;
                if (thread->top)
                        thread->top->before = chain;
                else
                        thread->bottom = chain;
                thread->top = chain;
                chain = next;
                count++;
        }
        pool->outstanding += count;
        if (count == 1)
                pthread_cond_signal(&pool->filled);
        else if (count > 1)
                pthread_cond_broadcast(&pool->filled);
        pthread_mutex_unlock(&pool->lock);
}

bool pool_idle(Pool *pool)
{
        bool idle;

        pthread_mutex_lock(&pool->lock);
        idle = pool->outstanding == 0;
        pthread_mutex_unlock(&pool->lock);
        return idle;
}
