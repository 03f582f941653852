#include "tree/data.h"

#include <fcntl.h>

#include "base/file.h"

enum {
        BUFFER = 256 * 1024,
};

// Copies [*at, end) of both files; *at ends before `end` where `from` does.
static int copy_by_reading(
        int from, int to, uint64_t *at, uint64_t end, DataStep step, void *userdata)
{
        _cleanup_free_ char *buffer = malloc(BUFFER);

        if (!buffer)
                return -ENOMEM;
        while (*at < end) {
                size_t room = end - *at < BUFFER ? (size_t)(end - *at) : BUFFER;
                ssize_t n = pread(from, buffer, room, (off_t)*at);
                ssize_t written = 0;
                int result;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                while (written < n) {
                        ssize_t m = pwrite(
                                to, buffer + written, (size_t)(n - written), (off_t)*at + written);

                        if (m < 0 && errno != EINTR)
                                return -errno;
                        written += m > 0 ? m : 0;
                }
                *at += (uint64_t)n;
                result = step(userdata, (uint64_t)n);
                if (result < 0)
                        return result;
        }
        return 0;
}

static int copy_range(int from, int to, uint64_t *at, uint64_t end, DataStep step, void *userdata)
{
        while (*at < end) {
                off_t in = (off_t)*at, out = (off_t)*at;
                size_t room = end - *at < DATA_CHUNK ? (size_t)(end - *at) : DATA_CHUNK;
                ssize_t n = copy_file_range(from, &in, to, &out, room, 0);
                int result;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL ||
                                     errno == ENOSYS))
                        return copy_by_reading(from, to, at, end, step, userdata);
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                *at += (uint64_t)n;
                result = step(userdata, (uint64_t)n);
                if (result < 0)
                        return result;
        }
        return 0;
}

static int copy_with_holes(int from, int to, uint64_t size, DataStep step, void *userdata)
{
        uint64_t at = 0;

        while (at < size) {
                off_t data = lseek(from, (off_t)at, SEEK_DATA), hole;
                int result;

                if (data < 0 && errno == ENXIO)
                        break;
                if (data < 0)
                        return -errno;
                hole = lseek(from, data, SEEK_HOLE);
                if (hole < 0)
                        return errno == ENXIO ? 1 : -errno;
                at = (uint64_t)data;
                result = copy_range(from, to, &at, (uint64_t)hole, step, userdata);
                if (result < 0)
                        return result;
                if (at < (uint64_t)hole)
                        return 1;
        }
        return ftruncate(to, (off_t)size) < 0 ? -errno : 0;
}

int data_copy(int from, int to, const Meta *meta, DataStep step, void *userdata)
{
        uint64_t at = 0;
        int result;

        if (meta->size == 0)
                return 0;
        if (meta_has_holes(meta))
                return copy_with_holes(from, to, meta->size, step, userdata);
        result = copy_range(from, to, &at, meta->size, step, userdata);
        if (result < 0)
                return result;
        return at < meta->size;
}
