#include "step/spool.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/text.h"

// Kept free behind the end, for a Finished on a full disk: enough for a failure with its texts.
#define RESERVE_BYTES (64U << 10)
#define RESERVE_STEP  (256U << 10)

typedef struct Header {
        uint32_t length;
        uint32_t checksum;
} Header;

struct Spool {
        int fd;
        off_t reserved; // allocated up to here
        SpoolSummary summary;
};

static uint32_t checksum_of(const void *data, size_t size)
{
        return (uint32_t)XXH3_64bits_withSeed(data, size, size);
}

// 1: `size` bytes were read; 0: the file ends before.
static int read_whole(int fd, void *data, size_t size, off_t offset)
{
        char *at = data;

        while (size > 0) {
                ssize_t n = pread(fd, at, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                at += n;
                size -= (size_t)n;
                offset += n;
        }
        return 1;
}

int spool_read(int fd, SpoolCursor *cursor, Fleet__Event **ret)
{
        _cleanup_free_ uint8_t *data = NULL;
        Header header;
        uint32_t length;
        Fleet__Event *event;
        int r = read_whole(fd, &header, sizeof(header), cursor->offset);

        if (r <= 0)
                return r;
        length = le32toh(header.length);
        if (length == 0 || length > SPOOL_EVENT_MAX)
                return 0;
        data = memory_new(length);
        r = read_whole(fd, data, length, cursor->offset + (off_t)sizeof(header));
        if (r <= 0)
                return r;
        if (checksum_of(data, length) != le32toh(header.checksum))
                return 0;
        event = fleet__event__unpack(NULL, length, data);
        if (!event)
                return 0;
        cursor->number = event->number;
        cursor->offset += (off_t)(sizeof(header) + length);
        *ret = event;
        return 1;
}

static void summarize_event(SpoolSummary *summary, const Fleet__Event *event)
{
        if (event->body_case == FLEET__EVENT__BODY_STARTED) {
                summary->runs = event->started->run;
                summary->run_at_us = event->at_us;
        } else if (event->body_case == FLEET__EVENT__BODY_FINISHED) {
                summary->finished = true;
        }
}

int spool_summarize(int fd, SpoolSummary *summary)
{
        Fleet__Event *event;
        int r;

        while ((r = spool_read(fd, &summary->end, &event)) == 1) {
                summarize_event(summary, event);
                fleet__event__free_unpacked(event, NULL);
        }
        return r;
}

// Takes away what is behind the last whole event. Whoever watches the file is not woken for
// nothing.
static int cut(const Spool *spool)
{
        struct stat st;

        if (fstat(spool->fd, &st) < 0)
                return -errno;
        if (st.st_size == spool->summary.end.offset)
                return 0;
        return ftruncate(spool->fd, spool->summary.end.offset) < 0 ? -errno : 0;
}

int spool_open(int dirfd, const char *name, Spool **ret)
{
        _cleanup_(spool_closep) Spool *spool = memory_new(sizeof(*spool));
        int r;

        spool->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (spool->fd < 0)
                return -errno;
        r = spool_summarize(spool->fd, &spool->summary);
        if (r < 0)
                return r;
        r = cut(spool);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(spool);
        return 0;
}

void spool_close(Spool *spool)
{
        if (spool->fd >= 0)
                close(spool->fd);
        free(spool);
}

const SpoolSummary *spool_summary(const Spool *spool)
{
        return &spool->summary;
}

// Space for `size` bytes and the reserve behind them. A file system that cannot allocate ahead has
// none.
static int reserve(Spool *spool, size_t size)
{
        off_t needed = spool->summary.end.offset + (off_t)size + (off_t)RESERVE_BYTES;

        if (needed <= spool->reserved)
                return 0;
        if (fallocate(spool->fd, FALLOC_FL_KEEP_SIZE, spool->summary.end.offset,
                    (off_t)(size + RESERVE_STEP)) < 0)
                return errno == EOPNOTSUPP ? 0 : -errno;
        spool->reserved = spool->summary.end.offset + (off_t)(size + RESERVE_STEP);
        return 0;
}

static int write_record(Spool *spool, const uint8_t *record, size_t size)
{
        int r = file_write_all(spool->fd, record, size);

        // The reserve goes with the cut, so that the next event finds or refuses it anew.
        if (r < 0) {
                spool->reserved = 0;
                if (ftruncate(spool->fd, spool->summary.end.offset) < 0)
                        return -errno;
        }
        return r;
}

int spool_append(Spool *spool, Fleet__Event *event)
{
        bool last = event->body_case == FLEET__EVENT__BODY_FINISHED;
        _cleanup_free_ uint8_t *record = NULL;
        size_t length;
        Header header;
        int r;

        event->number = spool->summary.end.number + 1;
        length = fleet__event__get_packed_size(event);
        if (length > SPOOL_EVENT_MAX)
                return -EMSGSIZE;
        r = last ? 0 : reserve(spool, sizeof(header) + length);
        if (r < 0)
                return r;
        record = memory_new(sizeof(header) + length);
        fleet__event__pack(event, record + sizeof(header));
        header = (Header){
                htole32((uint32_t)length), htole32(checksum_of(record + sizeof(header), length))};
        memcpy(record, &header, sizeof(header));
        r = write_record(spool, record, sizeof(header) + length);
        if (r < 0)
                return r;
        spool->summary.end.number = event->number;
        spool->summary.end.offset += (off_t)(sizeof(header) + length);
        summarize_event(&spool->summary, event);
        return last && fdatasync(spool->fd) < 0 ? -errno : 0;
}

// An event without a body carries the number. It is never sent: the controller has all up to it.
int spool_restart(Spool *spool, uint64_t number)
{
        Fleet__Event base = FLEET__EVENT__INIT;

        if (ftruncate(spool->fd, 0) < 0)
                return -errno;
        spool->summary = (SpoolSummary){.end.number = number - 1};
        spool->reserved = 0;
        return spool_append(spool, &base);
}
