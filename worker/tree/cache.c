#include "tree/cache.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/statfs.h>
#include <xxhash.h>

#include "base/text.h"

static const char magic[8] = "UNDTREE";

enum {
        CACHE_LIMIT = 1024 * 1024 * 1024, // bytes: 60 million entries
};

static XXH128_hash_t checksum(
        const CacheHeader *header, const CacheEntry *entries, const CacheRecord *records)
{
        XXH3_state_t *state = XXH3_createState();
        XXH128_hash_t hash;

        if (!state)
                abort();
        XXH3_128bits_reset(state);
        XXH3_128bits_update(state, entries, header->entry_count * sizeof(*entries));
        XXH3_128bits_update(state, records, header->record_count * sizeof(*records));
        XXH3_128bits_update(state, header, sizeof(*header));
        hash = XXH3_128bits_digest(state);
        XXH3_freeState(state);
        return hash;
}

static int key_compare(const uint64_t a[2], const uint64_t b[2])
{
        if (a[0] != b[0])
                return a[0] < b[0] ? -1 : 1;
        return a[1] < b[1] ? -1 : a[1] > b[1];
}

static bool is_sound(const Cache *cache)
{
        const CacheHeader *header = cache->header;

        for (uint64_t i = 0; i < header->record_count; i++) {
                const CacheRecord *record = &cache->records[i];

                if (record->first > header->entry_count ||
                        record->count > header->entry_count - record->first)
                        return false;
                if (i > 0 && key_compare(cache->records[i - 1].key, record->key) >= 0)
                        return false;
        }
        return true;
}

int cache_parse(const void *data, size_t size, Cache *ret)
{
        const CacheHeader *header = data;
        XXH128_hash_t hash;
        Cache cache = {.header = header};
        size_t left;

        if (size < sizeof(*header) + sizeof(hash) || memcmp(header->magic, magic, 8) != 0 ||
                header->version != CACHE_VERSION || header->size != sizeof(*header))
                return -EBADMSG;
        left = size - sizeof(*header) - sizeof(hash);
        if (header->entry_count > left / sizeof(CacheEntry))
                return -EBADMSG;
        left -= header->entry_count * sizeof(CacheEntry);
        if (header->record_count != left / sizeof(CacheRecord) || left % sizeof(CacheRecord))
                return -EBADMSG;
        cache.entries = (const void *)(header + 1);
        cache.records = (const void *)(cache.entries + header->entry_count);
        memcpy(&hash, cache.records + header->record_count, sizeof(hash));
        if (!XXH128_isEqual(hash, checksum(header, cache.entries, cache.records)) ||
                !is_sound(&cache))
                return -EBADMSG;
        ret->header = cache.header;
        ret->entries = cache.entries;
        ret->records = cache.records;
        return 0;
}

static int read_whole(int fd, char *data, size_t size)
{
        size_t at = 0;

        while (at < size) {
                ssize_t n = read(fd, data + at, size - at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                at += (size_t)n;
        }
        return 0;
}

void cache_free(Cache *cache)
{
        if (cache)
                free(cache->data);
        free(cache);
}
DEFINE_CLEANUP(Cache *, cache_free)

int cache_load(const char *path, Cache **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        _cleanup_(cache_freep) Cache *cache = memory_new(sizeof(*cache));
        struct stat st;
        int result;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
                return -EPERM;
        if (st.st_size > CACHE_LIMIT)
                return -EBADMSG;
        cache->data = memory_new((size_t)st.st_size + 1);
        result = read_whole(fd, cache->data, (size_t)st.st_size);
        if (result == 0)
                result = cache_parse(cache->data, (size_t)st.st_size, cache);
        if (result == 0)
                *ret = TAKE_PTR(cache);
        return result;
}

const CacheRecord *cache_find(const Cache *cache, const uint64_t key[2])
{
        uint64_t low = 0, high = cache->header->record_count;

        while (low < high) {
                uint64_t middle = low + (high - low) / 2;
                int order = key_compare(key, cache->records[middle].key);

                if (order == 0)
                        return &cache->records[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

void cache_key(const uint64_t parent[2], const char *name, uint64_t ret[2])
{
        char buffer[2 * sizeof(uint64_t) + NAME_MAX + 1];
        size_t length = strnlen(name, NAME_MAX);
        XXH128_hash_t hash;

        memcpy(buffer, parent, 2 * sizeof(uint64_t));
        memcpy(buffer + 2 * sizeof(uint64_t), name, length);
        hash = XXH3_128bits(buffer, 2 * sizeof(uint64_t) + length);
        ret[0] = hash.high64;
        ret[1] = hash.low64;
}

// A directory's own state is its record's; to its parent it is only there.
static uint64_t state_of(const Meta *meta, bool whole)
{
        const uint64_t fields[] = {meta->inode, meta->mode & S_IFMT, whole ? meta->mode : 0,
                whole ? (uint64_t)meta->uid << 32 | meta->gid : 0,
                whole && !S_ISDIR(meta->mode) ? meta->size : 0,
                whole && !S_ISDIR(meta->mode) ? meta->links : 0,
                whole ? (uint64_t)meta->modified.s : 0, whole ? meta->modified.ns : 0,
                whole ? (uint64_t)meta->changed.s : 0, whole ? meta->changed.ns : 0};
        uint64_t hash = XXH3_64bits(fields, sizeof(fields));

        return hash ? hash : 1;
}

uint64_t cache_entry_state(const Meta *meta)
{
        return state_of(meta, !S_ISDIR(meta->mode));
}

uint64_t cache_state(const Meta *meta)
{
        return state_of(meta, true);
}

int cache_place(int fd, CachePlace *ret)
{
        struct statfs fs;
        struct statx x;

        if (fstatfs(fd, &fs) < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &x) < 0)
                return -errno;
        *ret = (CachePlace){.type = (uint64_t)fs.f_type, .inode = x.stx_ino};
        memcpy(&ret->id, &fs.f_fsid, sizeof(ret->id));
        if (x.stx_mask & STATX_BTIME) {
                ret->born_s = x.stx_btime.tv_sec;
                ret->born_ns = x.stx_btime.tv_nsec;
        }
        return 0;
}

// Numbers of file systems may change with a reboot: a directory of the same birth is the same.
bool cache_same_place(const CachePlace *a, const CachePlace *b)
{
        if (a->type != b->type)
                return false;
        return a->id == b->id || (a->inode == b->inode && a->born_s == b->born_s &&
                                         a->born_ns == b->born_ns && a->born_s != 0);
}

uint64_t cache_options(const TreeOptions *options)
{
        uint64_t hash = XXH3_64bits_withSeed(options->link_from ? options->link_from : "",
                options->link_from ? strlen(options->link_from) : 0, options->link_from != NULL);

        if (options->link_to)
                hash = XXH3_64bits_withSeed(options->link_to, strlen(options->link_to), hash);
        for (size_t i = 0; i < options->link_also_count; i++)
                hash = XXH3_64bits_withSeed(
                        options->link_also[i], strlen(options->link_also[i]) + 1, ~hash);
        for (size_t i = 0; i < options->exclude_count; i++)
                hash = XXH3_64bits_withSeed(
                        options->exclude[i], strlen(options->exclude[i]) + 1, hash);
        return hash;
}
