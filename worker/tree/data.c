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

static int reserve(const DataCopy *copy, uint64_t at, uint64_t end)
{
        if (copy->to < 0 || !copy->reserve || end - at <= DATA_BUFFER)
                return 0;
        if (fallocate(copy->to, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)(end - at)) < 0 &&
                (errno == ENOSPC || errno == EDQUOT || errno == EIO))
                return -errno;
        return 0; // it only saves time
}

static int copy_range(DataCopy *copy, uint64_t *at, uint64_t end)
{
        int result = reserve(copy, *at, end);

        if (result < 0)
                return result;
        if (copy->hasher || copy->to < 0 || copy->reserve || end - *at <= DATA_BUFFER)
                return copy_by_reading(copy, at, end);
        return copy_in_kernel(copy, at, end);
}

// *at stops before `end` where the file does.
static int copy_with_holes(DataCopy *copy, uint64_t *at, uint64_t end)
{
        while (*at < end) {
                off_t data = lseek(copy->from, (off_t)*at, SEEK_DATA), hole;
                uint64_t stop;
                int result;

                if (data < 0 && errno != ENXIO)
                        return -errno;
                if (data < 0 || (uint64_t)data > end)
                        data = (off_t)end;
                if (copy->hasher)
                        hasher_add_zeros(copy->hasher, (uint64_t)data - *at);
                *at = (uint64_t)data;
                if (*at == end)
                        break;
                hole = lseek(copy->from, data, SEEK_HOLE);
                if (hole < 0)
                        return errno == ENXIO ? 0 : -errno; // it got shorter
                stop = (uint64_t)hole < end ? (uint64_t)hole : end;
                result = copy_range(copy, at, stop);
                if (result < 0 || *at < stop)
                        return result;
        }
        return 0;
}

int data_copy_part(DataCopy *copy, const Meta *meta, uint64_t at, uint64_t end)
{
        return meta_has_holes(meta) ? copy_with_holes(copy, &at, end) : copy_range(copy, &at, end);
}

int data_copy(DataCopy *copy, const Meta *meta)
{
        uint64_t at = 0;
        int result;

        if (meta->size == 0)
                return 0;
        if (!meta_has_holes(meta)) {
                result = copy_range(copy, &at, meta->size);
                // What was reserved beyond the end of a file that got shorter.
                return result == 0 && at < meta->size && copy->to >= 0 ? data_set_size(copy, at)
                                                                       : result;
        }
        result = copy_with_holes(copy, &at, meta->size);
        return result == 0 && copy->to >= 0 ? data_set_size(copy, at) : result;
}

int data_clone(const DataCopy *copy, const Meta *meta)
{
        if (ioctl(copy->to, FICLONE, copy->from) < 0)
                return 1;
        return copy->step(copy->userdata, meta->size);
}

int data_set_size(const DataCopy *copy, uint64_t size)
{
        return ftruncate(copy->to, (off_t)size) < 0 ? -errno : 0;
}
