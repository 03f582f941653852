#include "calendar/window.h"

#include <stdio.h>

#include "base/text.h"

enum { HOUR = 60, DAY = 24 * HOUR };

// Since midnight. -1: no time of day.
static int minutes(const char *text)
{
        unsigned hour, minute;
        int length = 0;

        if (sscanf(text, "%2u:%2u%n", &hour, &minute, &length) != 2 || text[length] != '\0' ||
                hour >= 24 || minute >= HOUR)
                return -1;
        return (int)(hour * HOUR + minute);
}

int window_parse(const char *text, Window *ret, Error *error)
{
        int length = 0;
        char begin[6], end[6];

        *ret = (Window){0};
        if (text_blank(text))
                return 0;
        if (sscanf(text, "%5[0-9:]-%5[0-9:]%n", begin, end, &length) == 2 && text[length] == '\0' &&
                (ret->begin = minutes(begin)) >= 0 && (ret->end = minutes(end)) >= 0 &&
                ret->begin != ret->end)
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

int64_t window_end(const Window *window, icaltimezone *zone, int64_t at_us)
{
        struct icaltimetype at = rule_to_local(zone, at_us);

        if (window->begin == window->end)
                return INT64_MAX;
        if (at.hour * HOUR + at.minute >= window->end)
                icaltime_adjust(&at, 1, 0, 0, 0);
        at.hour = window->end / HOUR;
        at.minute = window->end % HOUR;
        at.second = 0;
        return rule_to_us(zone, at);
}
