#include "agent/lock.h"

#include <fcntl.h>

int lock_open(int dirfd, const char *path)
{
        int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        return fd < 0 ? -errno : fd;
}

int lock_hold(int fd)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        if (fcntl(fd, F_SETLK, &lock) == 0)
                return 0;
        return errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
}

int lock_take(int dirfd, const char *path, int *ret_fd)
{
        _cleanup_close_ int fd = lock_open(dirfd, path);
        int r = fd < 0 ? fd : lock_hold(fd);

        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}

int lock_holder(int dirfd, const char *path, pid_t *ret)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        *ret = 0;
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fcntl(fd, F_GETLK, &lock) < 0)
                return -errno;
        if (lock.l_type != F_UNLCK)
                *ret = lock.l_pid;
        return 0;
}
