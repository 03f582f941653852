// The calendar as iCalendar (RFC 5545), for calendar programs.
#ifndef UNDERSTUDY_CALENDAR_ICS_H
#define UNDERSTUDY_CALENDAR_ICS_H

#include "core/core.h"
#include "store/attempt.h"

#define ICS_TYPE "text/calendar; charset=utf-8"

// One recurring event a series, and one event an upgrade attempt that has not ended or ended within
// ICS_PAST_US. The caller's.
#define ICS_PAST_US (INT64_C(30) * 86400 * 1000000)
int ics_of_all(Controller *controller, int64_t now_us, char **ret, Error *error) _must_use_;

// One upgrade attempt, to be put into somebody's calendar. What is sent again with the same UID and
// a higher SEQUENCE takes the place of the earlier one. The caller's.
int ics_of_attempt(Controller *controller, const AttemptRow *attempt, char **ret, Error *error)
        _must_use_;

#endif
