#include "agent/place.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "tree/tree.h"

static const char *const files[] = {"task", "events", "lock", "stderr"};

static int make_directory(const char *directory)
{
        int fd;

        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

// Renamed, for a runner that an earlier daemon may just have started.
int place_make(const char *directory, const uint8_t *task, size_t size)
{
        _cleanup_close_ int dirfd = make_directory(directory);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (dirfd < 0)
                return dirfd;
        fd = openat(dirfd, "task.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : file_write_all(fd, task, size);
        if (r == 0 && renameat(dirfd, "task.new", dirfd, "task") < 0)
                r = -errno;
        return r;
}

// ---- the spare one

static int split(const char *directory, const char **ret_name)
{
        const char *name = strrchr(directory, '/') + 1;
        _cleanup_free_ char *parent = text_copy_n(directory, (size_t)(name - directory));
        int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        *ret_name = name;
        return fd < 0 ? -errno : fd;
}

static void remove_leftover(const char *directory)
{
        const char *name;
        _cleanup_close_ int parent = split(directory, &name);

        if (parent >= 0 && faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                place_remove(parent, name);
}

int place_make_spare(const char *directory)
{
        _cleanup_close_ int dirfd = -EBADF;

        remove_leftover(directory);
        dirfd = make_directory(directory);
        if (dirfd < 0)
                return dirfd;
        for (size_t i = 0; i < ELEMENTS(files); i++) {
                _cleanup_close_ int fd =
                        openat(dirfd, files[i], O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

                if (fd < 0)
                        return -errno;
        }
        return 0;
}

int place_take_spare(const char *spare, const char *directory, const uint8_t *task, size_t size)
{
        _cleanup_free_ char *path = text_format("%s/task", spare);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
        int r = fd < 0 ? -errno : file_write_all(fd, task, size);

        if (r == 0 && rename(spare, directory) < 0)
                r = -errno;
        return r;
}

// ---- its end

// Most hold these files and nothing else, and the engine's threads cost more than they.
static bool remove_small(int parent, const char *name)
{
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < ELEMENTS(files); i++)
                (void)!unlinkat(fd, files[i], 0);
        if (fd >= 0)
                (void)!unlinkat(fd, "work", AT_REMOVEDIR);
        return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

void place_remove(int parent, const char *name)
{
        TreeOptions options = {.cancel_fd = -1};
        TreeFigures figures;
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (!remove_small(parent, name) &&
                tree_remove(parent, name, &options, &figures, &error) < 0)
                log_failure(LOG_WARNING, &error);
}
