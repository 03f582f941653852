// Walks through a project directory, in a fixed order, through directory descriptors only.
#ifndef UNDERSTUDY_WORKER_STEPS_WALK_H
#define UNDERSTUDY_WORKER_STEPS_WALK_H

#include <sys/stat.h>

#include "base/text.h"

// One entry: `name` in the directory `dirfd`, `path` from where the walk began. Returns 1 to walk
// into it, if it is a directory; 0 not to; a negative errno ends the walk.
typedef int (*WalkVisit)(
        void *userdata, int dirfd, const char *path, const char *name, const struct stat *st);

// Follows no link. A directory that cannot be read is passed over, except the first. The entries of
// a directory are read before the first of them is visited.
int site_walk(int fd, WalkVisit visit, void *userdata) _must_use_;

// Number of directories above an entry: 0 for one of the project directory itself.
int path_depth(const char *path);

#endif
