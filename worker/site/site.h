// A project directory, opened beneath a root that the policy accepts. Steps reach a site's files
// through `fd`, and only through it; paths are for messages and for programs.
#ifndef UNDERSTUDY_WORKER_SITE_SITE_H
#define UNDERSTUDY_WORKER_SITE_SITE_H

#include "step/step.h"

typedef struct SiteDir {
        char *name;
        char *root;    // resolved absolute path of the root directory
        char *path;    // root/name
        int root_fd;   // O_PATH-free directory descriptors, close-on-exec
        int fd;        // -EBADF when the project directory does not exist (site_open_root only)
        Account owner; // of the project directory; site code runs as this account
} SiteDir;

#define SITE_DIR_EMPTY ((SiteDir){.root_fd = -EBADF, .fd = -EBADF})
#define _cleanup_site_ _cleanup_(site_close)

// Checks root and owner against the policy, the name against the rule, and opens the directory
// without following a link beneath the root. -ENOENT "no-site", -EPERM "policy", -ELOOP "escape",
// -EINVAL "bad-name".
int site_open(const Policy *policy, const Fleet__Site *site, SiteDir *ret, Error *error) _must_use_;

// The same for a site that need not exist: then fd is -EBADF and owner is empty.
int site_open_root(const Policy *policy, const Fleet__Site *site, SiteDir *ret, Error *error)
        _must_use_;

void site_close(SiteDir *site);

#endif
