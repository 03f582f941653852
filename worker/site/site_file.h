// Files of a site: never through a link, owner and mode kept.
#ifndef UNDERSTUDY_WORKER_SITE_SITE_FILE_H
#define UNDERSTUDY_WORKER_SITE_SITE_FILE_H

#include <sys/stat.h>

#include "site/site.h"

// Reads a regular file beneath `dirfd` of at most `limit` bytes (-EFBIG), following no link
// (-ELOOP); what is not a regular file: -EINVAL. `ret` is NUL-terminated and the caller's;
// `ret_stat` may be NULL.
int site_file_read(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_size,
        struct stat *ret_stat) _must_use_;

// Replaces or creates `name`, an entry of the directory `dirfd` itself, by a temporary file and a
// rename, with the owner, group and permission bits of `like`. Durable on return.
int site_file_write(int dirfd, const char *name, const void *data, size_t size,
        const struct stat *like) _must_use_;

#endif
