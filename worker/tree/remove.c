#include "tree/remove.h"

#include <fcntl.h>

#include "base/text.h"
#include "tree/exclude.h"

enum {
        // Deeper directories are moved up before they are emptied, so that neither descriptors nor
        // stack run out however deep somebody made them.
        LEVELS_MAX = 256,

        // What becomes of an entry, beside 0 (removed) and a negative errno.
        STAYS = 1,
        MOVED = 2, // to be met again
};

typedef struct Removal {
        Worker *worker;
        Node *node; // of which the paths are relative
        bool tell_only;
        bool count_only;
        bool strict;
        uint64_t entries;
        char *path; // of the present entry
        size_t length, room;
        int top;    // the topmost directory that is removed
        bool moved; // something was moved up into it
        unsigned level;
} Removal;

static int entry_remove(Removal *removal, int dirfd, const char *name);

static size_t path_enter(Removal *removal, const char *name)
{
        size_t before = removal->length, size = strlen(name);

        if (before + size + 2 > removal->room) {
                removal->room = (before + size + 2) * 2;
                removal->path = memory_grow(removal->path, removal->room);
        }
        if (before)
                removal->path[removal->length++] = '/';
        memcpy(removal->path + removal->length, name, size + 1);
        removal->length += size;
        return before;
}

static void path_leave(Removal *removal, size_t before)
{
        removal->length = before;
        removal->path[before] = '\0';
}

static int failed(Removal *removal, int result, const char *what)
{
        return run_fail(removal->worker->run, removal->node, removal->path, result, "remove", what);
}

static int content_remove(Removal *removal, int fd)
{
        _cleanup_list_ List list = LIST_EMPTY;
        int result = list_read(fd, removal->worker->list_buffer, &list), stays = 0;

        if (result < 0)
                return failed(removal, result, "a directory could not be listed");
        for (size_t i = 0; i < list.count; i++) {
                size_t before = path_enter(removal, list_name(&list, i));

                result = entry_remove(removal, fd, list_name(&list, i));
                path_leave(removal, before);
                if (result < 0)
                        return result;
                if (result == STAYS)
                        stays = STAYS;
        }
        return stays;
}

static bool is_left_out(const Removal *removal)
{
        const Run *run = removal->worker->run;
        _cleanup_free_ char *path = NULL;

        if (!run->options->exclude_count)
                return false;
        path = node_raw_path(removal->node, removal->path);
        return exclude_path(run, path);
}

static int move_up(Removal *removal, int dirfd, const char *name)
{
        char temporary[TEMPORARY_SIZE];

        temporary_name(temporary);
        if (renameat(dirfd, name, removal->top, temporary) < 0)
                return failed(removal, -errno, "a deep directory could not be moved");
        removal->moved = true;
        return MOVED;
}

static int directory_enter(Removal *removal, int dirfd, const char *name, const Meta *meta)
{
        int fd;

        if (!removal->tell_only && !removal->worker->run->rights.root &&
                (meta->mode & 0700) != 0700 && fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
                return failed(removal, -errno, "a directory could not be made writable");
        fd = directory_open(dirfd, name);
        return fd < 0 ? failed(removal, fd, "a directory could not be opened") : fd;
}

static int content_remove_all(Removal *removal, int fd)
{
        int result;

        removal->level++;
        if (removal->level == 1)
                removal->top = fd;
        do {
                removal->moved = removal->level == 1 ? false : removal->moved;
                result = content_remove(removal, fd);
        } while (result >= 0 && removal->level == 1 && removal->moved);
        removal->level--;
        return result;
}

static int directory_remove(Removal *removal, int dirfd, const char *name, const Meta *meta)
{
        _cleanup_close_ int fd = -EBADF;
        int result;

        if (meta->mount) {
                if (removal->strict)
                        return failed(removal, -EXDEV, "a file system is mounted inside");
                if (!removal->count_only)
                        run_tell(removal->worker, TREE_SPECIAL, removal->node, removal->path,
                                "another file system is mounted there: not removed");
                return STAYS;
        }
        if (removal->level >= LEVELS_MAX)
                return removal->tell_only ? 0 : move_up(removal, dirfd, name);
        fd = directory_enter(removal, dirfd, name, meta);
        if (fd < 0)
                return fd;
        result = content_remove_all(removal, fd);
        if (result != 0 || removal->tell_only)
                return result;
        if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        return failed(removal, -errno, "a directory could not be removed");
}

static int entry_remove(Removal *removal, int dirfd, const char *name)
{
        Worker *worker = removal->worker;
        Meta meta;
        int result;

        if (run_stopped(worker->run))
                return atomic_load(&worker->run->stop);
        if (is_left_out(removal))
                return STAYS;
        result = meta_read(dirfd, name, &meta);
        if (result == -ENOENT)
                return 0;
        if (result < 0)
                return failed(removal, result, "an entry could not be examined");
        removal->entries++;
        if (S_ISDIR(meta.mode))
                result = directory_remove(removal, dirfd, name, &meta);
        else if (!removal->tell_only && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
                result = failed(removal, -errno, "an entry could not be removed");
        if (result != 0 || removal->count_only)
                return result;
        COUNT(worker, deleted, 1);
        if (S_ISDIR(meta.mode) || meta.links == 1)
                COUNT(worker, freed, meta.blocks * 512);
        COUNT(worker, changed, 1);
        throttle_pace(&worker->run->throttle, 0);
        run_tell(worker, TREE_DELETED, removal->node, removal->path, NULL);
        return 0;
}

static int run_removal(Removal *removal, int dirfd, const char *name, const char *shown)
{
        int result;

        path_enter(removal, shown);
        result = entry_remove(removal, dirfd, name);
        free(removal->path);
        return result;
}

uint64_t remove_count(Worker *worker, Node *node, const char *name)
{
        Removal removal = {.worker = worker, .node = node, .tell_only = true, .count_only = true};

        if (run_removal(&removal, node->target, name, name) < 0 || removal.entries == 0)
                return 0;
        return removal.entries - 1;
}

int remove_entry(
        Worker *worker, Node *node, int dirfd, const char *name, const char *shown, bool strict)
{
        Removal removal = {.worker = worker,
                .node = node,
                .strict = strict,
                .tell_only = worker->run->options->dry_run};
        int result = run_removal(&removal, dirfd, name, shown);

        return result < 0 ? result : 0;
}
