#include "tree/content.h"

#include "base/text.h"
#include "tree/data.h"
#include "tree/mirror.h"

enum {
        SHARED_LEAST = 16 * 1024 * 1024, // bytes, from which on several threads copy one file
        SHARED_PART = 1024 * 1024,       // that each takes at a time
        HELPERS_MAX = 3,
};

// A file that several threads copy: one reads while another one writes, for only one at a time
// may write to a file. Whoever has it may be done before a helper comes: the last one frees it.
typedef struct Shared {
        pthread_mutex_t lock;
        pthread_cond_t left;
        unsigned references;
        unsigned active; // helpers that copy
        bool closed;
        int from, to;
        Meta meta;
        uint64_t next; // not taken yet
        int result;
        struct Helper {
                Job job;
                struct Shared *shared;
        } helpers[HELPERS_MAX];
} Shared;

static DataCopy copy_for(Worker *worker, int from, int to)
{
        const Mirror *mirror = worker->run->mirror;

        return (DataCopy){.from = from,
                .to = to,
                .buffer = worker_copy_buffer(worker),
                .reserve = mirror && mirror->reserve_blocks,
                .step = run_moved,
                .userdata = worker};
}

// --- several threads ---

static void shared_unref(Shared *shared) // the lock is held
{
        bool last = --shared->references == 0;

        pthread_mutex_unlock(&shared->lock);
        if (!last)
                return;
        pthread_cond_destroy(&shared->left);
        pthread_mutex_destroy(&shared->lock);
        free(shared);
}

static bool part_take(Shared *shared, uint64_t *ret_at, uint64_t *ret_end)
{
        bool any;

        pthread_mutex_lock(&shared->lock);
        any = shared->result == 0 && shared->next < shared->meta.size;
        if (any) {
                *ret_at = shared->next;
                *ret_end = shared->meta.size - shared->next < SHARED_PART
                                   ? shared->meta.size
                                   : shared->next + SHARED_PART;
                shared->next = *ret_end;
        }
        pthread_mutex_unlock(&shared->lock);
        return any;
}

static void parts_copy(Worker *worker, Shared *shared)
{
        DataCopy copy = copy_for(worker, shared->from, shared->to);
        uint64_t at, end;

        while (part_take(shared, &at, &end)) {
                int result = data_copy_part(&copy, &shared->meta, at, end);

                if (result == 0)
                        continue;
                pthread_mutex_lock(&shared->lock);
                shared->result = result;
                pthread_mutex_unlock(&shared->lock);
        }
}

static void help(void *argument, Job *job)
{
        Shared *shared = ((struct Helper *)job)->shared;

        pthread_mutex_lock(&shared->lock);
        if (!shared->closed) {
                shared->active++;
                pthread_mutex_unlock(&shared->lock);
                parts_copy(argument, shared);
                pthread_mutex_lock(&shared->lock);
                shared->active--;
                pthread_cond_signal(&shared->left);
        }
        shared_unref(shared);
}

static Shared *shared_new(Worker *worker, const DataCopy *copy, const Meta *meta)
{
        Shared *shared = memory_new(sizeof(*shared));
        unsigned helpers = worker->run->worker_count / 2; // threads are twice the cores

        helpers = helpers < 2 ? 1 : helpers - 1;
        helpers = helpers > HELPERS_MAX ? HELPERS_MAX : helpers;
        pthread_mutex_init(&shared->lock, NULL);
        pthread_cond_init(&shared->left, NULL);
        shared->references = 1 + helpers;
        shared->from = copy->from;
        shared->to = copy->to;
        shared->meta = *meta;
        for (unsigned i = 0; i < helpers; i++) {
                shared->helpers[i] = (struct Helper){.job = {.work = help}, .shared = shared};
                pool_push(worker->run->pool, &shared->helpers[i].job);
        }
        return shared;
}

static int copy_together(Worker *worker, const DataCopy *copy, const Meta *meta)
{
        int result = data_set_size(copy, meta->size);
        Shared *shared;

        if (result < 0)
                return result;
        shared = shared_new(worker, copy, meta);
        parts_copy(worker, shared);
        pthread_mutex_lock(&shared->lock);
        shared->closed = true;
        while (shared->active > 0)
                pthread_cond_wait(&shared->left, &shared->lock);
        result = shared->result;
        shared_unref(shared);
        return result;
}

// --- one ---

static int hash_and_copy(Worker *worker, DataCopy *copy, const Meta *meta, char *text)
{
        int result;

        if (!worker->hasher)
                worker->hasher = hasher_new(worker->run->options->hash);
        copy->hasher = worker->hasher;
        hasher_begin(copy->hasher);
        result = data_copy(copy, meta);
        if (result == 0)
                hasher_end(copy->hasher, text);
        return result;
}

int content_copy(Worker *worker, int from, int to, const Meta *meta, char *text)
{
        const Mirror *mirror = worker->run->mirror;
        DataCopy copy = copy_for(worker, from, to);
        int result = 1;

        if (text)
                return hash_and_copy(worker, &copy, meta, text);
        if (mirror->clone_blocks && meta->size > 0 && meta->size >= mirror->clone_least)
                result = data_clone(&copy, meta);
        if (result <= 0)
                return result;
        if (meta->size >= SHARED_LEAST && worker->run->worker_count > 1)
                return copy_together(worker, &copy, meta);
        return data_copy(&copy, meta);
}
