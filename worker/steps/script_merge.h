// The maintained restore2preview.py brought up to date with a new restore.py.
#ifndef UNDERSTUDY_WORKER_STEPS_SCRIPT_MERGE_H
#define UNDERSTUDY_WORKER_STEPS_SCRIPT_MERGE_H

#include "steps/script_text.h"

// Merges unit by unit. The order is that of `theirs`, the new restore.py; what was changed, added,
// removed or commented out by hand in `ours` since `base`, the restore.py it came from, stays so. A
// unit changed on both sides is merged line by line. Without a base (NULL), what both have differs
// by hand, and what only `theirs` has is new.
void script_merge(const char *base, const char *ours, const char *theirs, ScriptMerge *ret);

// Number of the first line that is a conflict marker; 0: none.
unsigned script_marker_line(const char *text);

#endif
