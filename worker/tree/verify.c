// A tree against its manifest.
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/text.h"
#include "tree/content.h"
#include "tree/links.h"
#include "tree/manifest.h"

// A directory's part of the manifest.
typedef struct Part {
        Job job;
        struct Verify *verify;
        char *line; // its first
        char *end;
        struct Part *next;
} Part;

typedef struct Verify {
        Node *root;
        Part *parts;
        Links links;
} Verify;

// What is compared at the moment.
typedef struct Place {
        Worker *worker;
        Verify *verify;
        const char *path; // of the directory
        int fd;
} Place;

static void tell(const Place *place, const char *name, const char *why)
{
        _cleanup_free_ char *path = name && place->path[0] ? text_format("%s/%s", place->path, name)
                                                           : text_copy(name ? name : place->path);

        run_tell(place->worker, TREE_SPECIAL, place->verify->root, path[0] ? path : NULL, why);
}

// --- one entry ---

// Names of one file must still be names of one file.
static bool links_agree(Verify *verify, uint64_t link, uint64_t inode)
{
        _cleanup_free_ char *name = NULL;
        Node *node = NULL;
        uint64_t first = inode;
        bool leads;
        LinkGroup *group = links_enter(&verify->links, link, &leads);

        if (leads)
                links_lead(&verify->links, group, verify->root, "", inode);
        else if (links_leader(&verify->links, group, &node, &name, &first))
                node_unref(node);
        return first == inode;
}

static const char *meta_differs(const ManifestLine *line, const Meta *meta)
{
        if ((line->meta.mode & S_IFMT) != (meta->mode & S_IFMT))
                return "it is of another kind";
        if (line->kind == 'd')
                return NULL;
        if (!S_ISLNK(meta->mode) && (line->meta.mode & 07777) != (meta->mode & 07777))
                return "its mode differs";
        if (line->meta.uid != meta->uid || line->meta.gid != meta->gid)
                return "its owner or group differs";
        if (line->kind == 'f' && line->meta.size != meta->size)
                return "its size differs";
        if (meta_time_compare(line->meta.modified, meta->modified) != 0)
                return "its time differs";
        return NULL;
}

static const char *content_differs(const Place *place, const ManifestLine *line, const Meta *meta)
{
        _cleanup_close_ int fd = openat(
                place->fd, line->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char hash[HASH_TEXT];

        if (fd < 0 || content_copy(place->worker, fd, -1, meta, hash) < 0)
                return "it could not be read";
        return strcmp(hash, line->hash) == 0 ? NULL : "its content differs";
}

static const char *link_differs(const Place *place, const ManifestLine *line)
{
        char target[PATH_MAX + 1];
        ssize_t size = readlinkat(place->fd, line->name, target, PATH_MAX);

        if (size < 0)
                return "it could not be read";
        target[size] = '\0';
        return strcmp(target, line->target) == 0 ? NULL : "it points elsewhere";
}

static void entry_verify(const Place *place, const ManifestLine *line)
{
        const char *why = NULL;
        Meta meta;

        COUNT(place->worker, files, 1);
        if (line->kind == '?')
                return;
        if (meta_read(place->fd, line->name, &meta) < 0) {
                tell(place, line->name, "it is missing");
                return;
        }
        why = meta_differs(line, &meta);
        if (!why && line->kind == 'f' && strcmp(line->hash, "-") != 0)
                why = content_differs(place, line, &meta);
        if (!why && line->kind == 'l')
                why = link_differs(place, line);
        if (!why && line->meta.inode && !links_agree(place->verify, line->meta.inode, meta.inode))
                why = "it is no longer linked to its other names";
        if (why)
                tell(place, line->name, why);
}

// --- one directory ---

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void extras_tell(const Place *place, const char **names, size_t count)
{
        _cleanup_list_ List list = LIST_EMPTY;

        if (list_read(place->fd, place->worker->list_buffer, &list) < 0) {
                tell(place, NULL, "it could not be listed");
                return;
        }
        if (count)
                qsort(names, count, sizeof(*names), by_text);
        for (size_t i = 0; i < list.count; i++) {
                const char *name = list_name(&list, i);

                if (!count || !bsearch(&name, names, count, sizeof(*names), by_text))
                        tell(place, name, "it is not in the manifest");
        }
}

static int path_open(int root, const char *path)
{
        _cleanup_close_ int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
        _cleanup_free_ char *copy = text_copy(path);

        if (at < 0)
                return -errno;
        for (char *rest = copy, *name; rest && *copy && (name = strsep(&rest, "/"));) {
                int next = directory_open(at, name);

                if (next < 0)
                        return next;
                close(at);
                at = next;
        }
        return TAKE_FD(at);
}

static void part_damaged(const Part *part)
{
        run_fail(part->verify->root->run, NULL, NULL, -EBADMSG, "manifest",
                "the manifest is damaged");
}

static void part_verify(Worker *worker, Part *part, const ManifestLine *head, char *rest)
{
        Place place = {.worker = worker,
                .verify = part->verify,
                .path = head->name,
                .fd = path_open(part->verify->root->source, head->name)};
        _cleanup_free_ const char **names = NULL;
        size_t count = 0;
        const char *why;
        Meta meta;

        if (place.fd < 0 || meta_read(place.fd, "", &meta) < 0) {
                tell(&place, NULL, "it is missing, or no directory");
                return;
        }
        why = meta_differs(head, &meta);
        if (why)
                tell(&place, NULL, why);
        while (rest < part->end && !run_stopped(worker->run)) {
                char *end = memchr(rest, '\n', (size_t)(part->end - rest));
                ManifestLine line;

                *end = '\0';
                if (manifest_parse(rest, &line) < 0) {
                        part_damaged(part);
                        break;
                }
                if (count % 64 == 0)
                        names = memory_grow(names, (count + 64) * sizeof(*names));
                names[count++] = line.name;
                entry_verify(&place, &line);
                rest = end + 1;
        }
        if (!run_stopped(worker->run))
                extras_tell(&place, names, count);
        close(place.fd);
}

static void part_job(void *argument, Job *job)
{
        Part *part = (Part *)job;
        char *end = memchr(part->line, '\n', (size_t)(part->end - part->line));
        ManifestLine head;

        if (run_stopped(part->verify->root->run))
                return;
        *end = '\0';
        if (manifest_parse(part->line, &head) < 0 || head.kind != 'D')
                part_damaged(part);
        else
                part_verify(argument, part, &head, end + 1);
}

// --- the manifest ---

static void parts_find(Verify *verify, char *begin, char *end)
{
        for (char *line = begin; line < end;) {
                char *next = strstr(line, "\nD\t");
                Part *part = memory_new(sizeof(*part));

                *part = (Part){.job = {.work = part_job},
                        .verify = verify,
                        .line = line,
                        .end = next ? next + 1 : end,
                        .next = verify->parts};
                verify->parts = part;
                line = part->end;
        }
}

static int manifest_read(const char *path, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size = 0;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size == 0)
                return -EBADMSG;
        text = memory_new((size_t)st.st_size + 1);
        while (size < (size_t)st.st_size) {
                ssize_t n = read(fd, text + size, (size_t)st.st_size - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                size += (size_t)n;
        }
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return strlen(*ret) == size ? 0 : -EBADMSG;
}

static int verify_parts(Run *run, int directory, char *begin, char *end, Error *error)
{
        Verify verify = {.root = node_new(run, NULL, "")};
        int result;

        verify.root->source = directory;
        links_init(&verify.links);
        parts_find(&verify, begin, end);
        for (Part *part = verify.parts; part; part = part->next)
                pool_push(run->pool, &part->job);
        result = run_wait(run, error);
        while (verify.parts) {
                Part *next = verify.parts->next;

                free(verify.parts);
                verify.parts = next;
        }
        links_clear(&verify.links);
        node_unref(verify.root);
        return result;
}

static int damaged(Error *error, int result, const char *path)
{
        error_set(error, result, "manifest", "the manifest could not be read, or is damaged");
        error_where(error, "%s", path);
        error_next(error, "Write a new one: understudy-tree manifest TREE %s", path);
        return result;
}

int tree_verify(int directory, const char *manifest, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        TreeOptions with_hash = *options;
        _cleanup_run_ Run *run = NULL;
        _cleanup_free_ char *text = NULL;
        TreeFigures figures;
        char *begin = NULL, *end = NULL;
        size_t size = 0;
        int result = manifest_read(manifest, &text, &size);

        if (result == 0)
                result = manifest_check(text, size, &with_hash.hash, &begin, &end);
        if (result < 0)
                return damaged(error, result, manifest);
        result = run_new(&with_hash, &run, error);
        if (result == 0)
                result = verify_parts(run, directory, begin, end, error);
        if (result < 0)
                return result;
        run_figures(run, &figures);
        if (ret_figures)
                *ret_figures = figures;
        if (figures.reported == 0)
                return 0;
        error_set(error, -EUCLEAN, "differs", "the tree is not what its manifest says");
        error_why(error, "%" PRIu64 " differences", figures.reported);
        return -EUCLEAN;
}
