#include "tree/visit.h"

#include "tree/exclude.h"

static void visit_job(void *argument, Job *job);

static void visit_done(Node *node)
{
        while (node && atomic_fetch_sub(&node->pending, 1) == 1) {
                Node *parent = node->parent;

                node_close(node);
                node_unref(node);
                node = parent;
        }
}

static int enter(Node *node)
{
        _cleanup_close_ int held = -EBADF;
        int parent;

        if (!node->parent)
                return 0;
        parent = node_source(node->parent, &held);
        node->source = parent < 0 ? parent : directory_open(parent, node->name);
        return node->source < 0 ? node->source : 0;
}

static int directory_visit(Worker *worker, Node *node)
{
        const Visitor *visitor = node->run->visitor;
        _cleanup_list_ List list = LIST_EMPTY;
        int result = enter(node);

        if (result == 0)
                result = list_read(node->source, worker->list_buffer, &list);
        if (result < 0)
                return result;
        exclude_find(node);
        node_keep(node);
        if (visitor->begin)
                visitor->begin(node);
        for (size_t i = 0; i < list.count && !run_stopped(node->run); i++) {
                const char *name = list_name(&list, i);

                result = exclude_has(node, name) ? 0 : visitor->entry(worker, node, name);
                if (result < 0)
                        visitor->failed(worker, node, name, result);
        }
        return visitor->end ? visitor->end(node) : 0;
}

static void visit_job(void *argument, Job *job)
{
        Node *node = (Node *)job;
        int result = run_stopped(node->run) ? 0 : directory_visit(argument, node);

        if (result < 0)
                node->run->visitor->failed(argument, node, NULL, result);
        visit_done(node);
}

static void push(Node *node)
{
        node->job = (Job){.work = visit_job};
        pool_push(node->run->pool, &node->job);
}

void visit_child(Node *node, const char *name, const Meta *meta)
{
        Node *child = node_new(node->run, node, name);

        child->meta = *meta;
        push(child);
}

int visit_tree(Run *run, int directory, const Visitor *visitor, Error *error)
{
        Node *root = node_new(run, NULL, "");
        int result;

        run->visitor = visitor;
        root->source = directory;
        result = meta_read(directory, "", &root->meta);
        if (result < 0) {
                node_unref(root);
                return error_set(error, result, "read", "the directory could not be examined");
        }
        push(root);
        return run_wait(run, error);
}
