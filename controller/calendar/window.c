#include "calendar/window.h"

#include "base/text.h"

enum { HOUR = 60, DAY = 24 * HOUR };

int window_parse(const char *text, Window *ret, Error *error)
{
        const char *dash = text ? strchr(text, '-') : NULL;
        _cleanup_free_ char *begin = dash ? text_copy_n(text, (size_t)(dash - text)) : NULL;

        *ret = (Window){0};
        if (text_blank(text))
                return 0;
        if (dash && text_parse_time_of_day(begin, &ret->begin) == 0 &&
                text_parse_time_of_day(dash + 1, &ret->end) == 0 && ret->begin != ret->end)
                return 0;
        error_set(error, -EINVAL, "bad-window", "'%s' is no part of a day", text);
        error_next(error, "Write for instance 22:00-06:00.");
        return -EINVAL;
}

static int minute_of(icaltimezone *zone, int64_t at_us)
{
        struct icaltimetype at = rule_to_local(zone, at_us);

        return at.hour * HOUR + at.minute;
}

bool window_holds(const Window *window, icaltimezone *zone, int64_t at_us)
{
        int minute = minute_of(zone, at_us);

        if (window->begin < window->end)
                return minute >= window->begin && minute < window->end;
        return window->begin == window->end || minute >= window->begin || minute < window->end;
}

// The next moment after `at_us` at which the zone's clocks show so many minutes since midnight.
static int64_t next_minute(icaltimezone *zone, int minute, int64_t at_us)
{
        struct icaltimetype at = rule_to_local(zone, at_us);

        if (at.hour * HOUR + at.minute >= minute)
                icaltime_adjust(&at, 1, 0, 0, 0);
        at.hour = minute / HOUR;
        at.minute = minute % HOUR;
        at.second = 0;
        return rule_to_us_after(zone, at, at_us);
}

int64_t window_end(const Window *window, icaltimezone *zone, int64_t at_us)
{
        return window->begin == window->end ? INT64_MAX : next_minute(zone, window->end, at_us);
}

int64_t window_opening(const Window *window, icaltimezone *zone, int64_t at_us)
{
        return window->begin == window->end ? at_us : next_minute(zone, window->begin, at_us);
}
