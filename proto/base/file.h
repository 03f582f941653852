// Small files, whole; directories; paths beneath a root. All calls return a negative errno on
// failure.
#ifndef UNDERSTUDY_BASE_FILE_H
#define UNDERSTUDY_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"

// Reads a regular file of at most `limit` bytes: -EFBIG beyond. `ret` is NUL-terminated and the
// caller's.
int file_read_at(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_size)
        _must_use_;
int file_read(const char *path, size_t limit, char **ret, size_t *ret_size) _must_use_;

// Reads an open file to its end, `expected` bytes by its size; at most `limit`, else -EFBIG.
int file_read_open(int fd, size_t expected, size_t limit, char **ret, size_t *ret_size) _must_use_;

// The same for an open file that may turn out to be a directory (-EISDIR) or no regular file
// (-EINVAL).
int file_read_regular(int fd, size_t limit, char **ret, size_t *ret_size) _must_use_;

// Writes through a temporary file in the same directory, fsync, rename, fsync of the directory:
// afterwards the file is whole and durable, or as it was.
int file_write_at(int dirfd, const char *path, const void *data, size_t size, mode_t mode)
        _must_use_;
int file_write(const char *path, const void *data, size_t size, mode_t mode) _must_use_;

// Writes all bytes to a descriptor, whatever the number of calls it takes.
int file_write_all(int fd, const void *data, size_t size) _must_use_;

// Makes a directory and its missing parents. An existing directory is fine and keeps its mode.
int file_make_directories(const char *path, mode_t mode) _must_use_;

// fsync of the directory that holds `path`, so that a rename or unlink in it is durable.
int file_sync_parent_at(int dirfd, const char *path) _must_use_;

// Opens `path`, relative to `dirfd`, without ever leaving it: no "..", no absolute links; with
// `follow` false no links at all (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS).
int file_open_beneath(int dirfd, const char *path, int flags, bool follow) _must_use_;

// Target of a symbolic link, allocated. -EINVAL: not a link.
int file_read_link_at(int dirfd, const char *path, char **ret) _must_use_;

// Sets a symbolic link by a temporary one and a rename, durable on return.
int file_replace_link_at(int dirfd, const char *path, const char *target) _must_use_;

// Resolved absolute path, allocated.
int file_resolve(const char *path, char **ret) _must_use_;

// True when `path` is `directory` or lies beneath it; both absolute and resolved.
bool file_is_beneath(const char *path, const char *directory);

#endif
