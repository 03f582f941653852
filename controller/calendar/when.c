#include "calendar/when.h"

#include <time.h>

#include "base/clock.h"
#include "base/text.h"

static int refuse(const char *text, const char *why, Error *error)
{
        error_set(error, -EINVAL, "bad-when", "'%s' is no time for an attempt", text);
        error_why(error, "%s", why);
        error_next(error, "Write it as now, 18:00, 2026-11-27T18:00 or 2026-11-27T18:00+01:00.");
        return -EINVAL;
}

static bool is_possible(struct icaltimetype local)
{
        struct icaltimetype normal = icaltime_normalize(local);

        return icaltime_compare(local, normal) == 0 && local.year >= 1970 && local.year <= 9999;
}

static bool read_date(const char *text, icaltimezone *zone, int64_t *ret_us)
{
        struct tm parts = {0}, offset = {0};
        struct icaltimetype local;
        const char *rest = strptime(text, "%Y-%m-%dT%H:%M", &parts);

        if (rest && *rest == ':')
                rest = strptime(rest, ":%S", &parts);
        if (rest && *rest) {
                zone = icaltimezone_get_utc_timezone();
                rest = strptime(rest, "%z", &offset);
        }
        local = icaltime_null_time();
        local.year = parts.tm_year + 1900;
        local.month = parts.tm_mon + 1;
        local.day = parts.tm_mday;
        local.hour = parts.tm_hour;
        local.minute = parts.tm_min;
        local.second = parts.tm_sec;
        if (!rest || *rest || !is_possible(local))
                return false;
        *ret_us = rule_to_us(zone, local) - offset.tm_gmtoff * US_PER_SECOND;
        return true;
}

// Today, or when that has passed tomorrow.
static int64_t next_time_of_day(int minutes, icaltimezone *zone, int64_t now_us)
{
        struct icaltimetype local = rule_to_local(zone, now_us);
        int64_t at_us;

        local.hour = minutes / 60;
        local.minute = minutes % 60;
        local.second = 0;
        at_us = rule_to_us(zone, local);
        if (at_us > now_us)
                return at_us;
        icaltime_adjust(&local, 1, 0, 0, 0);
        return rule_to_us(zone, local);
}

int when_parse(const char *text, icaltimezone *zone, int64_t now_us, int64_t *ret_us, Error *error)
{
        int minutes;

        if (text_equal(text, "now"))
                *ret_us = now_us;
        else if (text_parse_time_of_day(text, &minutes) == 0)
                *ret_us = next_time_of_day(minutes, zone, now_us);
        else if (!read_date(text, zone, ret_us))
                return refuse(text, "it is neither a time of day nor a date and time", error);
        return *ret_us >= now_us ? 0 : refuse(text, "it has passed", error);
}
