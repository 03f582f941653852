// When something recurs: an iCalendar recurrence rule (RFC 5545, 3.3.10) in a time zone.
//
// Moments are microseconds since the epoch. A local time that a daylight-saving change leaves out
// is taken with the offset before the change (02:30 becomes 03:30), one that occurs twice is its
// first occurrence: RFC 5545, 3.3.5. Thread: the loop's.
#ifndef UNDERSTUDY_CALENDAR_RULE_H
#define UNDERSTUDY_CALENDAR_RULE_H

#include <libical/ical.h>

#include "base/error.h"

typedef struct Rule {
        struct icalrecurrencetype recurrence;
        icaltimezone *zone;        // libical's
        struct icaltimetype start; // local
} Rule;

// A zone of the system's time zone database ("Europe/Brussels"). -EINVAL, code "bad-zone".
int rule_zone(const char *zone, icaltimezone **ret, Error *error) _must_use_;

// `text` as in "FREQ=DAILY;BYHOUR=2;BYMINUTE=17". What it does not say (the hour, the day of the
// week) is taken from `start_us`; seconds are 0 unless it says them. -EINVAL, code "bad-rule": not
// a rule, or one that recurs more than once an hour. Free with rule_clear.
int rule_parse(const char *text, const char *zone, int64_t start_us, Rule *ret, Error *error)
        _must_use_;
void rule_clear(Rule *rule);
#define _cleanup_rule_ _cleanup_(rule_clear)

// The first moment after `after_us`, never before the start; 0: none.
int64_t rule_next(const Rule *rule, int64_t after_us);

// A local time as a moment, and a moment as a local time.
int64_t rule_to_us(icaltimezone *zone, struct icaltimetype local);
// Of one that occurs twice, the second occurrence when the first is not after `after_us`.
int64_t rule_to_us_after(icaltimezone *zone, struct icaltimetype local, int64_t after_us);
struct icaltimetype rule_to_local(icaltimezone *zone, int64_t at_us);

// "Fri 2026-11-27 02:17" in the zone. The caller's.
char *rule_local_text(icaltimezone *zone, int64_t at_us);

// The zone of this machine, from /etc/localtime; "UTC" when that does not say. The caller's.
char *rule_zone_of_machine(void);

#endif
