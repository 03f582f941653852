// Owner, mode and times of what was made.
#ifndef UNDERSTUDY_WORKER_TREE_ATTRIBUTE_H
#define UNDERSTUDY_WORKER_TREE_ATTRIBUTE_H

#include "tree/meta.h"

// What could not be set because it is not ours to set. A mirror goes on and says so.
enum {
        ATTRIBUTE_OWNER = 1U << 0,
        ATTRIBUTE_GROUP = 1U << 1,
        ATTRIBUTE_MODE = 1U << 2,
        ATTRIBUTE_TIMES = 1U << 3,
        ATTRIBUTE_EXTENDED = 1U << 4,
};

// Who this process is, read once: asking costs a system call each.
typedef struct Rights {
        bool root;
        uid_t uid;
        gid_t gid;
        gid_t groups[256];
        int group_count;
} Rights;

void rights_read(Rights *ret);

// Sets owner, group, mode and modification time of `fd`, each only where `have`, its present state,
// differs from `want`. Returns the ATTRIBUTE_ bits that were refused, or a negative errno.
int attribute_set(const Rights *rights, int fd, const Meta *have, const Meta *want) _must_use_;

// The same by name, for what cannot be opened without effect (links, FIFOs) or at all. -ESTALE: the
// name means another file than `have`, or one with a second name.
int attribute_set_at(const Rights *rights, int dirfd, const char *name, const Meta *have,
        const Meta *want) _must_use_;

// True when they are not what attribute_set would make them, as far as this process may set them:
// only root gives files away, and only an owner sets anything. Times count for directories only; a
// file of another time is another file.
bool attribute_differ(const Rights *rights, const Meta *want, const Meta *have);

// Words for refused bits, "owner, times": static per thread.
const char *attribute_words(unsigned refused);

#endif
