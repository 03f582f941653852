#include "calendar/foresee.h"

#include "base/clock.h"
#include "base/text.h"

#define OPENINGS_MAX       8 // of windows, that are looked at for one run
#define DAY_US             (INT64_C(86400) * US_PER_SECOND)

#define CLEARANCE_LEAST_US (INT64_C(15) * 60 * US_PER_SECOND)

// ---- what there is to keep to

// "forecast": twice what the longest of the last ones has taken.
static int forecast_clearance(
        Controller *controller, const char *series, int64_t *ret_us, Error *error)
{
        int64_t longest_us;
        int r = job_longest_sync(controller->store, series, &longest_us, error);

        if (r < 0)
                return r;
        *ret_us = r == 0                                ? CLEARANCE_US
                  : 2 * longest_us < CLEARANCE_LEAST_US ? CLEARANCE_LEAST_US
                                                        : 2 * longest_us;
        return 0;
}

static int read_clearance(Controller *controller, const char *series, int64_t *ret_us, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        uint64_t seconds;
        int r = settings_get(controller->store, series, &settings, error);

        if (r < 0)
                return r;
        if (text_parse_duration(settings.clearance, &seconds) < 0)
                return forecast_clearance(controller, series, ret_us, error);
        *ret_us = (int64_t)seconds * US_PER_SECOND;
        return 0;
}

int limits_read(Controller *controller, const Due *due, int64_t now_us, Limits *ret, Error *error)
{
        _cleanup_limits_ Limits limits = {.due = due, .now_us = now_us};
        _cleanup_series_ SeriesRow row = {0};
        const char *series = due->row->series;
        int r = series_get(controller->store, series, &row, error);

        if (r >= 0)
                r = attempt_newest(controller->store, series, &limits.attempt, error);
        if (r >= 0)
                r = host_window_read(controller, row.host, &limits.host, error)
                            ?: read_clearance(controller, series, &limits.clearance_us, error);
        if (r < 0)
                return r;
        *ret = TAKE(limits, (Limits){0});
        return 0;
}

void limits_clear(Limits *limits)
{
        host_window_clear(&limits->host);
        attempt_clear(&limits->attempt);
}

// ---- attempts

static char *local(const Limits *limits, int64_t at_us)
{
        return rule_local_text(limits->due->rule.zone, at_us);
}

static char *before_attempt(const Limits *limits, int64_t at_us)
{
        const AttemptRow *attempt = &limits->attempt;
        int64_t ends_us = attempt->at_us + attempt->lapse_seconds * US_PER_SECOND;
        _cleanup_free_ char *opens = local(limits, attempt->at_us), *ends = local(limits, ends_us);

        if (at_us < attempt->at_us - limits->clearance_us || at_us >= ends_us)
                return NULL;
        if (at_us < attempt->at_us)
                return text_format("an upgrade attempt opens %s, and nothing begins within %lld "
                                   "minutes before it",
                        opens, (long long)(limits->clearance_us / US_PER_SECOND / 60));
        return text_format("an upgrade attempt is announced from %s to %s", opens, ends);
}

// One whose way back has failed stays open for longer than was agreed.
static char *within_attempt(const Limits *limits, int64_t at_us)
{
        const AttemptRow *attempt = &limits->attempt;
        int64_t ends_us = attempt->ends_us
                                  ? attempt->ends_us
                                  : attempt->began_us + attempt->lapse_seconds * US_PER_SECOND;
        _cleanup_free_ char *ends = local(limits, ends_us);

        if (at_us > limits->now_us && at_us >= ends_us)
                return NULL;
        return attempt->state == ATTEMPT_OPEN
                       ? text_format("an upgrade attempt is open until %s", ends)
                       : text_copy("an upgrade attempt is being opened");
}

static char *blackout(const Limits *limits, int64_t at_us)
{
        switch (limits->attempt.id ? limits->attempt.state : ATTEMPT_PLANNED) {
        case ATTEMPT_ANNOUNCED:
                return before_attempt(limits, at_us);
        case ATTEMPT_SYNCHRONISING:
        case ATTEMPT_OPEN:
                return within_attempt(limits, at_us);
        default:
                return NULL;
        }
}

// ---- windows

// What has kept a run from its moment.
typedef struct Moved {
        bool by_series, by_host;
} Moved;

static bool series_open(const Limits *limits, int64_t at_us)
{
        return window_holds(&limits->due->window, limits->due->rule.zone, at_us);
}

static bool host_open(const Limits *limits, int64_t at_us)
{
        return window_holds(&limits->host.window, limits->host.zone, at_us);
}

static int64_t series_end(const Limits *limits, int64_t at_us)
{
        return window_end(&limits->due->window, limits->due->rule.zone, at_us);
}

// The first moment before `end_us` at which both windows are open.
static bool find_room(const Limits *limits, int64_t end_us, int64_t *at_us, Moved *ret)
{
        for (int i = 0; i < OPENINGS_MAX && *at_us < end_us; i++) {
                if (!series_open(limits, *at_us)) {
                        ret->by_series = true;
                        *at_us = window_opening(
                                &limits->due->window, limits->due->rule.zone, *at_us);
                } else if (!host_open(limits, *at_us)) {
                        ret->by_host = true;
                        *at_us = window_opening(&limits->host.window, limits->host.zone, *at_us);
                } else {
                        return true;
                }
        }
        return false;
}

// "the window of host 'alpha', 22:00-06:00 in UTC,".
static char *movers(const Limits *limits, Moved moved)
{
        const HostWindow *host = &limits->host;
        _cleanup_free_ char *of_host =
                text_format("host '%s', %s in %s", host->host, host->text, host->zone_name);

        if (!moved.by_host)
                return text_format("the window of the series, %s,", limits->due->row->window);
        if (!moved.by_series)
                return text_format("the window of %s,", of_host);
        return text_format(
                "the windows of the series, %s, and of %s,", limits->due->row->window, of_host);
}

// ---- a run

static void give_room(const Limits *limits, int64_t planned_us, Foreseen *run)
{
        int64_t end_us = series_end(limits, planned_us), close_us;
        Moved moved = {0};
        bool found = find_room(
                limits, end_us == INT64_MAX ? planned_us + DAY_US : end_us, &run->at_us, &moved);
        _cleanup_free_ char *by = movers(limits, found ? moved : (Moved){true, true}),
                            *from = local(limits, planned_us);

        if (!found) {
                run->fate = RUN_WITHOUT_ROOM;
                run->at_us = planned_us;
                run->why = text_format("%s do not meet after %s", by, from);
        } else if (run->at_us != planned_us) {
                run->why = text_format("%s %s it from %s", by,
                        moved.by_host && moved.by_series ? "move" : "moves", from);
        }
        close_us = window_end(&limits->host.window, limits->host.zone, run->at_us);
        run->late_us = end_us == INT64_MAX ? run->at_us + DUE_LATE_US : end_us;
        if (close_us < run->late_us)
                run->late_us = close_us;
}

Foreseen foresee(const Limits *limits, int64_t planned_us)
{
        Foreseen run = {.at_us = planned_us};
        char *attempt;

        give_room(limits, planned_us, &run);
        attempt = blackout(limits, run.at_us > limits->now_us ? run.at_us : limits->now_us);
        if (run.fate != RUN_BEGINS || !attempt) {
                free(attempt);
                return run;
        }
        free(run.why);
        run.why = attempt;
        run.fate = RUN_BLACKED_OUT;
        return run;
}

void foreseen_clear(Foreseen *foreseen)
{
        free(foreseen->why);
}
