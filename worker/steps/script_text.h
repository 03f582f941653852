// Three texts merged line by line, and what came of it.
#ifndef UNDERSTUDY_WORKER_STEPS_SCRIPT_TEXT_H
#define UNDERSTUDY_WORKER_STEPS_SCRIPT_TEXT_H

#include "base/macro.h"

typedef struct ScriptMerge {
        char *text;      // with conflict markers when there is a conflict
        unsigned taken;  // units changed in restore.py only
        unsigned kept;   // by hand only
        unsigned merged; // on both sides
        unsigned conflicts;
} ScriptMerge;

void script_merge_clear(ScriptMerge *merge);
#define _cleanup_merge_ _cleanup_(script_merge_clear)

// Three texts of one unit. Counts into `merge`. The caller's.
char *script_merge_text(ScriptMerge *merge, const char *base, const char *ours, const char *theirs);

#endif
