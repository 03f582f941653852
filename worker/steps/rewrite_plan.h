// Which files of a project directory name the site, and how they read once it is renamed.
#ifndef UNDERSTUDY_WORKER_STEPS_REWRITE_PLAN_H
#define UNDERSTUDY_WORKER_STEPS_REWRITE_PLAN_H

#include "site/site.h"

typedef struct RewriteFile {
        char *path;     // as it is now, relative to the project directory
        char *new_path; // as it will be
        char *original; // production's text
        char *before;   // text now; NULL: a directory, or not text
        char *after;
        struct stat *like;
} RewriteFile;

typedef struct RewritePlan {
        const char *old_name, *new_name;
        const SiteDir *production;
        const SiteDir *subject; // the clone, or in a dry run production
        char *settings_module;  // of production; NULL: the clone's settings are not managed
        TextList left_out;      // paths that are not looked at
        char *old_key;          // production's SECRET_KEY; NULL: not a plain assignment
        char *new_key;
        RewriteFile *files; // those that change, or have changed from production's
        size_t count;
} RewritePlan;

void rewrite_plan_clear(RewritePlan *plan);

// Reads the subject. Repeatable on one that is partly rewritten. The caller sets the names, the
// sites, and what is left out.
int rewrite_plan_make(RewritePlan *plan, Error *error) _must_use_;

// Writes the files, each by a rename, then renames what carries the name.
int rewrite_plan_apply(const RewritePlan *plan, Error *error) _must_use_;

// Unified, secrets masked. The caller's.
char *rewrite_plan_diff(const RewritePlan *plan);

bool rewrite_is_left_out(const RewritePlan *plan, const char *path);

#endif
