#include "base/clock.h"
#include "base/text.h"
#include "calendar/ics.h"
#include "calendar/show.h"
#include "operations/asked.h"
#include "tell/record.h"

#define DAYS_SHOWN 7
#define DAYS_MAX   366

static int refuse_retired(const SeriesRow *series, Error *error)
{
        int r = error_set(error, -ENOENT, "retired", "series '%s' has no schedule", series->name);

        error_why(error, "it is retired: it has no production any more");
        error_next(error, "Look at it: understudyctl series show %s", series->name);
        return r;
}

// The schedule of a series; one that has none yet gets its own first.
static int read_schedule(
        Controller *controller, const OperationRequest *request, CalendarRow *ret_row, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        int r = controller_commit(controller, error)
                        ?: asked_series(controller, request->subject[0], &series, error)
                        ?: due_run(controller, clock_now_us(), error)
                        ?: calendar_get(controller->store, series.name, ret_row, error);

        return r == 0 ? refuse_retired(&series, error) : r < 0 ? r : 0;
}

// Keeps what was asked for, tells the history, and shows it.
static int keep(Controller *controller, const OperationRequest *request, CalendarRow *row,
        const char *event, json_t **ret, Error *error)
{
        const JobRow about = {.series = row->series};
        _cleanup_due_ Due due = {0};
        int r = due_read(row, &due, error);

        row->waits_us = 0;
        if (r == 0)
                row->next_us = rule_next(&due.rule, clock_now_us());
        if (r == 0)
                r = calendar_put(controller->store, row, error)
                            ?: record_history(controller, &about, request->who, event, error,
                                       "%s, %s%s%s", row->rule, row->zone,
                                       text_blank(row->window) ? "" : ", begins between ",
                                       row->window);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : show_schedule(controller, row, ret, error);
}

int schedule_show(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        CalendarRow row _cleanup_calendar_row_ = {0};

        return read_schedule(controller, request, &row, error)
                       ?: controller_commit(controller, error)
                       ?: show_schedule(controller, &row, ret, error);
}

int schedule_set(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"rule", "zone", "window", NULL};
        const json_t *body = request->body;
        const char *rule = NULL, *zone = NULL, *window = NULL;
        CalendarRow row _cleanup_calendar_row_ = {0};
        int r = asked_only(body, members, error) ?: asked_text(body, "rule", false, &rule, error)
                        ?: asked_text(body, "zone", false, &zone, error)
                        ?: asked_text(body, "window", false, &window, error)
                        ?: read_schedule(controller, request, &row, error);

        if (r < 0)
                return r;
        if (rule)
                row_set_text(&row.rule, rule);
        if (zone)
                row_set_text(&row.zone, zone);
        if (window)
                row_set_text(&row.window, window);
        row.start_us = clock_now_us();
        row.paused = 0;
        return keep(controller, request, &row, "schedule set", ret, error);
}

static int set_paused(Controller *controller, const OperationRequest *request, bool paused,
        json_t **ret, Error *error)
{
        static const char *const members[] = {NULL};
        CalendarRow row _cleanup_calendar_row_ = {0};
        int r = asked_only(request->body, members, error)
                        ?: read_schedule(controller, request, &row, error);

        if (r < 0)
                return r;
        row.paused = paused;
        return keep(controller, request, &row, paused ? "schedule paused" : "schedule resumed", ret,
                error);
}

int schedule_pause(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return set_paused(controller, request, true, ret, error);
}

int schedule_resume(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return set_paused(controller, request, false, ret, error);
}

int calendar_show(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        int64_t days;
        int r = asked_count(request->query, "days", DAYS_SHOWN, DAYS_MAX, &days, error)
                        ?: due_run(controller, clock_now_us(), error)
                        ?: controller_commit(controller, error);

        return r < 0 ? r : show_runs(controller, clock_now_us(), days, ret, error);
}

int calendar_ics(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int r = due_run(controller, clock_now_us(), error)
                        ?: controller_commit(controller, error)
                        ?: ics_of_fleet(controller, clock_now_us(), &text, error);

        (void)request;
        if (r == 0)
                *ret = json_string(text);
        return r;
}
