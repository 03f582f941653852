// Extended attributes, POSIX ACLs among them.
//
// Copied: user.*, system.posix_acl_*, security.capability and, by root, trusted.*. Labels of
// security modules belong to the place a file lies in, and stay out.
#ifndef UNDERSTUDY_WORKER_TREE_XATTR_H
#define UNDERSTUDY_WORKER_TREE_XATTR_H

#include <stdbool.h>

#include "base/macro.h"

// A file by descriptor, or, with `name`, by its name in the directory `fd`; a link is not followed.
typedef struct XattrFile {
        int fd;
        const char *name;
} XattrFile;

// Makes the attributes of `to` equal to `from`'s. `fresh`: `to` was made by this run and has none.
// -EPERM, -EACCES or -EOPNOTSUPP: the rest was set. 1: something was different.
int xattr_make_equal(XattrFile from, XattrFile to, bool fresh) _must_use_;

// 1: they differ; 0: they do not.
int xattr_differ(XattrFile a, XattrFile b) _must_use_;

// Removes every attribute that would be copied: those a directory's default ACL left behind.
int xattr_remove_all(XattrFile file) _must_use_;

// True when what is made in this directory inherits an ACL.
bool xattr_has_default_acl(int fd);

#endif
