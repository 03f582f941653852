// A manifest of a tree as it is.
#include <fcntl.h>
#include <limits.h>

#include "base/text.h"
#include "tree/content.h"
#include "tree/exclude.h"
#include "tree/manifest.h"

static void survey_job(void *argument, Job *job);

struct Digest {
        ManifestWriter *writer;
        uint64_t device;
};

static void survey_done(Node *node)
{
        while (node && atomic_fetch_sub(&node->pending, 1) == 1) {
                Node *parent = node->parent;

                node_close(node);
                node_unref(node);
                node = parent;
        }
}

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
        char target[PATH_MAX + 1];
        ssize_t size = readlinkat(node->source, name, target, PATH_MAX);

        if (size < 0)
                return -errno;
        target[size] = '\0';
        manifest_add(node, meta, name, NULL, target);
        return 0;
}

static void child_survey(Node *node, const char *name, const Meta *meta)
{
        Node *child = node_new(node->run, node, name);

        child->meta = *meta;
        child->job = (Job){.work = survey_job};
        pool_push(node->run->pool, &child->job);
}

static int entry_survey(Worker *worker, Node *node, const char *name)
{
        Meta meta;
        int result;

        if (exclude_has(node, name))
                return 0;
        result = meta_read(node->source, name, &meta);
        if (result < 0)
                return result;
        COUNT(worker, files, 1);
        if (meta.device != node->run->digest->device || meta.mount)
                meta.mode = S_IFSOCK; // not ours: as a socket, there but not looked into
        if (S_ISREG(meta.mode))
                return file_survey(worker, node, name, &meta);
        if (S_ISLNK(meta.mode))
                return link_survey(node, name, &meta);
        if (S_ISDIR(meta.mode) && node->depth >= DEPTH_MAX)
                return -ENAMETOOLONG;
        manifest_add(node, &meta, name, NULL, NULL);
        if (S_ISDIR(meta.mode))
                child_survey(node, name, &meta);
        return 0;
}

static int directory_survey(Worker *worker, Node *node)
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
        manifest_begin(node);
        result = list_read(node->source, worker->list_buffer, &list);
        for (size_t i = 0; i < list.count && result == 0 && !run_stopped(node->run); i++) {
                result = entry_survey(worker, node, list_name(&list, i));
                if (result < 0)
                        run_fail(node->run, node, list_name(&list, i), result, "read",
                                "an entry could not be read");
        }
        if (result == 0)
                result = manifest_write(node->run->digest->writer, node);
        return result;
}

static void survey_job(void *argument, Job *job)
{
        Node *node = (Node *)job;
        int result = run_stopped(node->run) ? 0 : directory_survey(argument, node);

        if (result < 0)
                run_fail(node->run, node, NULL, result, "read", "a directory could not be read");
        survey_done(node);
}

static int survey_run(Run *run, int directory, Error *error)
{
        Node *root = node_new(run, NULL, "");
        int result = meta_read(directory, "", &root->meta);

        if (result < 0) {
                node_unref(root);
                return error_set(error, result, "read", "the directory could not be examined");
        }
        run->digest->device = root->meta.device;
        root->source = directory;
        root->job = (Job){.work = survey_job};
        pool_push(run->pool, &root->job);
        return run_wait(run, error);
}

int tree_manifest(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = NULL;
        struct Digest digest = {0};
        int result = run_new(options, &run, error);

        if (result == 0)
                result = manifest_new(manifest, options->hash, &digest.writer, error);
        if (result < 0)
                return result;
        run->digest = &digest;
        result = survey_run(run, directory, error);
        if (result == 0)
                result = manifest_commit(digest.writer, manifest, error);
        manifest_free(digest.writer);
        if (result == 0 && ret_figures)
                run_figures(run, ret_figures);
        return result;
}
