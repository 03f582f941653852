#include "tree/pool.h"

#include <stdint.h>

#include "base/text.h"

struct Pool {
        pthread_mutex_t lock;
        pthread_cond_t filled;
        Job *stack;
        size_t outstanding; // waiting or running
        bool closing;
        int wake;
        unsigned count;
        struct Thread {
                pthread_t thread;
                Pool *pool;
                void *worker;
        } threads[];
};

static Job *take(Pool *pool)
{
        Job *job;

        pthread_mutex_lock(&pool->lock);
        while (!pool->stack && !pool->closing)
                pthread_cond_wait(&pool->filled, &pool->lock);
        job = pool->stack;
        if (job)
                pool->stack = job->next;
        pthread_mutex_unlock(&pool->lock);
        return job;
}

static void done(Pool *pool)
{
        const uint64_t one = 1;
        bool last;

        pthread_mutex_lock(&pool->lock);
        last = --pool->outstanding == 0;
        pthread_mutex_unlock(&pool->lock);
        if (last && write(pool->wake, &one, sizeof(one)) < 0)
                return; // full: it is readable already
}

static void *thread_main(void *argument)
{
        struct Thread *thread = argument;
        Job *job;

        while ((job = take(thread->pool))) {
                job->work(thread->worker, job);
                done(thread->pool);
        }
        return NULL;
}

int pool_new(unsigned count, void *workers, size_t size, int wake, Pool **ret)
{
        Pool *pool = memory_new(sizeof(*pool) + count * sizeof(pool->threads[0]));

        pool->wake = wake;
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->filled, NULL);
        for (; pool->count < count; pool->count++) {
                struct Thread *thread = &pool->threads[pool->count];
                int result;

                *thread = (struct Thread){
                        .pool = pool, .worker = (char *)workers + pool->count * size};
                result = pthread_create(&thread->thread, NULL, thread_main, thread);
                if (result == 0)
                        continue;
                if (pool->count > 0) // fewer do as well
                        break;
                pool_free(pool);
                return -result;
        }
        *ret = pool;
        return 0;
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
        size_t count = 0;

        pthread_mutex_lock(&pool->lock);
        while (chain) {
                Job *next = chain->next;

                chain->next = pool->stack;
                pool->stack = chain;
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
