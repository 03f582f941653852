// What a mirror remembers of its source: one file, read whole, written anew by every run.
//
// A record per directory holds a hash of each entry's name and of its state (inode, size, times,
// ctime among them, mode, owner, links). When all are as they were, and the target's directory is
// too (inode, ctime), then nothing was added, removed, edited or renamed in the source since it was
// copied, whatever its times were set to. Not seen: edits inside the target's files. That is what
// the full comparison every few days is for.
//
// A directory with an entry changed within the last ticks of the clock is not remembered: it might
// change once more without showing it.
#ifndef UNDERSTUDY_WORKER_TREE_CACHE_H
#define UNDERSTUDY_WORKER_TREE_CACHE_H

#include "tree/mirror.h"

enum {
        CACHE_VERSION = 1,
        CACHE_KEY_ROOT = 1,
};

typedef struct CacheEntry {
        uint64_t name;
        uint64_t state; // 0: left out, or gone when it was looked at
} CacheEntry;

typedef struct CacheRecord {
        uint64_t key[2]; // of the path
        uint64_t own;    // state of the source's directory
        uint64_t target_inode;
        int64_t target_changed_s;
        uint32_t target_changed_ns;
        uint32_t count; // of entries
        uint64_t first;
        uint64_t zero;
} CacheRecord;

// A file system and a directory in it.
typedef struct CachePlace {
        uint64_t type;
        uint64_t id;
        uint64_t inode;
        int64_t born_s; // birth time, zeros where there is none
        uint64_t born_ns;
} CachePlace;

typedef struct CacheHeader {
        char magic[8];
        uint32_t version;
        uint32_t size;    // of this header
        uint64_t options; // hash of what decides how entries are treated
        CachePlace source, target;
        int64_t full_at; // seconds since the epoch: last full comparison
        uint64_t files;  // entries of the source
        uint64_t record_count;
        uint64_t entry_count;
} CacheHeader;

// In the file: header, entries, records sorted by key, XXH3-128 of entries, records and header.
typedef struct Cache {
        void *data; // owned
        const CacheHeader *header;
        const CacheEntry *entries;
        const CacheRecord *records;
        bool trusted; // records may stand for a walk of the target
} Cache;

// Understands the `size` bytes of a file, aligned to 8 bytes, which must live as long as `ret`;
// ret->data is left alone. -EBADMSG: damaged, or not one of this version.
int cache_parse(const void *data, size_t size, Cache *ret) _must_use_;

// The file as it was left; -ENOENT, -EBADMSG, -EPERM (not ours alone) ...
int cache_load(const char *path, Cache **ret) _must_use_;
void cache_free(Cache *cache);

const CacheRecord *cache_find(const Cache *cache, const uint64_t key[2]);

// Root: `parent` NULL.
void cache_key(const uint64_t parent[2], const char *name, uint64_t ret[2]);

// Never 0. cache_state is for a record's own directory, cache_entry_state for what lies in it.
uint64_t cache_state(const Meta *meta);
uint64_t cache_entry_state(const Meta *meta);

int cache_place(int fd, CachePlace *ret) _must_use_;
uint64_t cache_options(const TreeOptions *options);

// Whether a source is on the file system it was on.
bool cache_same_place(const CachePlace *a, const CachePlace *b);

// --- during a run ---

// Opens what the options name: mirror->cache and mirror->remember. -EXDEV ("other-source").
int cache_begin(Run *run, int source, int target, Error *error) _must_use_;

// Replaces the file, durably, after a run that succeeded.
int cache_commit(Run *run, uint64_t files, Error *error) _must_use_;
void cache_end(Mirror *mirror);

// What a trusted cache knows of a directory; NULL else.
const CacheRecord *cache_record(const Node *node);

// Whether the source of a directory just surveyed is as the record says.
bool cache_match(const Worker *worker, const Node *node, const CacheRecord *record);

// True when there is a cache, and the entry is not known to be as it was: however equal it looks,
// it may be another file. (Exchanging two directories shows in neither's files.)
bool cache_suspects(const Cache *cache, const CacheRecord *record, CacheEntry entry, size_t index);

// Keeps the states of a directory just surveyed until it is remembered.
void cache_note(const Worker *worker, Node *node);

// Writes down a finished directory, unless it is incomplete. `target` is its state now.
// cache_remember_again: one that is as `record` says.
int cache_remember(Run *run, Node *node, const Meta *target) _must_use_;
int cache_remember_again(Run *run, const CacheRecord *record) _must_use_;

#endif
