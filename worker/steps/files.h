// Files of a site, as the steps that change them need them: never through a link, owner and mode
// kept; and directories that go away at once or not at all.
#ifndef UNDERSTUDY_WORKER_STEPS_FILES_H
#define UNDERSTUDY_WORKER_STEPS_FILES_H

#include "site/site_file.h"
#include "tree/tree.h"

// Number of the job that the task belongs to, as in "understudyctl job retry 12". The caller's.
char *step_job(const StepContext *context);

// Which job it is, of which series and controller, as text: another controller, or this one after
// it was set up anew, counts its jobs from 1, too. The caller's.
char *step_origin(const StepContext *context);

// Makes the directory `name`, or finds the one that a killed run of ours made, and opens it; it is
// `uid`'s and `gid`'s then. -EEXIST: there is one of somebody else.
int directory_make(int dirfd, const char *name, uid_t uid, gid_t gid) _must_use_;

bool directory_is_empty(int fd);

// Removes the directory `name` of `parent` with all that is in it. It goes out of sight by one
// rename first, so that a killed removal leaves nothing that looks like a site; what an earlier one
// left is removed too. Missing is fine. `looked_at` is the directory that was found good to go, or
// -1; -ESTALE ("changed"): another has taken its name since, and has it again. `figures` (may be
// NULL) is added to.
int directory_discard(StepContext *context, int parent, const char *name, int looked_at,
        TreeFigures *figures, Error *error) _must_use_;

// Options that report progress in files and bytes, and end with the task.
TreeOptions tree_options(StepContext *context);

// Name of the site, a directory in `root` itself, that the link `name` in the root points at; NULL
// in `ret` when there is no such link. -EINVAL: it is no link; -EXDEV: it points elsewhere.
int root_link_read(int root_fd, const char *root, const char *name, char **ret) _must_use_;

// Absolute paths that lead to the site's project directory: the resolved one first, then through
// the link "prod" and through the policy's other names of its root.
void site_spellings(const Policy *policy, const SiteDir *site, TextList *ret);

// Refuses, with code "in-use", when a role's link in the root points at `site`.
int root_links_refuse(const SiteDir *site, Error *error) _must_use_;

// From now on the file system allows the calling thread what it allows the account; NULL: what it
// allows root, which needs no groups. Without effect when the worker is not root. The bare system
// calls, for glibc's would change every thread.
void site_act_as(const Account *account);

#endif
