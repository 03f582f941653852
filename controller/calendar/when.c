#include "calendar/when.h"

#include "base/clock.h"
#include "base/text.h"

static int refuse(const char *text, const char *why, Error *error)
{
        error_set(error, -EINVAL, "bad-when", "'%s' is no time for an attempt", text);
        error_why(error, "%s", why);
        error_next(error, "Write it as now, 18:00, 2026-11-27T18:00 or 2026-11-27T18:00+01:00.");
        return -EINVAL;
}

// What stands behind the minutes: seconds, and how far the clock is ahead of UTC. False: it is
// anything else.
static bool read_rest(const char *rest, struct icaltimetype *local, bool *ret_utc, int *ret_ahead)
{
        int length = 0, hours, minutes;
        char sign;

        *ret_ahead = 0;
        if (sscanf(rest, ":%2d%n", &local->second, &length) == 1)
                rest += length;
        *ret_utc = *rest != '\0';
        if (*rest == '\0' || text_equal(rest, "Z"))
                return true;
        length = 0;
        if (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &length) != 3 ||
                rest[length] != '\0' || (sign != '+' && sign != '-') || hours > 14 || minutes > 59)
                return false;
        *ret_ahead = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
        return true;
}

static bool is_possible(struct icaltimetype local)
{
        struct icaltimetype normal = icaltime_normalize(local);

        return icaltime_compare(local, normal) == 0 && local.year >= 1970 && local.year <= 9999;
}

static bool read_date(const char *text, icaltimezone *zone, int64_t *ret_us)
{
        struct icaltimetype local = icaltime_null_time();
        int length = 0, ahead;
        bool utc;

        if (sscanf(text, "%4d-%2d-%2dT%2d:%2d%n", &local.year, &local.month, &local.day,
                    &local.hour, &local.minute, &length) != 5 ||
                !read_rest(text + length, &local, &utc, &ahead) || !is_possible(local))
                return false;
        *ret_us = rule_to_us(utc ? icaltimezone_get_utc_timezone() : zone, local) -
                  ahead * 60 * US_PER_SECOND;
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
