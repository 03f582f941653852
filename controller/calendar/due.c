#include "calendar/due.h"

#include "base/clock.h"
#include "base/text.h"
#include "calendar/foresee.h"
#include "control/attempts.h"
#include "control/jobs.h"
#include "control/retirement.h"
#include "tell/announce.h"
#include "tell/record.h"

#define NIGHT_BEGINS   60 // minutes after midnight
#define NIGHT_MINUTES  240
#define WINDOW_CHECKED 10 // runs that have to lie in the window

#define LEFT_OUT       "synchronisation left out" // in the history

// ---- reading a row

static int check_window(const Due *due, Error *error)
{
        int64_t at_us = due->row->start_us;

        if (due->window.begin == due->window.end)
                return 0;
        for (int i = 0; i < WINDOW_CHECKED; i++) {
                _cleanup_free_ char *text = NULL;

                at_us = rule_next(&due->rule, at_us);
                if (at_us == 0)
                        return 0;
                if (window_holds(&due->window, due->rule.zone, at_us))
                        continue;
                text = rule_local_text(due->rule.zone, at_us);
                error_set(error, -EINVAL, "outside-window", "a run would begin outside its window");
                error_why(error, "the rule says %s, the window is %s", text, due->row->window);
                error_next(error, "Change the rule, or the window.");
                return -EINVAL;
        }
        return 0;
}

int due_read(const CalendarRow *row, Due *ret, Error *error)
{
        _cleanup_due_ Due due = {.row = row};
        int r = rule_parse(row->rule, row->zone, row->start_us, &due.rule, error)
                        ?: window_parse(row->window, &due.window, error)
                        ?: check_window(&due, error);

        if (r == 0)
                *ret = TAKE(due, (Due){0});
        return r;
}

void due_clear(Due *due)
{
        rule_clear(&due->rule);
}

// ---- what nobody has said

static uint32_t spread(const char *name)
{
        uint32_t hash = 2166136261; // FNV-1a

        for (const char *at = name; *at; at++)
                hash = (hash ^ (unsigned char)*at) * 16777619;
        return hash ^ hash >> 16;
}

char *due_default_rule(const char *series)
{
        unsigned minute = NIGHT_BEGINS + spread(series) % NIGHT_MINUTES;

        return text_format("FREQ=DAILY;BYHOUR=%u;BYMINUTE=%u", minute / 60, minute % 60);
}

static int add_default(
        Controller *controller, const SeriesRow *series, int64_t now_us, Error *error)
{
        const CalendarDefaults *defaults = &controller->setup->calendar;
        CalendarRow row _cleanup_calendar_row_ = {.series = text_copy(series->name),
                .rule = due_default_rule(series->name),
                .zone = defaults->zone ? text_copy(defaults->zone) : rule_zone_of_machine(),
                .window = text_copy(""),
                .start_us = now_us,
                .paused = !defaults->nightly,
                .outcome = text_copy("")};
        _cleanup_due_ Due due = {0};
        int r = due_read(&row, &due, error);

        if (r < 0)
                return r;
        row.next_us = rule_next(&due.rule, now_us);
        return calendar_put(controller->store, &row, error);
}

static int add_missing(Controller *controller, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows missing = {0};
        int r = controller->schedules_complete
                        ? 0
                        : calendar_missing(controller->store, &missing, error);
        const SeriesRow *series = missing.items;

        for (size_t i = 0; r == 0 && i < missing.count; i++)
                r = add_default(controller, &series[i], now_us, error);
        controller->schedules_complete = r == 0;
        return r;
}

// ---- one that is due

// One look at a row: what it is meant for now, and what comes of it.
typedef struct Look {
        Controller *controller;
        CalendarRow *row;
        int64_t now_us;
        SeriesRow series;
        Due due;
        Limits limits;
} Look;

static void look_clear(Look *look)
{
        limits_clear(&look->limits);
        series_clear(&look->series);
        due_clear(&look->due);
}

// Who hears of a run that does not come to be, beside those who ask for its schedule.
typedef enum Told { TOLD_NOBODY, TOLD_HISTORY, TOLD_PEOPLE } Told;

static int leave_out(Look *look, Told told, const char *event, const char *why, Error *error)
{
        const JobRow about = {.series = look->row->series};
        _cleanup_free_ char *at = rule_local_text(look->due.rule.zone, look->row->planned_us),
                            *detail = NULL;
        int r;

        row_set_text(&look->row->outcome, why);
        if (told == TOLD_NOBODY)
                return 0;
        detail = text_format("the one of %s was left out: %s", at, why);
        r = record_history(look->controller, &about, CALENDAR_WHO, event, error, "%s", detail);
        if (r < 0 || told == TOLD_HISTORY)
                return r;
        return announce(
                look->controller, ANNOUNCE_SYNC_LEFT_OUT, look->row->series, 0, why, detail, error);
}

// Is the last one still under way? 1: yes, `ret_why` says so.
static int still_runs(const Look *look, char **ret_why, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        int r = look->row->job ? job_get(look->controller->store, look->row->job, &job, error) : 0;

        if (r <= 0 || job_is_over(&job))
                return r < 0 ? r : 0;
        *ret_why = text_format("job %lld is still under way", (long long)job.id);
        return 1;
}

static int has_preview(const Look *look, Error *error)
{
        _cleanup_site_row_ SiteRow site = {0};

        return site_get(look->controller->store, look->row->series, SITE_PREVIEW, &site, error);
}

static int begin(Look *look, Error *error)
{
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        _cleanup_free_ char *why = NULL;
        _cleanup_job_ JobRow job = {.kind = JOB_SYNC, .nightly = true};
        int r;

        job.series = text_copy(look->row->series);
        job.host = text_copy(look->series.host);
        job.who = text_copy(CALENDAR_WHO);
        job.request = text_format("preview sync %s", look->row->series);
        r = jobs_create(look->controller, &job, &refusal);
        if (r == 0) {
                look->row->job = job.id;
                row_set_text(&look->row->outcome, "");
                return 0;
        }
        if (store_failure(r, &refusal, error) < 0)
                return r;
        why = error_line(&refusal);
        return leave_out(look, TOLD_PEOPLE, "synchronisation refused", why, error);
}

static int wait_until(Look *look, const Foreseen *run)
{
        row_set_text(&look->row->outcome, run->why);
        look->row->waits_us = run->at_us;
        return 0;
}

static int begin_alone(Look *look, Error *error)
{
        _cleanup_free_ char *running = NULL;
        int r = still_runs(look, &running, error);

        if (r < 0)
                return r;
        return r > 0 ? leave_out(look, TOLD_PEOPLE, LEFT_OUT, running, error) : begin(look, error);
}

// What was agreed with people is no trouble that they have to hear of.
static int decide(Look *look, Error *error)
{
        _cleanup_foreseen_ Foreseen run = foresee(&look->limits, look->row->planned_us);
        int r = has_preview(look, error);

        if (r < 0)
                return r;
        if (r == 0)
                return leave_out(look, TOLD_NOBODY, NULL, "there is no preview", error);
        if (run.fate == RUN_BLACKED_OUT)
                return leave_out(look, TOLD_HISTORY, LEFT_OUT, run.why, error);
        if (run.fate == RUN_WITHOUT_ROOM)
                return leave_out(look, TOLD_PEOPLE, LEFT_OUT, run.why, error);
        if (look->now_us >= run.late_us)
                return leave_out(look, TOLD_PEOPLE, LEFT_OUT,
                        "the controller was not running at that time", error);
        return look->now_us < run.at_us ? wait_until(look, &run) : begin_alone(look, error);
}

// Of several that were missed the last one counts.
static int64_t last_missed(const Look *look)
{
        int64_t at_us = look->row->next_us, next_us;

        while ((next_us = rule_next(&look->due.rule, at_us)) != 0 && next_us <= look->now_us)
                at_us = next_us;
        return at_us;
}

// What could be read when it was set cannot be read any more: a zone that the system has lost.
static int give_up(Controller *controller, CalendarRow *row, const Error *why, Error *error)
{
        _cleanup_free_ char *line = error_line(why);

        row->next_us = row->waits_us = 0;
        row_set_text(&row->outcome, line);
        return record_history(controller, &(JobRow){.series = row->series}, CALENDAR_WHO,
                       "schedule ended", error, "%s", line)
                       ?: calendar_put(controller->store, row, error);
}

static int look_at(Controller *controller, CalendarRow *row, int64_t now_us, Error *error)
{
        _cleanup_(look_clear) Look look = {.controller = controller, .row = row, .now_us = now_us};
        _cleanup_error_ Error unreadable = ERROR_EMPTY;
        int r = series_get(controller->store, row->series, &look.series, error);

        if (r < 0)
                return r;
        if (due_read(row, &look.due, &unreadable) < 0)
                return give_up(controller, row, &unreadable, error);
        row->waits_us = 0;
        if (row->next_us && row->next_us <= now_us) { // else one that was moved is due
                row->planned_us = last_missed(&look);
                row->next_us = rule_next(&look.due.rule, now_us);
        }
        return limits_read(controller, &look.due, now_us, &look.limits, error)
                       ?: decide(&look, error)
                       ?: calendar_put(controller->store, row, error);
}

// ---- those that wait for a host

// Why a run that has not begun may not begin any more, and whether people have to hear of it; NULL:
// it may.
static int why_not_any_more(Controller *controller, const CalendarRow *row, const JobRow *job,
        int64_t now_us, char **ret_why, Told *ret_told, Error *error)
{
        _cleanup_due_ Due due = {0};
        _cleanup_limits_ Limits limits = {0};
        _cleanup_foreseen_ Foreseen run = {0};
        int r;

        *ret_told = TOLD_PEOPLE;
        // A schedule that cannot be read any more has no window left.
        if (due_read(row, &due, NULL) == 0) {
                r = limits_read(controller, &due, now_us, &limits, error);
                if (r < 0)
                        return r;
                run = foresee(&limits, row->planned_us);
                if (run.fate == RUN_BLACKED_OUT) {
                        *ret_why = TAKE_PTR(run.why);
                        *ret_told = TOLD_HISTORY;
                        return 0;
                }
                if (now_us < run.late_us)
                        return 0;
        }
        *ret_why = text_format("host '%s' was away or busy", job->host);
        return 0;
}

static int end_late(Controller *controller, const CalendarRow *row, int64_t now_us, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        _cleanup_free_ char *why = NULL, *detail = NULL;
        Told told;
        int r = job_get(controller->store, row->job, &job, error);

        if (r <= 0 || job.state != JOB_QUEUED || job.started_us)
                return r < 0 ? r : 0;
        r = why_not_any_more(controller, row, &job, now_us, &why, &told, error);
        if (r < 0 || !why)
                return r;
        detail = text_format("job %lld could not begin in its time: %s", (long long)job.id, why);
        r = record_history(controller, &job, CALENDAR_WHO, LEFT_OUT, error, "%s", detail);
        if (r == 0 && told == TOLD_PEOPLE)
                r = announce(controller, ANNOUNCE_SYNC_LEFT_OUT, row->series, job.id, "away",
                        detail, error);
        return r ?: jobs_cancel(controller, &job, CALENDAR_WHO, error);
}

static int end_all_late(Controller *controller, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows all = {0};
        int r = calendar_waiting(controller->store, &all, error);
        const CalendarRow *rows = all.items;

        for (size_t i = 0; r == 0 && i < all.count; i++)
                r = end_late(controller, &rows[i], now_us, error);
        return r;
}

int due_run(Controller *controller, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows due = {0};
        CalendarRow *rows;
        int r = controller_begin(controller, error)
                        ?: add_missing(controller, now_us, error)
                        ?: attempts_run(controller, now_us, error)
                        ?: end_all_late(controller, now_us, error)
                        ?: calendar_due(controller->store, now_us, &due, error);

        rows = due.items;
        for (size_t i = 0; r == 0 && i < due.count; i++)
                r = look_at(controller, &rows[i], now_us, error);
        return r ?: retirement_run(controller, now_us, error);
}
