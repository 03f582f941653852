// A part of each day, in a time zone: "22:00-06:00", over midnight when it ends before it begins.
#ifndef UNDERSTUDY_CALENDAR_WINDOW_H
#define UNDERSTUDY_CALENDAR_WINDOW_H

#include <stdbool.h>

#include "calendar/rule.h"

typedef struct Window {
        int begin, end; // minutes since midnight, 0 .. 1439; the same: the whole day
} Window;

// "" is the whole day. -EINVAL, code "bad-window".
int window_parse(const char *text, Window *ret, Error *error) _must_use_;

bool window_holds(const Window *window, icaltimezone *zone, int64_t at_us);

// When the window that holds `at_us` closes. INT64_MAX: never.
int64_t window_end(const Window *window, icaltimezone *zone, int64_t at_us);

// When it opens next, after `at_us`; of a whole day that is `at_us` itself.
int64_t window_opening(const Window *window, icaltimezone *zone, int64_t at_us);

#endif
