// The calendar as iCalendar (RFC 5545): nightly runs and windows as recurring events, attempts as
// one event each, whose UID stays and whose SEQUENCE says which telling is the newest.
#ifndef UNDERSTUDY_CALENDAR_ICS_H
#define UNDERSTUDY_CALENDAR_ICS_H

#include "core/core.h"
#include "store/attempt.h"

#define ICS_TYPE "text/calendar; charset=utf-8"

// For how long an attempt stays in the calendar after its end, so that who has seen it sees that it
// was withdrawn.
#define ICS_KEEP_US (INT64_C(90) * 86400 * 1000000)

// Of the whole fleet. The caller's.
int ics_of_fleet(Controller *controller, int64_t now_us, char **ret, Error *error) _must_use_;

// What a mail says of one attempt: `organizer` is its sender. `ret_method` is "PUBLISH", or
// "CANCEL" for one that does not take place. The caller's.
int ics_of_attempt(Controller *controller, const AttemptRow *attempt, const char *organizer,
        char **ret, const char **ret_method, Error *error) _must_use_;

// What an attempt is from when to when, as far as is known.
int64_t ics_begin_us(const AttemptRow *attempt);
int64_t ics_end_us(const AttemptRow *attempt);

#endif
