// Entries to be made equal, in batches that several threads can take.
#include "base/text.h"
#include "tree/file.h"

enum {
        BATCH_FILES = 32, // that one thread copies in a row
        BATCH_BYTES = 16 * 1024 * 1024,
};

typedef struct Batch {
        Job job;
        Node *node;
        size_t from, to; // of node->entries
} Batch;

static void batch_job(void *argument, Job *job)
{
        Worker *worker = argument;
        Batch *batch = (Batch *)job;
        Node *node = batch->node;

        for (size_t i = batch->from; i < batch->to && !run_stopped(node->run); i++)
                if (file_make_equal(worker, node, &node->entries[i]) < 0)
                        break;
        node_done(worker, node);
        free(batch);
}

static size_t batch_end(const Node *node, size_t from, size_t count)
{
        uint64_t bytes = 0;
        size_t i = from;

        for (; i < count && i < from + BATCH_FILES && bytes < BATCH_BYTES; i++)
                bytes += node->entries[i].from.size;
        return i;
}

void batch_push(Node *node, size_t count)
{
        Job *chain = NULL;

        for (size_t from = 0; from < count;) {
                Batch *batch = memory_new(sizeof(*batch));

                *batch = (Batch){.job = {.next = chain, .work = batch_job},
                        .node = node,
                        .from = from,
                        .to = batch_end(node, from, count)};
                from = batch->to;
                atomic_fetch_add_explicit(&node->pending, 1, memory_order_relaxed);
                chain = &batch->job;
        }
        if (chain)
                pool_push_all(node->run->pool, chain);
}
