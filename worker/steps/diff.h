// Unified diffs, in memory.
#ifndef UNDERSTUDY_WORKER_STEPS_DIFF_H
#define UNDERSTUDY_WORKER_STEPS_DIFF_H

#include "base/text.h"

// The difference of two texts, with the paths that its headers name; "" when they are equal. Never
// NULL: valid UTF-8, the caller's.
char *diff_texts(
        const char *old_path, const char *old_text, const char *new_path, const char *new_text);

#endif
