#include "adopt/quiet.h"

#include <fcntl.h>

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

        return fd < 0 ? fd : file_read_regular(fd, limit, ret, ret_size);
}
