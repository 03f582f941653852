// How much there is.
#include "tree/exclude.h"
#include "tree/node.h"

static void measure_job(void *argument, Job *job);

static void measure_done(Node *node)
{
        while (node && atomic_fetch_sub(&node->pending, 1) == 1) {
                Node *parent = node->parent;

                node_close(node);
                node_unref(node);
                node = parent;
        }
}

static void entry_measure(Worker *worker, Node *node, const char *name)
{
        Meta meta;

        if (exclude_has(node, name) || meta_read(node->source, name, &meta) < 0)
                return;
        COUNT(worker, files, 1);
        COUNT(worker, bytes, meta.blocks * 512);
        if (S_ISDIR(meta.mode) && !meta.mount && node->depth < DEPTH_MAX) {
                Node *child = node_new(node->run, node, name);

                child->meta = meta;
                child->job = (Job){.work = measure_job};
                pool_push(node->run->pool, &child->job);
        }
}

static int directory_measure(Worker *worker, Node *node)
{
        _cleanup_close_ int held = -EBADF;
        _cleanup_list_ List list = LIST_EMPTY;
        int parent = node->parent ? node_source(node->parent, &held) : -EBADF, result;

        if (node->parent) {
                node->source = parent < 0 ? parent : directory_open(parent, node->name);
                if (node->source < 0)
                        return node->source;
        }
        exclude_find(node);
        result = list_read(node->source, worker->list_buffer, &list);
        node_keep(node);
        for (size_t i = 0; i < list.count && !run_stopped(node->run); i++)
                entry_measure(worker, node, list_name(&list, i));
        return result;
}

static void measure_job(void *argument, Job *job)
{
        Node *node = (Node *)job;
        int result = run_stopped(node->run) ? 0 : directory_measure(argument, node);

        if (result < 0 && result != -ENOENT && result != -EACCES)
                run_fail(node->run, node, NULL, result, "measure",
                        "a directory could not be listed");
        else if (result == -EACCES)
                run_tell(argument, TREE_SPECIAL, node, NULL, "it could not be read");
        measure_done(node);
}

int tree_measure(int directory, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = NULL;
        int result = run_new(options, &run, error);
        Node *root;

        if (result < 0)
                return result;
        root = node_new(run, NULL, "");
        root->source = directory;
        root->job = (Job){.work = measure_job};
        pool_push(run->pool, &root->job);
        result = run_wait(run, error);
        if (result == 0 && ret_figures)
                run_figures(run, ret_figures);
        return result;
}
