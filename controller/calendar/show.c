#include "calendar/show.h"

#include <limits.h>

#include "base/clock.h"
#include "base/text.h"
#include "calendar/foresee.h"
#include "calendar/ics.h"
#include "tell/view.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)

static json_t *run(const Limits *limits, int64_t planned_us)
{
        _cleanup_foreseen_ Foreseen run = foresee(limits, planned_us);
        _cleanup_free_ char *local = rule_local_text(limits->due->rule.zone, run.at_us);

        return json_pack("{s:o, s:s, s:o, s:b, s:s?}", "at", view_time(run.at_us), "local", local,
                "planned_at", view_time(planned_us), "left_out", run.fate != RUN_BEGINS, "why",
                run.why);
}

// The runs of a schedule from now on: so many, or all before a moment.
static int add_runs(Controller *controller, const CalendarRow *row, int most, int64_t until_us,
        json_t *runs, Error *error)
{
        _cleanup_due_ Due due = {0};
        _cleanup_limits_ Limits limits = {0};
        int64_t at_us = row->next_us;
        int r;

        if (row->paused || at_us == 0 || due_read(row, &due, NULL) < 0)
                return 0;
        r = limits_read(controller, &due, clock_now_us(), &limits, error);
        for (int i = 0; r == 0 && i < most && at_us != 0 && at_us < until_us; i++) {
                json_array_append_new(runs, run(&limits, at_us));
                at_us = rule_next(&due.rule, at_us);
        }
        return r;
}

static int last_run(Controller *controller, const CalendarRow *row, json_t **ret, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        bool came = row->job && text_blank(row->outcome);
        int r = came ? job_get(controller->store, row->job, &job, error) : 0;

        if (r < 0)
                return r;
        *ret = row->planned_us ? json_pack("{s:o, s:o, s:s*, s:s, s:o}", "planned_at",
                                         view_time(row->planned_us), "job",
                                         r > 0 ? json_integer(job.id) : json_null(), "state",
                                         r > 0 ? job_state_names[job.state] : NULL, "outcome",
                                         row->outcome, "waits_until", view_time(row->waits_us))
                               : json_null();
        return 0;
}

int show_schedule(Controller *controller, const CalendarRow *row, json_t **ret, Error *error)
{
        json_t *last = NULL, *next = json_array();
        int r = add_runs(controller, row, SHOW_RUNS, INT64_MAX, next, error)
                        ?: last_run(controller, row, &last, error);

        if (r < 0) {
                json_decref(next);
                return r;
        }
        *ret = json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o}", "series", row->series, "rule",
                row->rule, "zone", row->zone, "window", row->window, "paused", (int)row->paused,
                "next", next, "last", last);
        return 0;
}

// ---- of a host

static int add_next_run(Controller *controller, const char *series, json_t *all, Error *error)
{
        _cleanup_calendar_row_ CalendarRow row = {0};
        json_t *runs = json_array(), *one;
        size_t i;
        int r = calendar_get(controller->store, series, &row, error);

        if (r > 0)
                r = add_runs(controller, &row, 1, INT64_MAX, runs, error);
        json_array_foreach (runs, i, one) {
                json_object_set_new(one, "series", json_string(series));
                json_array_append(all, one);
        }
        json_decref(runs);
        return r;
}

int show_host_window(Controller *controller, const HostRow *host, json_t **ret, Error *error)
{
        _cleanup_host_window_ HostWindow window = {0};
        _cleanup_rows_ Rows list = {0};
        json_t *runs = json_array();
        int r = host_window_read(controller, host->name, &window, error)
                        ?: series_list(controller->store, &list, error);
        const SeriesRow *series = list.items;

        for (size_t i = 0; r >= 0 && i < list.count; i++)
                if (text_equal(series[i].host, host->name))
                        r = add_next_run(controller, series[i].name, runs, error);
        if (r < 0) {
                json_decref(runs);
                return r;
        }
        *ret = json_pack("{s:s, s:s, s:s, s:o}", "host", host->name, "window", window.text, "zone",
                window.zone_name, "runs", runs);
        return 0;
}

// ---- of all series

static int compare_runs(const void *a, const void *b)
{
        const json_t *const *left = a, *const *right = b;
        double first = json_number_value(json_object_get(*left, "at"));
        double second = json_number_value(json_object_get(*right, "at"));

        return first < second   ? -1
               : first > second ? 1
                                : strcmp(json_string_value(json_object_get(*left, "series")),
                                          json_string_value(json_object_get(*right, "series")));
}

static json_t *sorted(json_t *take_runs)
{
        size_t count = json_array_size(take_runs);
        _cleanup_free_ json_t **runs = memory_new(count * sizeof *runs);
        json_t *all = json_array();

        for (size_t i = 0; i < count; i++)
                runs[i] = json_array_get(take_runs, i);
        qsort(runs, count, sizeof *runs, compare_runs);
        for (size_t i = 0; i < count; i++)
                json_array_append(all, runs[i]);
        json_decref(take_runs);
        return all;
}

static int add_series(
        Controller *controller, const CalendarRow *row, int64_t until_us, json_t *all, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        json_t *runs = json_array(), *one;
        size_t i;
        int r = series_get(controller->store, row->series, &series, error);

        if (r > 0)
                r = add_runs(controller, row, INT_MAX, until_us, runs, error);
        json_array_foreach (runs, i, one) {
                bool left_out = json_is_true(json_object_get(one, "left_out"));

                json_object_set_new(one, "series", json_string(row->series));
                json_object_set_new(one, "host", json_string(series.host));
                json_object_set_new(one, "what",
                        json_string(left_out ? "synchronisation left out" : "synchronisation"));
                json_array_append(all, one);
        }
        json_decref(runs);
        return r;
}

// An attempt that has not ended, in the time zone of its series.
static int add_attempt(Controller *controller, const AttemptRow *attempt, json_t *all, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_calendar_row_ CalendarRow row = {0};
        _cleanup_free_ char *local = NULL, *what = NULL;
        icaltimezone *zone = icaltimezone_get_utc_timezone();
        int64_t at_us = ics_begin_us(attempt);
        int r = series_get(controller->store, attempt->series, &series, error);

        if (r >= 0)
                r = calendar_get(controller->store, attempt->series, &row, error);
        if (r < 0)
                return r;
        if (row.zone)
                (void)!rule_zone(row.zone, &zone, NULL); // else it stays UTC
        local = rule_local_text(zone, at_us);
        what = text_format("upgrade attempt, %s", attempt_state_names[attempt->state]);
        json_array_append_new(all,
                json_pack("{s:o, s:s, s:o, s:s, s:s, s:s}", "at", view_time(at_us), "local", local,
                        "ends_at", view_time(ics_end_us(attempt)), "series", attempt->series,
                        "host", series.host ? series.host : "", "what", what));
        return 0;
}

static int add_attempts(Controller *controller, int64_t until_us, json_t *all, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        int r = attempts_since(controller->store, INT64_MAX, &rows, error);
        const AttemptRow *attempt = rows.items;

        for (size_t i = 0; r == 0 && i < rows.count; i++)
                if (ics_begin_us(&attempt[i]) < until_us)
                        r = add_attempt(controller, &attempt[i], all, error);
        return r;
}

int show_runs(Controller *controller, int64_t from_us, int64_t days, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        json_t *all = json_array();
        int64_t until_us = from_us + days * DAY_US;
        int r = calendar_list(controller->store, &rows, error)
                        ?: add_attempts(controller, until_us, all, error);
        const CalendarRow *row = rows.items;

        for (size_t i = 0; r == 0 && i < rows.count; i++)
                r = add_series(controller, &row[i], until_us, all, error);
        *ret = sorted(all);
        if (r < 0)
                json_decref(TAKE_PTR(*ret));
        return r;
}
