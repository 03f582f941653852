// Opens for reading without leaving a trace.
#ifndef UNDERSTUDY_WORKER_ADOPT_QUIET_H
#define UNDERSTUDY_WORKER_ADOPT_QUIET_H

#include "base/macro.h"

// Beneath `dirfd`, through no link at all, with the access time as it was where the system allows
// it (to root and the owner). Never waits, for a FIFO for instance. `flags`: 0 or O_DIRECTORY.
int quiet_open(int dirfd, const char *path, int flags) _must_use_;

// Reads a file that is opened so; the rest as file_read_regular. `ret` is NUL-terminated and the
// caller's.
int quiet_read(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_size) _must_use_;

#endif
