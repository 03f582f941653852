// How much there is.
#include "tree/visit.h"

static int entry_measure(Worker *worker, Node *node, const char *name)
{
        Meta meta;

        if (meta_read(node->source, name, &meta) < 0)
                return 0; // gone, or nothing to measure
        COUNT(worker, files, 1);
        COUNT(worker, bytes, meta.blocks * 512);
        if (S_ISDIR(meta.mode) && !meta.mount && node->depth < DEPTH_MAX)
                visit_child(node, name, &meta);
        return 0;
}

static void measure_failed(Worker *worker, Node *node, const char *name, int result)
{
        if (result == -EACCES)
                run_tell(worker, TREE_SPECIAL, node, name, "it could not be read");
        else if (result != -ENOENT)
                run_fail(node->run, node, name, result, "measure",
                        "a directory could not be listed");
}

int tree_measure(int directory, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
{
        static const Visitor visitor = {.entry = entry_measure, .failed = measure_failed};
        _cleanup_run_ Run *run = NULL;
        int result = run_new(options, &run, error);

        if (result == 0)
                result = visit_tree(run, directory, &visitor, error);
        if (result == 0 && ret_figures)
                run_figures(run, ret_figures);
        return result;
}
