// A lock that names its holder. It belongs to a process, is not inherited by its children, and ends
// with it, however it ends: POSIX record locks, of which F_GETLK tells the owner's pid. A process
// must open a locked file only once: closing any descriptor of it gives the lock up.
#ifndef UNDERSTUDY_WORKER_AGENT_LOCK_H
#define UNDERSTUDY_WORKER_AGENT_LOCK_H

#include <sys/types.h>

#include "base/macro.h"

// Opens the file, making it: its descriptor, without the lock.
int lock_open(int dirfd, const char *path) _must_use_;
// Takes the lock of such a descriptor, which holds it until the caller closes it. -EWOULDBLOCK:
// another process has it.
int lock_hold(int fd) _must_use_;
// Both.
int lock_take(int dirfd, const char *path, int *ret_fd) _must_use_;

// The process that holds it; 0: none. Not for the holder itself.
int lock_holder(int dirfd, const char *path, pid_t *ret) _must_use_;

#endif
