// The line beneath a running step: bar, amounts, rate and time left.
#ifndef UNDERSTUDY_CLI_BAR_H
#define UNDERSTUDY_CLI_BAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/rate.h"

// "######....  52 %  2,021 of 3,887 objects  4.1 MB  210/s  9 s left  contacts_person", cut to
// `width` columns. `progress` is the protobuf message as JSON. Allocated.
char *bar_text(const json_t *progress, const Rate *rate, bool utf8, size_t width);

#endif
