#include "adopt/quiet.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

int quiet_open(int dirfd, const char *path, int flags)
{
        int r;

        flags |= O_RDONLY | O_NONBLOCK | O_NOCTTY;
        r = file_open_beneath(dirfd, path, flags | O_NOATIME, false);
        return r == -EPERM ? file_open_beneath(dirfd, path, flags, false) : r;
}

int quiet_read(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = quiet_open(dirfd, path, 0);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if ((uint64_t)st.st_size > limit)
                return -EFBIG;
        return file_read_open(fd, (size_t)st.st_size, limit, ret, ret_size);
}
