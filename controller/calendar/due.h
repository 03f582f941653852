// What the calendar has to do now: a series that is due gets its synchronisation, or an entry in
// the history that says why not.
//
//      the controller was down at that moment, or its clock was put ahead
//                              at most once, when it is back, unless it is too late by then
//      several were missed     the last of them counts
//      the last one still runs this one is left out
//      no preview              left out, and shown by `schedule show`; no entry each night
//      the host is away        it waits; when it is too late to begin, it is canceled
//      the host's window       it waits until that is open too, if the series' window still is then
//      an upgrade attempt      near its opening and while it is open runs are left out, which is
//                              no failure (calendar/foresee.h)
//      the clock is put back   what was done is not done again
//
// Too late is when a window has closed, and without one of the series after DUE_LATE_US.
#ifndef UNDERSTUDY_CALENDAR_DUE_H
#define UNDERSTUDY_CALENDAR_DUE_H

#include "calendar/rule.h"
#include "calendar/window.h"
#include "core/core.h"
#include "store/calendar.h"

#define DUE_LATE_US (INT64_C(6) * 3600 * 1000000)

// A row with its rule and window read. Free with due_clear.
typedef struct Due {
        const CalendarRow *row; // borrowed
        Rule rule;
        Window window;
} Due;

// -EINVAL for what nobody may set: an unknown zone, a bad rule or window, a rule that would begin
// runs outside the window.
int due_read(const CalendarRow *row, Due *ret, Error *error) _must_use_;
void due_clear(Due *due);
#define _cleanup_due_ _cleanup_(due_clear)

// The rule of a series that nobody has made one for: every night at a minute between 1 and 5
// o'clock that its name decides, so that a fleet does not begin all at once. The caller's.
char *due_default_rule(const char *series);

// Does all that is due at `now_us`, within this turn; makes schedules for series that have none.
int due_run(Controller *controller, int64_t now_us, Error *error) _must_use_;

#endif
