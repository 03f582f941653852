#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"

int file_read_open(int fd, size_t expected, size_t limit, char **ret, size_t *ret_size)
{
        size_t size = 0,
               room = expected + 1; // one more, to see the end of a file that has not grown
        _cleanup_free_ char *data = memory_new(room + 1);

        for (;;) {
                ssize_t n = read(fd, data + size, room - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > limit)
                        return -EFBIG;
                if (size == room) {
                        room *= 2;
                        data = memory_grow(data, room + 1);
                }
        }
        data[size] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int file_read_regular(int fd, size_t limit, char **ret, size_t *ret_size)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if ((uint64_t)st.st_size > limit)
                return -EFBIG;
        return file_read_open(fd, (size_t)st.st_size, limit, ret, ret_size);
}

int file_read_at(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        return fd < 0 ? -errno : file_read_regular(fd, limit, ret, ret_size);
}

int file_read(const char *path, size_t limit, char **ret, size_t *ret_size)
{
        return file_read_at(AT_FDCWD, path, limit, ret, ret_size);
}

int file_write_all(int fd, const void *data, size_t size)
{
        const char *at = data;

        while (size > 0) {
                ssize_t n = write(fd, at, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                at += n;
                size -= (size_t)n;
        }
        return 0;
}

// A name beside `path` that nobody else uses.
static char *name_beside(const char *path)
{
        uint64_t number = 0;
        const char *slash = strrchr(path, '/');
        int directory = slash ? (int)(slash - path + 1) : 0;

        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
                abort();
        return text_format("%.*s.understudy-%016llx", directory, path, (unsigned long long)number);
}

int file_sync_parent_at(int dirfd, const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = !slash          ? text_copy(".")
                                      : slash == path ? text_copy("/")
                                                      : text_copy_n(path, (size_t)(slash - path));
        _cleanup_close_ int fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

int file_write_at(int dirfd, const char *path, const void *data, size_t size, mode_t mode)
{
        _cleanup_free_ char *temporary = name_beside(path);
        _cleanup_close_ int fd =
                openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return -errno;
        r = file_write_all(fd, data, size);
        if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
                              renameat(dirfd, temporary, dirfd, path) < 0))
                r = -errno;
        if (r < 0) {
                unlinkat(dirfd, temporary, 0);
                return r;
        }
        return file_sync_parent_at(dirfd, path);
}

int file_write(const char *path, const void *data, size_t size, mode_t mode)
{
        return file_write_at(AT_FDCWD, path, data, size, mode);
}

int file_make_directories(const char *path, mode_t mode)
{
        _cleanup_free_ char *partial = text_copy(path);
        struct stat st;

        for (char *at = partial + 1;; at++) {
                char here = *at;

                if (here != '/' && here != '\0')
                        continue;
                *at = '\0';
                if (mkdir(partial, mode) < 0 && errno != EEXIST)
                        return -errno;
                if (here == '\0')
                        break;
                *at = here;
        }
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_open_beneath(int dirfd, const char *path, int flags, bool follow)
{
        struct open_how how = {
                .flags = (uint64_t)(flags | O_CLOEXEC),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                           (follow ? 0 : RESOLVE_NO_SYMLINKS),
        };
        long fd;

        do
                fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        return fd < 0 ? -errno : (int)fd;
}

int file_read_link_at(int dirfd, const char *path, char **ret)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dirfd, path, target, sizeof(target));

        if (n < 0)
                return -errno;
        if ((size_t)n == sizeof(target))
                return -ENAMETOOLONG;
        *ret = text_copy_n(target, (size_t)n);
        return 0;
}

int file_replace_link_at(int dirfd, const char *path, const char *target)
{
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        // Always the same one, so that what a killed process left is found and goes away.
        _cleanup_free_ char *temporary =
                text_format("%.*s.%s.understudy", (int)(name - path), path, name);
        int r;

        if (unlinkat(dirfd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        if (symlinkat(target, dirfd, temporary) < 0)
                return -errno;
        if (renameat(dirfd, temporary, dirfd, path) < 0) {
                r = -errno;
                unlinkat(dirfd, temporary, 0);
                return r;
        }
        return file_sync_parent_at(dirfd, path);
}

int file_resolve(const char *path, char **ret)
{
        char *resolved = realpath(path, NULL);

        if (!resolved)
                return -errno;
        *ret = resolved;
        return 0;
}

bool file_is_beneath(const char *path, const char *directory)
{
        size_t length = strlen(directory);

        while (length > 0 && directory[length - 1] == '/')
                length--;
        return strncmp(path, directory, length) == 0 &&
               (path[length] == '\0' || path[length] == '/');
}
