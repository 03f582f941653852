// The maintained restore2preview.py brought up to date with a new restore.py.
#ifndef UNDERSTUDY_WORKER_STEPS_SCRIPT_MERGE_H
#define UNDERSTUDY_WORKER_STEPS_SCRIPT_MERGE_H

#include <stdbool.h>

#include "steps/script_units.h"

typedef struct ScriptMerge {
        char *text;      // with conflict markers when there is a conflict
        unsigned taken;  // units changed in restore.py only
        unsigned kept;   // by hand only
        unsigned merged; // on both sides
        unsigned conflicts;
} ScriptMerge;

void script_merge_clear(ScriptMerge *merge);
#define _cleanup_merge_ _cleanup_(script_merge_clear)

// Merges unit by unit. The order is that of `theirs`, the new restore.py; what was changed, added,
// removed or commented out by hand in `ours` since `base`, the restore.py it came from, stays so. A
// unit changed on both sides is merged line by line. Without a base (NULL), what both have differs
// by hand, and what only `theirs` has is new.
void script_merge(const char *base, const char *ours, const char *theirs, ScriptMerge *ret);

// Number of the first line that is a conflict marker; 0: none.
unsigned script_marker_line(const char *text);

// ---- for the parts

// Three texts of one unit. Counts into `merge`. The caller's.
char *script_merge_text(ScriptMerge *merge, const char *base, const char *ours, const char *theirs);

// main(), whose execfile lines are a set, in the order of `theirs`. `base` may be NULL. `scripts`
// are all units of the three files, by which the parts of a table ("x_1.py") are told from a table
// of such a name.
char *script_merge_main(ScriptMerge *merge, const char *base, const char *ours, const char *theirs,
        const ScriptUnits *const scripts[3]);

#endif
