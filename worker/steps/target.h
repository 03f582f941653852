// The site that a step may destroy something of, after it has proven to be itself.
#ifndef UNDERSTUDY_WORKER_STEPS_TARGET_H
#define UNDERSTUDY_WORKER_STEPS_TARGET_H

#include <jansson.h>

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
// For a site that cannot prove itself: drops the database and the user that its managed settings
// say were made for this very site (a clone does not inherit them), unless another site has them.
// None: nothing to do.
int target_drop_managed(StepContext *context, const SiteDir *site, const Fleet__Guard *guard,
        Error *error) _must_use_;

void target_close(Target *target);

// For requests to helpers. Databases that site code may not even open meanwhile, of the same kind:
// the target's own, if `own`, and those of the guard's other sites.
json_t *target_keep(const Target *target, const Fleet__Guard *guard, bool own);

// All paths that lead to production's project directory: where volumes may lie that have to lie in
// the preview.
int target_production_paths(
        StepContext *context, const Fleet__Site *production, json_t **ret, Error *error) _must_use_;

#endif
