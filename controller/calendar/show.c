#include "calendar/show.h"

#include "base/clock.h"
#include "base/text.h"
#include "calendar/blackout.h"
#include "tell/view.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)

static json_t *run(const Due *due, const Blackout *blackout, int64_t at_us)
{
        _cleanup_free_ char *local = rule_local_text(due->rule.zone, at_us),
                            *why = blackout_why(&blackout->attempt, blackout->before_us, at_us);

        return json_pack(
                "{s:o, s:s, s:s?}", "at", view_time(at_us), "local", local, "left_out", why);
}

static int next_runs(Controller *controller, const CalendarRow *row, json_t **ret, Error *error)
{
        _cleanup_due_ Due due = {0};
        Blackout blackout _cleanup_blackout_ = {0};
        int64_t at_us = row->next_us;
        int r = blackout_get(controller->store, row->series, &blackout, error);

        if (r < 0)
                return r;
        *ret = json_array();
        if (row->paused || at_us == 0 || due_read(row, &due, NULL) < 0)
                return 0;
        for (int i = 0; i < SHOW_RUNS && at_us != 0; i++) {
                json_array_append_new(*ret, run(&due, &blackout, at_us));
                at_us = rule_next(&due.rule, at_us);
        }
        return 0;
}

static int last_run(Controller *controller, const CalendarRow *row, json_t **ret, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        bool came = row->job && text_blank(row->outcome);
        int r = came ? job_get(controller->store, row->job, &job, error) : 0;

        if (r < 0)
                return r;
        *ret = row->planned_us
                       ? json_pack("{s:o, s:o, s:s*, s:s}", "planned_at",
                                 view_time(row->planned_us), "job",
                                 r > 0 ? json_integer(job.id) : json_null(), "state",
                                 r > 0 ? job_state_names[job.state] : NULL, "outcome", row->outcome)
                       : json_null();
        return 0;
}

int show_schedule(Controller *controller, const CalendarRow *row, json_t **ret, Error *error)
{
        json_t *last = NULL, *next = NULL;
        int r = last_run(controller, row, &last, error) ?: next_runs(controller, row, &next, error);

        if (r < 0) {
                json_decref(last);
                return r;
        }
        *ret = json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o}", "series", row->series, "rule",
                row->rule, "zone", row->zone, "window", row->window, "paused", (int)row->paused,
                "next", next, "last", last);
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

static int add_runs(
        Controller *controller, const CalendarRow *row, int64_t until_us, json_t *all, Error *error)
{
        _cleanup_due_ Due due = {0};
        _cleanup_series_ SeriesRow series = {0};
        Blackout blackout _cleanup_blackout_ = {0};
        int r = series_get(controller->store, row->series, &series, error);

        if (r < 0)
                return r;
        r = blackout_get(controller->store, row->series, &blackout, error);
        if (r < 0 || due_read(row, &due, NULL) < 0)
                return r;
        for (int64_t at_us = row->next_us; at_us != 0 && at_us < until_us;
                at_us = rule_next(&due.rule, at_us)) {
                json_t *one = run(&due, &blackout, at_us);

                json_object_set_new(one, "series", json_string(row->series));
                json_object_set_new(one, "host", json_string(series.host));
                json_object_set_new(one, "what", json_string("synchronisation"));
                json_array_append_new(all, one);
        }
        return 0;
}

static int add_attempts(Controller *controller, int64_t until_us, json_t *all, Error *error)
{
        _cleanup_rows_ Rows attempts = {0};
        int r = attempts_since(controller->store, INT64_MAX, &attempts, error);
        const AttemptRow *rows = attempts.items;

        for (size_t i = 0; r == 0 && i < attempts.count; i++) {
                _cleanup_calendar_row_ CalendarRow row = {0};
                _cleanup_series_ SeriesRow series = {0};
                _cleanup_free_ char *local = NULL, *what = NULL;
                icaltimezone *zone;

                if (rows[i].at_us >= until_us)
                        continue;
                r = calendar_get(controller->store, rows[i].series, &row, error);
                if (r <= 0 || rule_zone(row.zone, &zone, NULL) < 0)
                        continue;
                r = series_get(controller->store, rows[i].series, &series, error);
                if (r <= 0)
                        continue;
                r = 0;
                local = rule_local_text(zone, rows[i].at_us);
                what = text_format("upgrade attempt, %s", attempt_state_names[rows[i].state]);
                json_array_append_new(
                        all, json_pack("{s:o, s:s, s:s, s:s, s:s}", "at", view_time(rows[i].at_us),
                                     "local", local, "series", rows[i].series, "host", series.host,
                                     "what", what));
        }
        return r < 0 ? r : 0;
}

int show_runs(Controller *controller, int64_t from_us, int64_t days, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows rows = {0};
        json_t *all = json_array();
        int r = calendar_list(controller->store, &rows, error);
        const CalendarRow *row = rows.items;

        for (size_t i = 0; r == 0 && i < rows.count; i++)
                if (!row[i].paused)
                        r = add_runs(controller, &row[i], from_us + days * DAY_US, all, error);
        if (r == 0)
                r = add_attempts(controller, from_us + days * DAY_US, all, error);
        *ret = sorted(all);
        if (r < 0)
                json_decref(TAKE_PTR(*ret));
        return r;
}
