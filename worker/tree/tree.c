#include "tree/tree.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "tree/cache.h"
#include "tree/manifest.h"
#include "tree/mirror.h"
#include "tree/remove.h"
#include "tree/sync.h"
#include "tree/xattr.h"

enum {
        DELETE_PERCENT = 50,
        DELETE_FREE = 100,            // deletions that no guard asks about
        XFS_CLONE_LEAST = 256 * 1024, // bytes: below, sharing costs more than copying
        FS_EXT4 = 0xef53,
        FS_BTRFS = 0x9123683e,
        FS_XFS = 0x58465342,
        FS_BCACHEFS = 0xca451a4e,
};

static int64_t clock_tick_ns(void)
{
        struct timespec tick = {.tv_nsec = 10 * 1000 * 1000};

        clock_getres(CLOCK_REALTIME_COARSE, &tick);
        return tick.tv_nsec + tick.tv_sec * INT64_C(1000000000);
}

// umask(2) cannot be asked without being changed, for all threads.
static mode_t mask_read(void)
{
        _cleanup_free_ char *text = NULL;
        const char *line;

        if (file_read("/proc/self/status", 64 * 1024, &text, NULL) < 0)
                return 0;
        line = strstr(text, "\nUmask:");
        return line ? (mode_t)strtoul(line + 7, NULL, 8) & 0777 : 0;
}

static void mirror_free(Mirror *mirror)
{
        while (mirror->late) {
                Node *node = mirror->late;

                mirror->late = node->late_next;
                while (node->late) {
                        Late *late = node->late;

                        node->late = late->next;
                        free(late);
                }
                node_unref(node);
        }
        links_clear(&mirror->links);
        links_clear(&mirror->touched);
        cache_end(mirror);
        manifest_free(mirror->manifest);
        node_unref(mirror->root);
        pthread_mutex_destroy(&mirror->lock);
        free(mirror);
}
DEFINE_CLEANUP(Mirror *, mirror_free)
#define _cleanup_mirror_ _cleanup_(mirror_freep)

// The root's node, on descriptors that stay the caller's.
static int mirror_new(Run *run, int source, int target, Mirror **ret, Error *error)
{
        static const uint64_t root_key[2] = {CACHE_KEY_ROOT};
        Mirror *mirror = memory_new(sizeof(*mirror));
        struct statfs fs;
        Meta to = {0};
        int result;

        links_init(&mirror->links);
        links_init(&mirror->touched);
        pthread_mutex_init(&mirror->lock, NULL);
        run->mirror = mirror;
        *ret = mirror;
        mirror->root = node_new(run, NULL, "");
        mirror->root->source = source;
        mirror->root->target = target;
        mirror->full = run->options->full;
        mirror->tick_ns = clock_tick_ns();
        mirror->mask = mask_read();
        memcpy(mirror->root->key, root_key, sizeof(root_key));
        result = meta_read(source, "", &mirror->root->meta);
        if (result < 0)
                return error_set(error, result, "source", "the source could not be examined");
        if (target >= 0)
                result = meta_read(target, "", &to);
        if (result < 0)
                return error_set(error, result, "target", "the target could not be examined");
        if (!S_ISDIR(mirror->root->meta.mode) || (target >= 0 && !S_ISDIR(to.mode)))
                return error_set(error, -ENOTDIR, "not-a-directory",
                        "the source or the target is not a directory");
        mirror->device = mirror->root->meta.device;
        mirror->target_device = to.device;
        if (!run->options->dry_run && !run->options->no_sync)
                run->sync_fd = target;
        if (target < 0 || fstatfs(target, &fs) < 0)
                return 0;
        mirror->reserve_blocks = fs.f_type == FS_EXT4;
        mirror->clone_blocks =
                (fs.f_type == FS_BTRFS || fs.f_type == FS_XFS || fs.f_type == FS_BCACHEFS) &&
                mirror->device == to.device;
        if (fs.f_type == FS_XFS)
                mirror->clone_least = XFS_CLONE_LEAST;
        return 0;
}

static int walk(Run *run, Error *error)
{
        Node *root = node_ref(run->mirror->root);

        root->job = (Job){.work = walk_job};
        pool_push(run->pool, &root->job);
        return run_wait(run, error);
}

// More deletions than a mirror makes in a night: the source may not be what it was.
static int guard(const Run *run, Error *error)
{
        const Mirror *mirror = run->mirror;
        uint64_t percent =
                run->options->delete_percent ? run->options->delete_percent : DELETE_PERCENT;
        uint64_t doomed = atomic_load(&mirror->doomed), present = atomic_load(&mirror->present);

        if (run->options->anyway || doomed < DELETE_FREE || doomed * 100 <= present * percent)
                return 0;
        error_set(error, -ENOTEMPTY, "too-many-deletions", "nothing was deleted from the target");
        error_why(error, "%llu of its %llu entries are not in the source",
                (unsigned long long)doomed, (unsigned long long)present);
        error_next(error, "Look at the source; if it is right, delete anyway (--anyway)");
        return -ENOTEMPTY;
}

static int settle(Run *run, Error *error)
{
        int result;

        settle_deletions(run);
        result = run_wait(run, error);
        if (result < 0)
                return result;
        settle_links(run);
        return run_wait(run, error);
}

static void figures_end(Run *run, TreeFigures *ret)
{
        TreeFigures figures;

        run_figures(run, &figures);
        figures.files_total = figures.files;
        figures.bytes_total = figures.bytes;
        if (ret)
                *ret = figures;
}

// --- clone ---

// A name that says whose it is, so that the next run finds what a killed one left.
static char *staged_name(const char *target_name)
{
        return text_format(".%.230s.understudy-clone", target_name);
}

static int remove_named(Run *run, int parent, const char *name, Error *error);

static int stage(Run *run, int parent, const char *staged, int *ret, Error *error)
{
        int result = remove_named(run, parent, staged, error), fd;

        if (result < 0)
                return result;
        if (mkdirat(parent, staged, 0700) < 0) {
                error_set(error, -errno, "target", "the target's directory could not be made");
                return -errno;
        }
        fd = directory_open(parent, staged);
        if (fd >= 0)
                result = xattr_remove_all((XattrFile){fd, NULL});
        if (fd < 0 || result < 0) {
                closep(&fd);
                return error_set(error, fd < 0 ? fd : result, "target",
                        "the target's directory could not be prepared");
        }
        *ret = fd;
        return 0;
}

static int clone_publish(
        const Run *run, int parent, const char *staged, const char *name, Error *error)
{
        int result;

        if (renameat2(parent, staged, parent, name, RENAME_NOREPLACE) < 0) {
                result = error_set(error, -errno, "publish", "the clone could not be put in place");
                error_where(error, "%s", name);
                return result;
        }
        if (!run->options->no_sync && fsync(parent) < 0)
                return error_set(error, -errno, "sync", "the clone could not be made durable");
        return 0;
}

static int clone_fill(Run *run, int source, int target, Error *error)
{
        Mirror *mirror_held = NULL;
        int result = mirror_new(run, source, target, &mirror_held, error);
        _cleanup_mirror_ Mirror *mirror = mirror_held;

        if (result < 0)
                return result;
        mirror->root->fresh = target >= 0;
        mirror->root->absent = target < 0;
        if (run->options->manifest && !run->options->dry_run)
                result = manifest_new(
                        run->options->manifest, run->options->hash, &mirror->manifest, error);
        if (result < 0)
                return result;
        result = walk(run, error);
        if (result == 0)
                result = settle(run, error);
        if (result == 0 && !run->options->dry_run && !run->options->no_sync)
                result = sync_file_system(run, target, error);
        if (result == 0 && mirror->manifest)
                result = manifest_commit(mirror->manifest, run->options->manifest, error);
        return result;
}

// Half a clone only takes space. A cancel does not wait for that: the next run removes it.
static void discard(const TreeOptions *options, int parent, const char *staged)
{
        TreeOptions plain = {.cancel_fd = options->cancel_fd, .threads = 1};
        _cleanup_run_ Run *run = NULL;
        _cleanup_error_ Error ignored = ERROR_EMPTY;

        if (run_new(&plain, &run, &ignored) == 0)
                (void)!remove_named(run, parent, staged, &ignored);
}

static int clone_staged(
        Run *run, int source, int parent, const char *name, TreeFigures *ret, Error *error)
{
        _cleanup_free_ char *staged = staged_name(name);
        _cleanup_close_ int target = -EBADF;
        int result = stage(run, parent, staged, &target, error);

        if (result < 0)
                return result;
        result = clone_fill(run, source, target, error);
        if (result == 0)
                result = clone_publish(run, parent, staged, name, error);
        if (result == 0)
                figures_end(run, ret);
        else if (!text_equal(error ? error->code : NULL, "canceled"))
                discard(run->options, parent, staged);
        return result;
}

int tree_clone(int source, int target_parent, const char *target_name, const TreeOptions *options,
        TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = NULL;
        Meta present;
        int result = run_new(options, &run, error);

        if (result < 0)
                return result;
        if (meta_read(target_parent, target_name, &present) == 0) {
                error_set(error, -EEXIST, "exists", "the target of the clone exists already");
                error_where(error, "%s", target_name);
                error_next(error, "Choose another name, or remove it first");
                return -EEXIST;
        }
        if (!options->dry_run)
                return clone_staged(run, source, target_parent, target_name, ret_figures, error);
        result = clone_fill(run, source, -EBADF, error);
        if (result == 0)
                figures_end(run, ret_figures);
        return result;
}

// --- mirror ---

static int has_entries(int fd, const char *buffer, size_t *ret)
{
        _cleanup_list_ List list = LIST_EMPTY;
        int result = list_read(fd, (char *)buffer, &list);

        *ret = list.count;
        return result;
}

// An empty source is a mount that is missing more often than a wish.
static int check_source(Run *run, int source, int target, Error *error)
{
        size_t from = 0, to = 0;
        int result = has_entries(source, run->workers[0].list_buffer, &from);

        if (result < 0)
                return error_set(error, result, "source", "the source could not be listed");
        if (from > 0 || run->options->anyway)
                return 0;
        result = has_entries(target, run->workers[0].list_buffer, &to);
        if (result < 0)
                return error_set(error, result, "target", "the target could not be listed");
        if (to == 0)
                return 0;
        error_set(error, -ENODATA, "empty-source", "the source is empty and the target is not");
        error_why(error, "it may not be mounted");
        error_next(error, "Look at the source; if it is right, mirror it anyway (--anyway)");
        return -ENODATA;
}

static int mirror_run(Run *run, int target, Error *error)
{
        int result = walk(run, error), late;
        TreeFigures figures;

        if (result == 0)
                result = guard(run, error);
        if (result == 0)
                result = settle(run, error);
        if (result < 0 || run->options->dry_run)
                return result;
        run_figures(run, &figures);
        if (figures.changed > 0 && !run->options->no_sync)
                result = sync_file_system(run, target, error);
        late = result;
        if (late == 0)
                result = cache_commit(run, figures.files, error);
        return result;
}

int tree_mirror(
        int source, int target, const TreeOptions *options, TreeFigures *ret_figures, Error *error)
{
        _cleanup_run_ Run *run = NULL;
        _cleanup_mirror_ Mirror *mirror = NULL;
        int result = run_new(options, &run, error);

        if (result == 0)
                result = mirror_new(run, source, target, &mirror, error);
        if (result == 0)
                result = check_source(run, source, target, error);
        if (result == 0)
                result = cache_begin(run, source, target, error);
        if (result == 0)
                result = mirror_run(run, target, error);
        if (result == 0)
                figures_end(run, ret_figures);
        return result;
}

// --- remove and measure ---

typedef struct Removing {
        Job job;
        Run *run;
        int parent;
        const char *name;
} Removing;

static void removing_job(void *argument, Job *job)
{
        Removing *removing = (Removing *)job;
        Node *root = node_new(removing->run, NULL, "");

        if (remove_entry(argument, root, removing->parent, removing->name, removing->name, true) <
                0)
                atomic_store(&root->dirty, true); // told by run_fail
        node_unref(root);
}

static int remove_named(Run *run, int parent, const char *name, Error *error)
{
        Removing removing = {
                .job = {.work = removing_job}, .run = run, .parent = parent, .name = name};

        pool_push(run->pool, &removing.job);
        return run_wait(run, error);
}

int tree_remove(int parent, const char *name, const TreeOptions *options, TreeFigures *ret_figures,
        Error *error)
{
        _cleanup_run_ Run *run = NULL;
        _cleanup_free_ char *staged = staged_name(name);
        int result = run_new(options, &run, error);

        if (result == 0)
                result = remove_named(run, parent, name, error);
        if (result == 0)
                result = remove_named(run, parent, staged, error);
        if (result == 0 && ret_figures)
                figures_end(run, ret_figures);
        return result;
}
