#include "site/site_file.h"

#include <fcntl.h>

#include "base/file.h"

int site_file_read(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_size,
        struct stat *ret_stat)
{
        _cleanup_close_ int fd =
                file_open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, false);

        if (fd < 0)
                return fd;
        if (ret_stat && fstat(fd, ret_stat) < 0)
                return -errno;
        return file_read_regular(fd, limit, ret, ret_size);
}

int site_file_write(
        int dirfd, const char *name, const void *data, size_t size, const struct stat *like)
{
        // One name for all attempts: a killed one's file is found and overwritten.
        _cleanup_free_ char *temporary = text_format(".%s.understudy-new", name);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (unlinkat(dirfd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, data, size);
        if (r == 0 && fchown(fd, like->st_uid, like->st_gid) < 0 && geteuid() == 0)
                r = -errno;
        if (r == 0 && (fchmod(fd, like->st_mode & 07777) < 0 || fsync(fd) < 0 ||
                              renameat(dirfd, temporary, dirfd, name) < 0))
                r = -errno;
        if (r < 0) {
                unlinkat(dirfd, temporary, 0);
                return r;
        }
        return fsync(dirfd) < 0 ? -errno : 0;
}
