// main() of a maintained script brought up to date with that of a new restore.py.
#ifndef UNDERSTUDY_WORKER_STEPS_SCRIPT_MAIN_H
#define UNDERSTUDY_WORKER_STEPS_SCRIPT_MAIN_H

#include "steps/script_text.h"
#include "steps/script_units.h"

// Its execfile lines are a set, in the order of `theirs`. `base` may be NULL. `scripts` are all
// units of the three files, by which the parts of a table ("x_1.py") are told from a table of such
// a name. Counts into `merge`. The caller's.
char *script_merge_main(ScriptMerge *merge, const char *base, const char *ours, const char *theirs,
        const ScriptUnits *const scripts[3]);

#endif
