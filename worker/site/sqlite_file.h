// One SQLite file and what lies beside it (-journal, -wal, -shm), in a directory held open. Leaf
// helpers: negative errno; durable on return; no link is followed.
#ifndef UNDERSTUDY_WORKER_SITE_SQLITE_FILE_H
#define UNDERSTUDY_WORKER_SITE_SQLITE_FILE_H

#include "site/site.h"

// The directory and the name of the file at the absolute path `path`, which must lie beneath the
// project directory: -EPERM, code "database-outside". The caller's.
int sqlite_file_open(const SiteDir *site, const char *path, int *ret_directory, char **ret_name,
        Error *error) _must_use_;

// An empty file, owner's, 0660. -EEXIST.
int sqlite_file_create(int directory, const char *name, const Account *owner) _must_use_;

bool sqlite_file_exists(int directory, const char *name);
bool sqlite_file_same(int directory, const char *a, const char *b); // one file under two names
bool sqlite_file_has_wal(int directory, const char *name);          // one with content

// Of the file and what is not yet written into it. -ENOENT; -EINVAL: no regular file.
int sqlite_file_size(int directory, const char *name, uint64_t *ret_bytes) _must_use_;

// fsync. -EBUSY when a journal or WAL with content lies beside it: it was not closed properly.
int sqlite_file_seal(int directory, const char *name) _must_use_;

// Group and permission bits of `model`. -EMLINK: the file has other names, and may be another's.
int sqlite_file_adopt(int directory, const char *name, const char *model) _must_use_;

// Takes SQLite's RESERVED and PENDING locks, so that nobody begins to write or connects, until the
// descriptor is closed (https://www.sqlite.org/lockingv3.html). -EBUSY after `patience_us`,
// -ECANCELED when `cancel_fd` becomes readable.
int sqlite_file_lock(int directory, const char *name, int64_t patience_us, int cancel_fd,
        int *ret_fd) _must_use_;

// A second name of the file.
int sqlite_file_link(int directory, const char *name, const char *second) _must_use_;
int sqlite_file_rename(int directory, const char *from, const char *to) _must_use_;

// The files beside; -shm is only ever removed, since SQLite makes it anew. Missing is fine.
int sqlite_file_move_sides(int directory, const char *from, const char *to) _must_use_;
int sqlite_file_remove_sides(int directory, const char *name) _must_use_;

// The file and those beside it. Missing is fine.
int sqlite_file_remove(int directory, const char *name) _must_use_;

#endif
