#include "tree/data.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

static int write_at(int fd, const char *data, size_t size, uint64_t at)
{
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, (off_t)at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
                at += (uint64_t)n;
        }
        return 0;
}

// Both ways of copying handle [*at, end); *at stops before `end` where the file does.
static int copy_by_reading(DataCopy *copy, uint64_t *at, uint64_t end)
{
        while (*at < end) {
                size_t room = end - *at < DATA_BUFFER ? (size_t)(end - *at) : DATA_BUFFER;
                ssize_t n = pread(copy->from, copy->buffer, room, (off_t)*at);
                int result = 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                if (copy->to >= 0)
                        result = write_at(copy->to, copy->buffer, (size_t)n, *at);
                if (result < 0)
                        return result;
                if (copy->hasher)
                        hasher_add(copy->hasher, copy->buffer, (size_t)n);
                *at += (uint64_t)n;
                result = copy->step(copy->userdata, (uint64_t)n);
                if (result < 0)
                        return result;
        }
        return 0;
}

static bool is_unable(int error)
{
        return error == EXDEV || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS;
}

static int copy_in_kernel(DataCopy *copy, uint64_t *at, uint64_t end)
{
        while (*at < end) {
                off_t in = (off_t)*at, out = (off_t)*at;
                size_t room = end - *at < DATA_CHUNK ? (size_t)(end - *at) : DATA_CHUNK;
                ssize_t n = copy_file_range(copy->from, &in, copy->to, &out, room, 0);
                int result;

                if (n < 0 && errno == EINTR)
                        continue;
                // Some file systems answer 0 where they are not able.
                if ((n < 0 && is_unable(errno)) || (n == 0 && *at == 0))
                        return copy_by_reading(copy, at, end);
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                *at += (uint64_t)n;
                result = copy->step(copy->userdata, (uint64_t)n);
                if (result < 0)
                        return result;
        }
        return 0;
}

static int copy_range(DataCopy *copy, uint64_t *at, uint64_t end)
{
        if (copy->hasher || copy->to < 0)
                return copy_by_reading(copy, at, end);
        return copy_in_kernel(copy, at, end);
}

static int copy_with_holes(DataCopy *copy, uint64_t size)
{
        uint64_t at = 0;

        while (at < size) {
                off_t data = lseek(copy->from, (off_t)at, SEEK_DATA), hole;
                int result;

                if (data < 0 && errno != ENXIO)
                        return -errno;
                if (data < 0 || (uint64_t)data > size)
                        data = (off_t)size;
                if (copy->hasher)
                        hasher_add_zeros(copy->hasher, (uint64_t)data - at);
                at = (uint64_t)data;
                if (at == size)
                        break;
                hole = lseek(copy->from, data, SEEK_HOLE);
                if (hole < 0)
                        return errno == ENXIO ? 0 : -errno; // it got shorter
                result = copy_range(copy, &at, (uint64_t)hole < size ? (uint64_t)hole : size);
                if (result < 0)
                        return result;
                if (at < (uint64_t)hole && at < size)
                        return 0;
        }
        return copy->to >= 0 && ftruncate(copy->to, (off_t)size) < 0 ? -errno : 0;
}

int data_copy(DataCopy *copy, const Meta *meta)
{
        uint64_t at = 0;

        if (meta->size == 0)
                return 0;
        if (copy->clone && ioctl(copy->to, FICLONE, copy->from) == 0)
                return copy->step(copy->userdata, meta->size);
        if (meta_has_holes(meta))
                return copy_with_holes(copy, meta->size);
        return copy_range(copy, &at, meta->size);
}
