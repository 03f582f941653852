// A manifest of a tree as it is.
#include <fcntl.h>
#include <limits.h>

#include "base/file.h"
#include "tree/content.h"
#include "tree/manifest.h"
#include "tree/visit.h"

static int file_survey(Worker *worker, Node *node, const char *name, const Meta *meta)
{
        _cleanup_close_ int fd = openat(
                node->source, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char hash[HASH_TEXT];
        int result = fd < 0 ? -errno : content_copy(worker, fd, -1, meta, hash);

        if (result == 0)
                manifest_add(node, meta, name, hash, NULL);
        return result;
}

static int link_survey(Node *node, const char *name, const Meta *meta)
{
        _cleanup_free_ char *target = NULL;
        int result = file_read_link_at(node->source, name, &target);

        if (result == 0)
                manifest_add(node, meta, name, NULL, target);
        return result;
}

static int entry_survey(Worker *worker, Node *node, const char *name)
{
        Meta meta;
        int result = meta_read(node->source, name, &meta);

        if (result < 0)
                return result;
        COUNT(worker, files, 1);
        if (meta.device != node->meta.device || meta.mount)
                meta.mode = S_IFSOCK; // not ours: as a socket, there but not looked into
        if (S_ISREG(meta.mode))
                return file_survey(worker, node, name, &meta);
        if (S_ISLNK(meta.mode))
                return link_survey(node, name, &meta);
        if (S_ISDIR(meta.mode) && node->depth >= DEPTH_MAX)
                return -ENAMETOOLONG;
        manifest_add(node, &meta, name, NULL, NULL);
        if (S_ISDIR(meta.mode))
                visit_child(node, name, &meta);
        return 0;
}

static int directory_end(Node *node)
{
        if (run_stopped(node->run))
                return 0;
        return manifest_write(node->run->visitor->userdata, node);
}

static void survey_failed(Worker *worker, Node *node, const char *name, int result)
{
        run_fail(worker->run, node, name, result, "read",
                name ? "an entry could not be read" : "a directory could not be read");
}

int tree_manifest(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        Visitor visitor = {.begin = manifest_begin,
                .entry = entry_survey,
                .end = directory_end,
                .failed = survey_failed};
        _cleanup_run_ Run *run = NULL;
        ManifestWriter *writer = NULL;
        int result = run_new(options, &run, error);

        if (result == 0)
                result = manifest_new(manifest, options->hash, &writer, error);
        visitor.userdata = writer;
        if (result == 0)
                result = visit_tree(run, directory, &visitor, error);
        if (result == 0)
                result = manifest_commit(writer, manifest, error);
        manifest_free(writer);
        if (result == 0 && ret_figures)
                run_figures(run, ret_figures);
        return result;
}
