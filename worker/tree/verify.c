#include "tree/tree.h"

int tree_manifest(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        (void)directory, (void)manifest, (void)options, (void)ret_figures;
        return error_set(error, -ENOSYS, "manifest", "no manifest can be written yet");
}

int tree_verify(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        (void)directory, (void)manifest, (void)options, (void)ret_figures;
        return error_set(error, -ENOSYS, "manifest", "no manifest can be read yet");
}
