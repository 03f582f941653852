// What time brings to upgrade attempts.
#include "control/attempts.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/jobs.h"
#include "control/rehearsals.h"
#include "control/report.h"
#include "control/votes.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

// Users were told a time; long after it nobody expects it. A refusal is the attempt's end, not the
// controller's.
static int open_in_time(Controller *controller, AttemptRow *attempt, int64_t now_us, Error *error)
{
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        _cleanup_free_ char *why = NULL;
        int r;

        if (now_us > attempt->at_us + ATTEMPT_LATE_US)
                return attempts_fail(controller, attempt, CALENDAR_WHO,
                        "The controller was not running at its time", error);
        r = attempts_open(controller, attempt, CALENDAR_WHO, &refusal);
        if (r == 0)
                return 0;
        if (store_failure(r, &refusal, error) < 0)
                return r;
        why = error_line(&refusal);
        return attempts_fail(controller, attempt, CALENDAR_WHO, why, error);
}

// A way back that failed waits for a person: it is not tried again and again.
static int end_as_agreed(Controller *controller, AttemptRow *attempt, int64_t now_us, Error *error)
{
        const JobRow about = {.series = attempt->series};
        int64_t late_us = now_us - attempt->ends_us;
        int r = 0;

        if (!text_blank(attempt->why) || !text_blank(attempt->accepting) ||
                attempts_refuse_while_job(controller, attempt, NULL) < 0)
                return 0;
        if (late_us > ATTEMPT_LATE_US)
                r = record_history(controller, &about, CALENDAR_WHO, "attempt's end was late",
                        error, "by %lld minutes: the controller was not running",
                        (long long)(late_us / US_PER_SECOND / 60));
        return r ?: votes_end(controller, attempt, error);
}

// What is not open in the time agreed is given back, not stretched: people wait before the
// maintenance page.
static int give_back(Controller *controller, AttemptRow *attempt, const char *event,
        const char *why, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        int r = job_get(controller->store, attempt->job, &job, error);

        if (r <= 0)
                return r;
        row_set_text(&attempt->why, why);
        r = row_update(controller->store, &attempt_table, attempt, error)
                    ?: record_history(controller, &job, CALENDAR_WHO, event, error,
                               "%s: production is given back", why);
        if (r < 0)
                return r;
        r = jobs_cancel(controller, &job, CALENDAR_WHO, &refusal);
        return store_failure(r, &refusal, error);
}

static int give_up_opening(Controller *controller, AttemptRow *attempt, Error *error)
{
        _cleanup_free_ char *why = text_format(
                "It was not open within %lld minutes", (long long)attempt->deadline_seconds / 60);

        return give_back(controller, attempt, "attempt's deadline is over", why, error);
}

#define FORECAST_LEAST 3 // rehearsals, before their forecast ends anything

int attempts_task_ended(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        Opening opening _cleanup_opening_ = {0};
        _cleanup_rows_ Rows tasks = {0};
        _cleanup_free_ char *why = NULL;
        int64_t left_us, rest_us;
        int r = job->kind == JOB_OPEN && job->state == JOB_RUNNING
                        ? attempt_get(controller->store, job->attempt, &attempt, error)
                        : 0;

        if (r <= 0)
                return r;
        r = opening_forecast(controller, job->series, attempt.id, &opening, error)
                    ?: tasks_of_job(controller->store, job->id, &tasks, error);
        if (r < 0 || opening.forecast.rehearsals < FORECAST_LEAST)
                return r;
        left_us = forecast_left_us(&opening.forecast, &opening.plan, &tasks);
        rest_us = attempt.began_us + attempt.deadline_seconds * US_PER_SECOND - clock_now_us();
        if (left_us == 0 || left_us <= rest_us)
                return 0;
        why = text_format("It cannot be open within %lld minutes: by the forecast %lld s of work "
                          "are left, and %lld s of its time",
                (long long)attempt.deadline_seconds / 60, (long long)(left_us / US_PER_SECOND),
                (long long)(rest_us / US_PER_SECOND));
        return give_back(controller, &attempt, "attempt cannot be in time", why, error);
}

static int warn(Controller *controller, AttemptRow *attempt, Error *error)
{
        _cleanup_free_ char *at = words_time(attempt->ends_us),
                            *cause = text_format("%lld %lld", (long long)attempt->id,
                                    (long long)attempt->ends_us),
                            *detail = NULL;

        Outcome outcome _cleanup_outcome_ = {0};
        int r = votes_outcome(controller, attempt, &outcome, error);

        if (r < 0)
                return r;
        detail = text_format("It ends %s. Unless somebody says otherwise it is %s then%s%s. More "
                             "time: understudyctl attempt extend %s --by '30 min'",
                at, outcome.end == ATTEMPT_END_ACCEPT ? "accepted" : "canceled",
                *outcome.why ? ": " : "", outcome.why, attempt->series);
        attempt->warned = 1;
        return row_update(controller->store, &attempt_table, attempt, error)
                       ?: announce(controller, ANNOUNCE_ATTEMPT_ENDS_SOON, attempt->series, 0,
                                  cause, detail, error);
}

static int look_at(Controller *controller, AttemptRow *attempt, int64_t now_us, Error *error)
{
        if (attempt->state == ATTEMPT_PLANNED)
                return attempts_lapse(controller, attempt, error);
        if (attempt->state == ATTEMPT_ANNOUNCED)
                return open_in_time(controller, attempt, now_us, error);
        if (attempt->state == ATTEMPT_SYNCHRONISING)
                return give_up_opening(controller, attempt, error);
        if (now_us < attempt->ends_us)
                return warn(controller, attempt, error);
        return end_as_agreed(controller, attempt, now_us, error);
}

int attempts_run(Controller *controller, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows waiting = {0};
        int r = report_forget_old(controller, now_us, error)
                        ?: attempts_waiting(controller->store, &waiting, error);
        AttemptRow *rows = waiting.items;

        for (size_t i = 0; r == 0 && i < waiting.count; i++) {
                int64_t at_us = attempt_moment_us(&rows[i]);

                if (at_us && at_us <= now_us)
                        r = look_at(controller, &rows[i], now_us, error);
        }
        return r;
}
