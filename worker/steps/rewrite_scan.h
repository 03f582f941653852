// Where the old name still stands, in a whole project directory.
#ifndef UNDERSTUDY_WORKER_STEPS_REWRITE_SCAN_H
#define UNDERSTUDY_WORKER_STEPS_REWRITE_SCAN_H

#include "steps/rewrite_plan.h"

// Looks at names, links' targets and contents; in media at links only. What `plan` changes is
// looked at as it will be. Adds to result->remaining, at most a few hundred, the last saying how
// many more.
int rewrite_scan(StepContext *context, const RewritePlan *plan, Fleet__RewriteResult *result,
        Error *error) _must_use_;

#endif
