// What a directory entry is: the fields of statx(2) that a copy must carry over or that tell two
// versions apart.
#ifndef UNDERSTUDY_WORKER_TREE_META_H
#define UNDERSTUDY_WORKER_TREE_META_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/macro.h"

typedef struct MetaTime {
        int64_t s;
        uint32_t ns;
} MetaTime;

typedef struct Meta {
        uint64_t device;
        uint64_t inode;
        uint64_t size;   // bytes
        uint64_t blocks; // of 512 bytes
        MetaTime modified;
        MetaTime changed; // ctime: no program can set it
        uint64_t special; // device number of a device node
        uint32_t mode;
        uint32_t uid;
        uint32_t gid;
        uint32_t links;
        bool mount; // root of a mount
} Meta;

// Of `name` in `dirfd`, links not followed; an empty name means `dirfd` itself. Negative errno.
int meta_read(int dirfd, const char *name, Meta *ret) _must_use_;

// Negative, zero or positive, as `a` is before, at or after `b`.
static inline int meta_time_compare(MetaTime a, MetaTime b)
{
        if (a.s != b.s)
                return a.s < b.s ? -1 : 1;
        return a.ns < b.ns ? -1 : a.ns > b.ns;
}

// Same inode and no sign of a change between two looks at it.
static inline bool meta_same_version(const Meta *a, const Meta *b)
{
        return a->inode == b->inode && a->device == b->device && a->size == b->size &&
               meta_time_compare(a->modified, b->modified) == 0 &&
               meta_time_compare(a->changed, b->changed) == 0;
}

// Space for a file of this kind: parts of it may be holes.
static inline bool meta_has_holes(const Meta *meta)
{
        return S_ISREG(meta->mode) && meta->blocks * 512 < meta->size;
}

#endif
