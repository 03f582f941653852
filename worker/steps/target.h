// The site that a step may destroy something of, after it has proven to be itself.
#ifndef UNDERSTUDY_WORKER_STEPS_TARGET_H
#define UNDERSTUDY_WORKER_STEPS_TARGET_H

#include "site/database.h"
#include "site/interlock.h"

typedef struct Target {
        SiteDir site;
        Fleet__Identity *identity; // its own answer, just now
        const DatabaseEngine *engine;
} Target;

#define TARGET_EMPTY     ((Target){.site = SITE_DIR_EMPTY})
#define _cleanup_target_ _cleanup_(target_close)

// Opens `site`, which has to be the guard's target, and runs the interlock.
int target_open(StepContext *context, const Fleet__Site *site, const Fleet__Guard *guard,
        Target *ret, Error *error) _must_use_;
void target_close(Target *target);

#endif
