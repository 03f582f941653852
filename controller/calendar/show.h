// The calendar for people and programs.
#ifndef UNDERSTUDY_CALENDAR_SHOW_H
#define UNDERSTUDY_CALENDAR_SHOW_H

#include <jansson.h>

#include "calendar/due.h"

#define SHOW_RUNS 10

// {series, rule, zone, window, paused, next: [{at, local, planned_at, left_out, why}], last:
// {planned_at, job, state, outcome, waits_until} or null}. `why`: what moves a run from the moment
// that was planned, or keeps it from beginning; or null. The caller's reference.
int show_schedule(Controller *controller, const CalendarRow *row, json_t **ret, Error *error)
        _must_use_;

// {host, window, zone, runs: [{series, at, local, planned_at, left_out, why}]}: of each series
// there its next run. The caller's reference.
int show_host_window(Controller *controller, const HostRow *host, json_t **ret, Error *error)
        _must_use_;

// Runs of all series within so many days and attempts that have not ended, as they come: [{at,
// local, series, host, what}], of attempts with `ends_at`.
int show_runs(Controller *controller, int64_t from_us, int64_t days, json_t **ret, Error *error)
        _must_use_;

#endif
