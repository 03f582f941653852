#include "tree/tree.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"
#include "tree/attribute.h"
#include "tree/data.h"
#include "tree/list.h"
#include "tree/xattr.h"

// One call of this library.
typedef struct Run {
        const TreeOptions *options;
        Error *error;
        TreeFigures figures;
        char *path; // relative to the tree
        int64_t reported_us;
        uint64_t device;
        bool replace; // in place: a mirror
        struct Linked {
                uint64_t inode;
                char *path;
        } * linked;
        size_t linked_count;
        int target; // root
        char buffer[LIST_BUFFER];
} Run;

static int fail(Run *run, int result, const char *code, const char *what)
{
        _cleanup_free_ char *path = text_escape(run->path, strlen(run->path));

        if (result == -ECANCELED)
                return error_set(run->error, result, "canceled", "the work was canceled");
        error_set(run->error, result, code, "%s", what);
        error_where(run->error, "%s", path[0] ? path : ".");
        if (result == -ENOSPC || result == -EDQUOT)
                error_next(run->error, "Free space or raise the quota, then run it again");
        return result;
}

static void tell(Run *run, TreeEventKind kind, const char *why)
{
        _cleanup_free_ char *path = text_escape(run->path, strlen(run->path));

        if (run->options->event &&
                (kind == TREE_SPECIAL || run->options->dry_run || run->options->verbose))
                run->options->event(run->options->userdata, kind, path, why);
}

static int poll_owner(Run *run)
{
        struct pollfd cancel = {.fd = run->options->cancel_fd, .events = POLLIN};
        int64_t now = clock_monotonic_us();

        if (now - run->reported_us < 100 * US_PER_MS)
                return 0;
        run->reported_us = now;
        if (cancel.fd >= 0 && poll(&cancel, 1, 0) > 0)
                return -ECANCELED;
        if (run->options->progress)
                return run->options->progress(run->options->userdata, &run->figures, run->path);
        return 0;
}

static int wrote(void *userdata, uint64_t bytes)
{
        Run *run = userdata;

        run->figures.bytes += bytes;
        return poll_owner(run);
}

static size_t path_enter(Run *run, const char *name)
{
        size_t before = strlen(run->path), size = strlen(name);

        run->path = memory_grow(run->path, before + size + 2);
        snprintf(run->path + before, size + 2, "%s%s", before ? "/" : "", name);
        return before;
}

static bool is_excluded(const Run *run)
{
        for (size_t i = 0; i < run->options->exclude_count; i++)
                if (strcmp(run->options->exclude[i], run->path) == 0)
                        return true;
        return false;
}

static void temporary_name(char name[static 48])
{
        uint64_t number = 0;

        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
                number = (uint64_t)clock_monotonic_us();
        snprintf(name, 48, ".understudy-%016llx.tmp", (unsigned long long)number);
}

static int directory_open(int dirfd, const char *name)
{
        int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

// --- removing ---

static int remove_entry(Run *run, int parent, const char *name);

static int remove_content(Run *run, int fd)
{
        _cleanup_list_ List list = LIST_EMPTY;
        int result = list_read(fd, run->buffer, &list);

        for (size_t i = 0; i < list.count && result == 0; i++) {
                size_t before = path_enter(run, list_name(&list, i));

                result = remove_entry(run, fd, list_name(&list, i));
                run->path[before] = '\0';
        }
        return result;
}

static int remove_directory(Run *run, int parent, const char *name, const Meta *meta)
{
        _cleanup_close_ int fd = -EBADF;
        int result;

        if (meta->mount)
                return fail(run, -EXDEV, "mount", "a file system is mounted inside");
        if ((meta->mode & 0700) != 0700 && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(run, -errno, "remove", "a directory could not be opened");
        fd = directory_open(parent, name);
        if (fd < 0)
                return fail(run, fd, "remove", "a directory could not be opened");
        result = remove_content(run, fd);
        if (result < 0)
                return result;
        if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return fail(run, -errno, "remove", "a directory could not be removed");
        return 0;
}

static int remove_entry(Run *run, int parent, const char *name)
{
        Meta meta;
        int result = meta_read(parent, name, &meta);

        if (result == -ENOENT)
                return 0;
        if (result < 0)
                return fail(run, result, "remove", "an entry could not be examined");
        result = poll_owner(run);
        if (result < 0)
                return fail(run, result, "canceled", "the work was canceled");
        if (run->options->dry_run) {
                run->figures.deleted++;
                tell(run, TREE_DELETED, NULL);
                return 0;
        }
        if (S_ISDIR(meta.mode))
                result = remove_directory(run, parent, name, &meta);
        else if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                result = fail(run, -errno, "remove", "an entry could not be removed");
        if (result < 0)
                return result;
        run->figures.deleted++;
        tell(run, TREE_DELETED, NULL);
        return 0;
}

// --- copying one entry ---

static char *link_text(Run *run, const char *text)
{
        const char *from = run->options->link_from, *to = run->options->link_to;
        size_t length = from ? strlen(from) : 0;

        if (!from || strncmp(text, from, length) != 0 || (text[length] && text[length] != '/'))
                return text_copy(text);
        return text_format("%s%s", to, text + length);
}

static int read_link(Run *run, int dirfd, const char *name, char **ret)
{
        char text[4097];
        ssize_t n = readlinkat(dirfd, name, text, sizeof(text) - 1);

        if (n < 0)
                return -errno;
        text[n] = '\0';
        *ret = link_text(run, text);
        if (strcmp(*ret, text) != 0)
                run->figures.links_corrected++;
        return 0;
}

static int make_file(
        Run *run, int sdir, const char *name, int ddir, const char *temporary, Meta *meta)
{
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        int result;

        for (int attempt = 0; attempt < 5; attempt++) {
                Meta after, fresh;

                closep(&from);
                closep(&to);
                from = openat(sdir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
                if (from < 0)
                        return errno == ENOENT ? -ENOENT : -ENODATA; // the source's trouble
                result = meta_read(from, "", meta);
                if (result < 0 || !S_ISREG(meta->mode))
                        return -ENODATA;
                if (attempt)
                        (void)unlinkat(ddir, temporary, 0);
                to = openat(ddir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0600);
                if (to < 0)
                        return -errno;
                result = data_copy(from, to, meta, wrote, run);
                if (result < 0)
                        return result;
                result = meta_read(to, "", &fresh);
                if (result < 0)
                        return result;
                result = attribute_set(to, &fresh, meta);
                if (result > 0)
                        tell(run, TREE_SPECIAL, attribute_words((unsigned)result));
                if (result >= 0)
                        result = xattr_make_equal((XattrFile){from}, (XattrFile){to}, false);
                if (result < 0 && result != -EPERM && result != -EACCES && result != -EOPNOTSUPP)
                        return result;
                if (meta_read(from, "", &after) == 0 && meta_same_version(meta, &after))
                        return 0;
        }
        tell(run, TREE_SPECIAL, "it kept changing while it was read");
        return 0;
}

static int make_other(
        Run *run, int sdir, const char *name, int ddir, const char *temporary, const Meta *meta)
{
        _cleanup_free_ char *text = NULL;
        Meta fresh;
        int result = 0;

        if (S_ISLNK(meta->mode)) {
                result = read_link(run, sdir, name, &text);
                if (result < 0)
                        return result == -EINVAL ? -ENOENT : result;
                result = symlinkat(text, ddir, temporary) < 0 ? -errno : 0;
        } else {
                result = mknodat(ddir, temporary, meta->mode & (S_IFMT | 0600), 0) < 0 ? -errno : 0;
        }
        if (result < 0)
                return result;
        result = meta_read(ddir, temporary, &fresh);
        if (result == 0)
                result = attribute_set_at(ddir, temporary, &fresh, meta);
        return result < 0 ? result : 0;
}

static const char *linked_path(Run *run, uint64_t inode)
{
        for (size_t i = 0; i < run->linked_count; i++)
                if (run->linked[i].inode == inode)
                        return run->linked[i].path;
        return NULL;
}

static void linked_add(Run *run, uint64_t inode)
{
        run->linked = memory_grow(run->linked, (run->linked_count + 1) * sizeof(*run->linked));
        run->linked[run->linked_count++] =
                (struct Linked){.inode = inode, .path = text_copy(run->path)};
}

// Same file in the target already: nothing to do but attributes.
static bool is_equal(
        Run *run, int sdir, int ddir, const char *name, const Meta *from, const Meta *to)
{
        if ((from->mode & S_IFMT) != (to->mode & S_IFMT) || from->special != to->special)
                return false;
        if (S_ISREG(from->mode))
                return from->size == to->size && (from->links > 1 || to->links == 1) &&
                       meta_time_compare(from->modified, to->modified) == 0;
        if (S_ISLNK(from->mode)) {
                _cleanup_free_ char *want = NULL, *have = NULL;
                uint64_t corrected = run->figures.links_corrected;
                bool equal;
                char text[4097];
                ssize_t n = readlinkat(ddir, name, text, sizeof(text) - 1);

                if (n < 0 || read_link(run, sdir, name, &want) < 0)
                        return false;
                text[n] = '\0';
                equal = strcmp(want, text) == 0;
                run->figures.links_corrected = corrected;
                return equal;
        }
        return true;
}

static int publish(Run *run, int ddir, const char *temporary, const char *name, const Meta *have)
{
        if (have && S_ISDIR(have->mode)) {
                int result = remove_entry(run, ddir, name);

                if (result < 0)
                        return result;
        }
        return renameat(ddir, temporary, ddir, name) < 0 ? -errno : 0;
}

static int copy_linked(Run *run, int ddir, const char *name, const char *leader, const Meta *have)
{
        char temporary[48];
        Meta first;
        int result = meta_read(run->target, leader, &first);

        if (result < 0)
                return result;
        if (have && have->inode == first.inode)
                return 0;
        temporary_name(temporary);
        if (linkat(run->target, leader, ddir, temporary, 0) < 0)
                return -errno;
        return publish(run, ddir, temporary, name, have);
}

static int copy_other(Run *run, int sdir, int ddir, const char *name, Meta *from, const Meta *have)
{
        char temporary[48];
        const char *leader = from->links > 1 ? linked_path(run, from->inode) : NULL;
        int result;

        if (leader)
                return copy_linked(run, ddir, name, leader, have);
        if (from->links > 1)
                linked_add(run, from->inode);
        if (have && is_equal(run, sdir, ddir, name, from, have)) {
                result = attribute_set_at(ddir, name, have, from);
                return result < 0 ? result
                                  : xattr_make_equal((XattrFile){sdir, name},
                                            (XattrFile){ddir, name}, false);
        }
        tell(run, have ? TREE_CHANGED : TREE_ADDED, NULL);
        if (run->options->dry_run)
                return 0;
        temporary_name(temporary);
        if (S_ISREG(from->mode))
                result = make_file(run, sdir, name, ddir, temporary, from);
        else
                result = make_other(run, sdir, name, ddir, temporary, from);
        if (result == 0 && S_ISREG(from->mode))
                run->figures.copied++;
        if (result == 0)
                result = publish(run, ddir, temporary, name, have);
        if (result < 0)
                (void)unlinkat(ddir, temporary, 0);
        return result;
}

// --- directories ---

static int copy_directory(Run *run, int sdir, int ddir, const Meta *meta);

static int copy_subdirectory(
        Run *run, int sdir, int ddir, const char *name, const Meta *from, const Meta *have)
{
        _cleanup_close_ int s = directory_open(sdir, name), d = -EBADF;

        if (s == -ENOENT)
                return 0;
        if (s < 0) {
                tell(run, TREE_SPECIAL, strerror(-s));
                return 0;
        }
        if (have && !S_ISDIR(have->mode) && unlinkat(ddir, name, 0) < 0)
                return -errno;
        if ((!have || !S_ISDIR(have->mode)) && mkdirat(ddir, name, 0700) < 0)
                return -errno;
        d = directory_open(ddir, name);
        if (d < 0)
                return d;
        return copy_directory(run, s, d, from);
}

static int copy_entry(Run *run, int sdir, int ddir, const char *name)
{
        Meta from, have, *present = NULL;
        int result = meta_read(sdir, name, &from);

        if (result < 0)
                return 0; // gone since the directory was listed
        run->figures.files++;
        result = poll_owner(run);
        if (result < 0)
                return result;
        if (meta_read(ddir, name, &have) == 0)
                present = &have;
        if (from.device != run->device || S_ISSOCK(from.mode)) {
                tell(run, TREE_SPECIAL, S_ISSOCK(from.mode) ? "socket" : "another file system");
                return 0;
        }
        if (!S_ISDIR(from.mode))
                return copy_other(run, sdir, ddir, name, &from, present);
        if (run->options->dry_run && !present) {
                tell(run, TREE_ADDED, NULL);
                return 0;
        }
        return copy_subdirectory(run, sdir, ddir, name, &from, present);
}

static int delete_extra(Run *run, int sdir, int ddir, const List *list)
{
        for (size_t i = 0; i < list->count; i++) {
                size_t before = path_enter(run, list_name(list, i));
                int result = 0;
                Meta meta;

                if (!is_excluded(run) && meta_read(sdir, list_name(list, i), &meta) == -ENOENT)
                        result = remove_entry(run, ddir, list_name(list, i));
                run->path[before] = '\0';
                if (result < 0)
                        return result;
        }
        return 0;
}

static int copy_directory(Run *run, int sdir, int ddir, const Meta *meta)
{
        _cleanup_list_ List list = LIST_EMPTY, present = LIST_EMPTY;
        Meta have;
        int result = list_read(sdir, run->buffer, &list);

        if (result < 0)
                return fail(run, result, "read", "a directory could not be listed");
        if (run->replace) {
                result = list_read(ddir, run->buffer, &present);
                if (result == 0)
                        result = delete_extra(run, sdir, ddir, &present);
                if (result < 0)
                        return result;
        }
        for (size_t i = 0; i < list.count; i++) {
                size_t before = path_enter(run, list_name(&list, i));

                if (!is_excluded(run))
                        result = copy_entry(run, sdir, ddir, list_name(&list, i));
                if (result == -ENODATA || result == -ENOENT) {
                        if (result == -ENODATA)
                                tell(run, TREE_SPECIAL, "unreadable");
                        result = 0;
                }
                if (result < 0 && !(run->error && run->error->code))
                        fail(run, result, "copy", "an entry could not be copied");
                run->path[before] = '\0';
                if (result < 0)
                        return result;
        }
        if (run->options->dry_run)
                return 0;
        result = meta_read(ddir, "", &have);
        if (result == 0)
                result = attribute_set(ddir, &have, meta);
        if (result > 0)
                tell(run, TREE_SPECIAL, attribute_words((unsigned)result));
        if (result >= 0)
                result = xattr_make_equal((XattrFile){sdir}, (XattrFile){ddir}, false);
        return result < 0 ? fail(run, result, "copy", "a directory's attributes could not be set")
                          : 0;
}

static void run_free(Run *run)
{
        for (size_t i = 0; i < run->linked_count; i++)
                free(run->linked[i].path);
        free(run->linked);
        free(run->path);
        free(run);
}

static Run *run_new(const TreeOptions *options, Error *error)
{
        Run *run = memory_new(sizeof(*run));

        run->options = options;
        run->error = error;
        run->path = text_copy("");
        return run;
}

DEFINE_CLEANUP(Run *, run_free)
#define _cleanup_run_ _cleanup_(run_freep)

static int finish(Run *run, int target, TreeFigures *ret)
{
        if (!run->options->dry_run && syncfs(target) < 0)
                return fail(run, -errno, "sync", "the copy could not be made durable");
        if (ret)
                *ret = run->figures;
        return 0;
}

int tree_clone(int source, int target_parent, const char *target_name, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = run_new(options, error);
        _cleanup_free_ char *staged = text_format(".%s.understudy-clone", target_name);
        _cleanup_close_ int target = -EBADF;
        Meta meta, present;
        int result = meta_read(source, "", &meta);

        if (result < 0)
                return fail(run, result, "source", "the source could not be examined");
        if (meta_read(target_parent, target_name, &present) == 0)
                return fail(run, -EEXIST, "exists", "the target exists already");
        if (options->dry_run)
                return 0;
        result = remove_entry(run, target_parent, staged);
        if (result < 0)
                return result;
        run->figures = (TreeFigures){0};
        if (mkdirat(target_parent, staged, 0700) < 0)
                return fail(run, -errno, "target", "the target could not be made");
        target = directory_open(target_parent, staged);
        if (target < 0)
                return fail(run, target, "target", "the target could not be opened");
        run->device = meta.device;
        run->target = target;
        result = copy_directory(run, source, target, &meta);
        if (result == 0)
                result = finish(run, target, ret_figures);
        if (result == 0 &&
                renameat2(target_parent, staged, target_parent, target_name, RENAME_NOREPLACE) < 0)
                result = fail(run, -errno, "publish", "the target could not be put in place");
        if (result == 0 && fsync(target_parent) < 0)
                result = fail(run, -errno, "sync", "the copy could not be made durable");
        return result;
}

int tree_mirror(
        int source, int target, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = run_new(options, error);
        Meta meta;
        int result = meta_read(source, "", &meta);

        if (result < 0)
                return fail(run, result, "source", "the source could not be examined");
        run->device = meta.device;
        run->target = target;
        run->replace = true;
        result = copy_directory(run, source, target, &meta);
        return result < 0 ? result : finish(run, target, ret_figures);
}

int tree_remove(int parent, const char *name, const TreeOptions *options, TreeFigures *ret_figures,
        Error *error)
{
        _cleanup_run_ Run *run = run_new(options, error);
        int result = remove_entry(run, parent, name);

        if (result == 0 && ret_figures)
                *ret_figures = run->figures;
        return result;
}

static int measure(Run *run, int fd)
{
        _cleanup_list_ List list = LIST_EMPTY;
        int result = list_read(fd, run->buffer, &list);

        for (size_t i = 0; i < list.count && result == 0; i++) {
                size_t before = path_enter(run, list_name(&list, i));
                Meta meta;

                if (!is_excluded(run) && meta_read(fd, list_name(&list, i), &meta) == 0) {
                        run->figures.files++;
                        run->figures.bytes += meta.blocks * 512;
                        result = poll_owner(run);
                        if (result == 0 && S_ISDIR(meta.mode) && !meta.mount) {
                                _cleanup_close_ int child = directory_open(fd, list_name(&list, i));

                                if (child >= 0)
                                        result = measure(run, child);
                        }
                }
                run->path[before] = '\0';
        }
        return result;
}

int tree_measure(int directory, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = run_new(options, error);
        int result = measure(run, directory);

        if (result < 0)
                return fail(run, result, "measure", "a directory could not be listed");
        if (ret_figures)
                *ret_figures = run->figures;
        return 0;
}
