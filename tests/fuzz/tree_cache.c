// Feeds the reader of the mirror's cache with good files that were damaged, and, with a checksum
// made right again, with ones that lie. As a program: fuzz_tree_cache [ROUNDS [SEED]]. With clang
// -fsanitize=fuzzer -DLIBFUZZER it is a libFuzzer target.
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/text.h"
#include "tree/cache.h"

enum {
        ROUNDS = 200000,
        RECORDS = 5,
        ENTRIES = 12,
        SIZE = sizeof(CacheHeader) + ENTRIES * sizeof(CacheEntry) + RECORDS * sizeof(CacheRecord) +
               sizeof(XXH128_hash_t),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Whatever was accepted can be used: every record found, every entry of it read.
static uint64_t use(const Cache *cache)
{
        uint64_t sum = 0;

        for (uint64_t i = 0; i < cache->header->record_count; i++) {
                const CacheRecord *record = cache_find(cache, cache->records[i].key);

                if (record != &cache->records[i]) {
                        fprintf(stderr,
                                "fuzz_tree_cache: violated: a record is found by its key\n");
                        abort();
                }
                for (uint32_t k = 0; k < record->count; k++)
                        sum += cache->entries[record->first + k].state;
        }
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        void *copy = memory_new(size + 1);
        static volatile uint64_t sink;
        Cache cache;

        memcpy(copy, data, size);
        if (cache_parse(copy, size, &cache) == 0)
                sink = sink + use(&cache);
        free(copy);
        return 0;
}

#ifndef LIBFUZZER
static void make(uint8_t *file)
{
        CacheHeader *header = (CacheHeader *)file;
        CacheEntry *entries = (CacheEntry *)(header + 1);
        CacheRecord *records = (CacheRecord *)(entries + ENTRIES);

        memset(file, 0, SIZE);
        *header = (CacheHeader){.magic = "UNDTREE",
                .version = CACHE_VERSION,
                .size = sizeof(*header),
                .record_count = RECORDS,
                .entry_count = ENTRIES};
        for (uint64_t i = 0; i < ENTRIES; i++)
                entries[i] = (CacheEntry){i, i * 3};
        for (uint64_t i = 0; i < RECORDS; i++)
                records[i] = (CacheRecord){.key = {i, i}, .count = 2, .first = i * 2};
}

// Past the checksum, where a lie would do harm. The order is that of cache_parse.
static void sign(uint8_t *file)
{
        const size_t body = SIZE - sizeof(CacheHeader) - sizeof(XXH128_hash_t);
        uint8_t whole[SIZE];
        XXH128_hash_t hash;

        memcpy(whole, file + sizeof(CacheHeader), body);
        memcpy(whole + body, file, sizeof(CacheHeader));
        hash = XXH3_128bits(whole, body + sizeof(CacheHeader));
        memcpy(file + SIZE - sizeof(hash), &hash, sizeof(hash));
}

int main(int argc, char **argv)
{
        unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
        _Alignas(8) uint8_t file[SIZE + 64];
        Cache cache;

        srand(argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1);
        make(file);
        sign(file);
        {
                void *good = memory_new(SIZE);

                memcpy(good, file, SIZE);
                if (cache_parse(good, SIZE, &cache) < 0) {
                        fprintf(stderr, "fuzz_tree_cache: violated: a good file is accepted\n");
                        return 1;
                }
                free(good);
        }
        for (unsigned long i = 0; i < rounds; i++) {
                make(file);
                for (int n = 1 + rand() % 4; n > 0; n--)
                        file[(size_t)rand() % SIZE] = (uint8_t)rand();
                if (rand() % 4)
                        sign(file);
                LLVMFuzzerTestOneInput(file, rand() % 8 ? SIZE : (size_t)rand() % (SIZE + 64));
        }
        return 0;
}
#endif
