// The cache in the course of a run: what it knows, and what is written down for the next one.
#include <xxhash.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "tree/cache.h"
#include "tree/output.h"

enum {
        FULL_DAYS = 7,
        SECONDS_PER_DAY = 24 * 3600,
        BUFFER_ENTRIES = 16 * 1024,
};

// A new cache under a temporary name beside the old one. Entries go to the file as they come,
// records stay until the end, for they must be sorted.
typedef struct CacheWriter {
        pthread_mutex_t lock;
        Output output;
        bool news; // something that the old one does not say
        XXH3_state_t *hash;
        CacheEntry *buffer;
        size_t buffered;
        CacheRecord *records;
        size_t record_room;
        CacheHeader header;
} CacheWriter;

static void writer_free(CacheWriter *writer)
{
        if (!writer)
                return;
        output_clear(&writer->output);
        XXH3_freeState(writer->hash);
        pthread_mutex_destroy(&writer->lock);
        free(writer->buffer);
        free(writer->records);
        free(writer);
}
DEFINE_CLEANUP(CacheWriter *, writer_free)

static int writer_new(const char *path, CacheWriter **ret)
{
        _cleanup_(writer_freep) CacheWriter *writer = memory_new(sizeof(*writer));
        int result;

        pthread_mutex_init(&writer->lock, NULL);
        writer->hash = XXH3_createState();
        if (!writer->hash)
                abort();
        XXH3_128bits_reset(writer->hash);
        writer->buffer = memory_new(BUFFER_ENTRIES * sizeof(*writer->buffer));
        result = output_open(path, &writer->output);
        if (result < 0)
                return result;
        if (lseek(writer->output.fd, sizeof(CacheHeader), SEEK_SET) < 0)
                return -errno;
        *ret = TAKE_PTR(writer);
        return 0;
}

static int append(CacheWriter *writer, const void *data, size_t size)
{
        XXH3_128bits_update(writer->hash, data, size);
        return file_write_all(writer->output.fd, data, size);
}

static int flush(CacheWriter *writer)
{
        size_t count = TAKE(writer->buffered, 0);

        return count ? append(writer, writer->buffer, count * sizeof(*writer->buffer)) : 0;
}

static int entries_add(CacheWriter *writer, const CacheEntry *entries, size_t count)
{
        while (count > 0) {
                size_t room = BUFFER_ENTRIES - writer->buffered;
                size_t part = count < room ? count : room;
                int result = 0;

                memcpy(writer->buffer + writer->buffered, entries, part * sizeof(*entries));
                writer->buffered += part;
                writer->header.entry_count += part;
                entries += part;
                count -= part;
                if (writer->buffered == BUFFER_ENTRIES)
                        result = flush(writer);
                if (result < 0)
                        return result;
        }
        return 0;
}

static int record_add(CacheWriter *writer, CacheRecord record, const CacheEntry *entries)
{
        record.first = writer->header.entry_count;
        if (writer->header.record_count == writer->record_room) {
                writer->record_room = writer->record_room ? writer->record_room * 2 : 64;
                writer->records = memory_grow(
                        writer->records, writer->record_room * sizeof(*writer->records));
        }
        writer->records[writer->header.record_count++] = record;
        return entries_add(writer, entries, record.count);
}

static int by_key(const void *a, const void *b)
{
        const CacheRecord *x = a, *y = b;

        if (x->key[0] != y->key[0])
                return x->key[0] < y->key[0] ? -1 : 1;
        return x->key[1] < y->key[1] ? -1 : x->key[1] > y->key[1];
}

static int writer_finish(CacheWriter *writer)
{
        XXH128_hash_t hash;
        int result = flush(writer);

        if (writer->header.record_count)
                qsort(writer->records, writer->header.record_count, sizeof(*writer->records),
                        by_key);
        if (result == 0 && writer->header.record_count)
                result = append(writer, writer->records,
                        writer->header.record_count * sizeof(*writer->records));
        if (result < 0)
                return result;
        XXH3_128bits_update(writer->hash, &writer->header, sizeof(writer->header));
        hash = XXH3_128bits_digest(writer->hash);
        result = file_write_all(writer->output.fd, &hash, sizeof(hash));
        if (result < 0)
                return result;
        if (pwrite(writer->output.fd, &writer->header, sizeof(writer->header), 0) !=
                sizeof(writer->header))
                return -EIO;
        return output_commit(&writer->output);
}

static int refuse_other(const Run *run, Error *error)
{
        error_set(error, -EXDEV, "other-source",
                "the source is not the file system it was at the last run");
        error_why(error, "it may not be mounted, and the target would be emptied");
        error_next(
                error, "Mount it; or, if it was moved on purpose, remove %s", run->options->cache);
        return -EXDEV;
}

static bool is_full_due(const Run *run, const Cache *cache)
{
        int64_t days = run->options->full_days ? run->options->full_days : FULL_DAYS;
        int64_t age = clock_now_us() / US_PER_SECOND - cache->header->full_at;

        return age < 0 || age >= days * SECONDS_PER_DAY;
}

int cache_begin(Run *run, int source, int target, Error *error)
{
        Mirror *mirror = run->mirror;
        CachePlace from, to;
        Cache *cache = NULL;
        int result;

        if (!run->options->cache)
                return 0;
        if (cache_place(source, &from) < 0 || cache_place(target, &to) < 0)
                return 0; // a file system that cannot say where it is: no cache
        if (cache_load(run->options->cache, &cache) == 0) {
                mirror->cache = cache;
                if (!cache_same_place(&cache->header->source, &from) && !run->options->anyway)
                        return refuse_other(run, error);
                cache->trusted = cache->header->options == cache_options(run->options) &&
                                 cache_same_place(&cache->header->target, &to) &&
                                 cache->header->target.inode == to.inode &&
                                 !is_full_due(run, cache) && !mirror->full;
        }
        mirror->full = !cache || !cache->trusted;
        if (run->options->dry_run)
                return 0;
        result = writer_new(run->options->cache, &mirror->remember);
        if (result < 0) {
                error_set(error, result, "cache", "the cache of the mirror could not be written");
                error_where(error, "%s", run->options->cache);
                return result;
        }
        mirror->remember->header = (CacheHeader){
                .version = CACHE_VERSION,
                .size = sizeof(CacheHeader),
                .options = cache_options(run->options),
                .source = from,
                .target = to,
                .full_at = mirror->full ? clock_now_us() / US_PER_SECOND : cache->header->full_at,
        };
        memcpy(mirror->remember->header.magic, "UNDTREE", 8);
        return 0;
}

int cache_commit(Run *run, uint64_t files, Error *error)
{
        CacheWriter *writer = run->mirror->remember;
        int result;

        if (!writer)
                return 0;
        // The old one says it all: it stays, and the disk is left alone.
        if (run->mirror->cache && !writer->news &&
                run->mirror->cache->header->record_count == writer->header.record_count)
                return 0;
        writer->header.files = files;
        result = writer_finish(writer);
        if (result < 0) {
                error_set(error, result, "cache", "the cache of the mirror could not be written");
                error_where(error, "%s", run->options->cache);
        }
        return result;
}

void cache_end(Mirror *mirror)
{
        cache_free(mirror->cache);
        writer_free(mirror->remember);
}

const CacheRecord *cache_record(const Node *node)
{
        const Cache *cache = node->run->mirror->cache;

        if (!cache || !cache->trusted || node->fresh || node->absent)
                return NULL;
        return cache_find(cache, node->key);
}

bool cache_match(const Worker *worker, const Node *node, const CacheRecord *record)
{
        const Cache *cache = node->run->mirror->cache;

        if (record->own != cache_state(&node->meta) || record->count != node->names.count)
                return false;
        return record->count == 0 || memcmp(cache->entries + record->first, worker->scratch.states,
                                             record->count * sizeof(CacheEntry)) == 0;
}

// Directories keep their order unless much happens in them, so the search begins where the entry
// would be.
bool cache_suspects(const Cache *cache, const CacheRecord *record, CacheEntry entry, size_t index)
{
        const CacheEntry *entries;

        if (!cache || !cache->trusted)
                return false;
        if (!record)
                return true;
        entries = cache->entries + record->first;
        for (size_t i = 0; i < record->count; i++) {
                const CacheEntry *known = &entries[(index + i) % record->count];

                if (known->name == entry.name)
                        return known->state != entry.state;
        }
        return true;
}

void cache_note(const Worker *worker, Node *node)
{
        size_t size = node->names.count * sizeof(CacheEntry);

        if (!worker->run->mirror->remember || node->incomplete)
                return;
        node->states = memory_new(size + 1);
        if (size) // nothing may have been surveyed yet
                memcpy(node->states, worker->scratch.states, size);
        node->state_count = node->names.count;
}

int cache_remember(Run *run, Node *node, const Meta *target)
{
        CacheWriter *writer = run->mirror->remember;
        CacheRecord record = {
                .key = {node->key[0], node->key[1]},
                .own = cache_state(&node->meta),
                .target_inode = target->inode,
                .target_changed_s = target->changed.s,
                .target_changed_ns = target->changed.ns,
                .count = (uint32_t)node->state_count,
        };
        int result;

        if (!writer || !node->states || node->incomplete)
                return 0;
        pthread_mutex_lock(&writer->lock);
        writer->news = true;
        result = record_add(writer, record, node->states);
        pthread_mutex_unlock(&writer->lock);
        return result;
}

int cache_remember_again(Run *run, const CacheRecord *record)
{
        CacheWriter *writer = run->mirror->remember;
        int result;

        if (!writer)
                return 0;
        pthread_mutex_lock(&writer->lock);
        result = record_add(writer, *record, run->mirror->cache->entries + record->first);
        pthread_mutex_unlock(&writer->lock);
        return result;
}
