// When each series is synchronised by itself, and what became of the last time.
#ifndef UNDERSTUDY_STORE_CALENDAR_H
#define UNDERSTUDY_STORE_CALENDAR_H

#include "store/row.h"

typedef struct CalendarRow {
        char *series;
        char *rule;       // RFC 5545
        char *zone;       // of the system's time zone database
        char *window;     // in which a run may begin, "22:00-06:00"; "": any time
        int64_t start_us; // from which the rule counts
        int64_t paused;
        int64_t next_us;    // 0: the rule has ended
        int64_t planned_us; // the moment that the last run was meant for; 0: there was none
        int64_t job;        // of the last run that came to be; 0: none
        char *outcome;      // why there was none at `planned_us`; "": there was
        int64_t waits_us;   // it was not left out, but moved to then; 0: it was not
} CalendarRow;

DEFINE_ROW(CalendarRow, calendar)
#define _cleanup_calendar_row_ _cleanup_(calendar_clear)

// 1: found; 0: there is none.
int calendar_get(Store *store, const char *series, CalendarRow *ret, Error *error) _must_use_;
int calendar_list(Store *store, Rows *ret, Error *error) _must_use_; // by series
// Not paused, and meant for `now_us` or before, or moved to it.
int calendar_due(Store *store, int64_t now_us, Rows *ret, Error *error) _must_use_;
// Those whose last run is queued still.
int calendar_waiting(Store *store, Rows *ret, Error *error) _must_use_;
// The next moment at which one is due; 0: none.
int calendar_next(Store *store, int64_t *ret_us, Error *error) _must_use_;
// What was moved on a host is due, to be looked at anew.
int calendar_wake(Store *store, const char *host, Error *error) _must_use_;
// Inserts or replaces.
int calendar_put(Store *store, const CalendarRow *row, Error *error) _must_use_;
// Names of series (rows of series_table) that are not in it; a retired one needs none.
int calendar_missing(Store *store, Rows *ret, Error *error) _must_use_;
// Missing is fine.
int calendar_remove(Store *store, const char *series, Error *error) _must_use_;

#endif
