// A moment as people write it: "now", a time of day ("18:00": the next one), or a date and time in
// ISO 8601
// ("2026-11-27T18:00", with "Z" or "+01:00" where it is not meant in the series' zone).
#ifndef UNDERSTUDY_CALENDAR_WHEN_H
#define UNDERSTUDY_CALENDAR_WHEN_H

#include "calendar/rule.h"

// -EINVAL, code "bad-when": it is none, or it is before `now_us`. Microseconds since the epoch.
int when_parse(const char *text, icaltimezone *zone, int64_t now_us, int64_t *ret_us, Error *error)
        _must_use_;

#endif
