#include "calendar/rule.h"

#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define DAY          86400
#define MISSES_MAX   4096 // occurrences before the one that is looked for
#define ZONE_DEFAULT "UTC"

static struct icaltimetype of_seconds(int64_t seconds)
{
        return icaltime_from_timet_with_zone((time_t)seconds, 0, icaltimezone_get_utc_timezone());
}

// What a zone's clocks are ahead of UTC at a moment, in seconds.
static int64_t offset_at(icaltimezone *zone, int64_t seconds)
{
        struct icaltimetype at = of_seconds(seconds);
        int daylight;

        return icaltimezone_get_utc_offset_of_utc_time(zone, &at, &daylight);
}

// The zone's clocks are read as if they were UTC's; then the offset is found that makes it true.
static int64_t local_to_seconds(icaltimezone *zone, struct icaltimetype local)
{
        int64_t read = icaltime_as_timet(local);
        int64_t before = offset_at(zone, read - DAY), after = offset_at(zone, read + DAY);
        int64_t larger = before > after ? before : after;
        int64_t smaller = before > after ? after : before;

        if (offset_at(zone, read - larger) == larger)
                return read - larger;
        if (offset_at(zone, read - smaller) == smaller)
                return read - smaller;
        return read - before;
}

int64_t rule_to_us(icaltimezone *zone, struct icaltimetype local)
{
        return local_to_seconds(zone, local) * US_PER_SECOND;
}

int64_t rule_to_us_after(icaltimezone *zone, struct icaltimetype local, int64_t after_us)
{
        int64_t first_us = rule_to_us(zone, local), read = icaltime_as_timet(local);
        int64_t second = read - offset_at(zone, read + DAY);

        if (first_us <= after_us && second * US_PER_SECOND > after_us &&
                offset_at(zone, second) == read - second)
                return second * US_PER_SECOND;
        return first_us;
}

struct icaltimetype rule_to_local(icaltimezone *zone, int64_t at_us)
{
        int64_t seconds = at_us / US_PER_SECOND;

        return of_seconds(seconds + offset_at(zone, seconds));
}

char *rule_local_text(icaltimezone *zone, int64_t at_us)
{
        static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        struct icaltimetype at = rule_to_local(zone, at_us);

        return text_format("%s %04d-%02d-%02d %02d:%02d", days[icaltime_day_of_week(at) - 1],
                at.year, at.month, at.day, at.hour, at.minute);
}

char *rule_zone_of_machine(void)
{
        char target[PATH_MAX];
        ssize_t length = readlink("/etc/localtime", target, sizeof target - 1);
        const char *name = NULL;

        if (length > 0) {
                target[length] = '\0';
                name = strstr(target, "zoneinfo/");
        }
        name = name ? name + strlen("zoneinfo/") : ZONE_DEFAULT;
        return text_copy(icaltimezone_get_builtin_timezone(name) ? name : ZONE_DEFAULT);
}

int rule_zone(const char *zone, icaltimezone **ret, Error *error)
{
        icaltimezone *found = text_equal(zone, "UTC") ? icaltimezone_get_utc_timezone()
                              : text_blank(zone)      ? NULL
                                                      : icaltimezone_get_builtin_timezone(zone);

        if (found) {
                *ret = found;
                return 0;
        }
        error_set(error, -EINVAL, "bad-zone", "there is no time zone '%s'", zone ? zone : "");
        error_next(error, "Take a name of the system's list, such as Europe/Brussels or UTC: "
                          "timedatectl list-timezones");
        return -EINVAL;
}

static int refuse(const char *text, const char *why, Error *error)
{
        error_set(error, -EINVAL, "bad-rule", "'%s' is no rule to recur by", text);
        error_why(error, "%s", why);
        error_next(error, "Write it as iCalendar does, for instance "
                          "'FREQ=DAILY;BYHOUR=2;BYMINUTE=30' or "
                          "'FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=22;BYMINUTE=0'.");
        return -EINVAL;
}

static size_t listed(const short *values, size_t room)
{
        size_t count = 0;

        while (count < room && values[count] != ICAL_RECURRENCE_ARRAY_MAX)
                count++;
        return count;
}

static int check(const char *text, const struct icalrecurrencetype *rule, Error *error)
{
        if (rule->freq == ICAL_NO_RECURRENCE)
                return refuse(text, "it is not written as a recurrence rule", error);
        if (rule->freq == ICAL_SECONDLY_RECURRENCE || rule->freq == ICAL_MINUTELY_RECURRENCE ||
                listed(rule->by_minute, ELEMENTS(rule->by_minute)) > 1 ||
                listed(rule->by_second, ELEMENTS(rule->by_second)) > 1)
                return refuse(text, "it recurs more than once an hour", error);
        return 0;
}

int rule_parse(const char *text, const char *zone, int64_t start_us, Rule *ret, Error *error)
{
        Rule rule = {0};
        int r = rule_zone(zone, &rule.zone, error);

        if (r < 0)
                return r;
        icalerror_set_errors_are_fatal(0);
        rule.recurrence = icalrecurrencetype_from_string(text);
        r = check(text, &rule.recurrence, error);
        if (r < 0) {
                rule_clear(&rule);
                return r;
        }
        rule.start = rule_to_local(rule.zone, start_us);
        rule.start.second = 0;
        rule.start.zone = NULL;
        *ret = rule;
        return 0;
}

void rule_clear(Rule *rule)
{
        icalrecurrencetype_clear(&rule->recurrence);
        *rule = (Rule){0};
}

// Far ahead of the start, an iterator that counted up to now would take longer every year. A rule
// that counts its occurrences has to.
static icalrecur_iterator *iterate(const Rule *rule, int64_t after_us)
{
        icalrecur_iterator *iterator = icalrecur_iterator_new(rule->recurrence, rule->start);
        struct icaltimetype from = rule_to_local(rule->zone, after_us - 2 * DAY * US_PER_SECOND);

        from.zone = NULL;
        if (iterator && rule->recurrence.count == 0 && icaltime_compare(from, rule->start) > 0)
                (void)icalrecur_iterator_set_start(iterator, from);
        return iterator;
}

int64_t rule_next(const Rule *rule, int64_t after_us)
{
        icalrecur_iterator *iterator = iterate(rule, after_us);
        int64_t found = 0;

        for (int i = 0; iterator && found == 0 && i < MISSES_MAX; i++) {
                struct icaltimetype next = icalrecur_iterator_next(iterator);
                int64_t at_us;

                if (icaltime_is_null_time(next))
                        break;
                at_us = rule_to_us(rule->zone, next);
                if (at_us > after_us)
                        found = at_us;
        }
        if (iterator)
                icalrecur_iterator_free(iterator);
        return found;
}
