// What rehearsals say about a series, for those who look at it. Private to operations/.
#ifndef UNDERSTUDY_OPERATIONS_OUTLOOK_H
#define UNDERSTUDY_OPERATIONS_OUTLOOK_H

#include <jansson.h>

#include "core/core.h"

// Adds "fitness" and "forecast" to what is shown. `attempt`: that is to open; 0: none yet.
int outlook_add(Controller *controller, const char *series, int64_t attempt, json_t *shown,
        Error *error) _must_use_;
// Adds "rehearsals", newest first.
int outlook_add_rehearsals(Controller *controller, const char *series, json_t *shown, Error *error)
        _must_use_;

#endif
