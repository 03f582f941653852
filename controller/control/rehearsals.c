#include "control/rehearsals.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/planning.h"
#include "rehearsal/fitness.h"
#include "rehearsal/learn.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

// ---- the next opening

static int plan_opening(
        Controller *controller, const char *series, int64_t attempt, Plan *ret, Error *error)
{
        _cleanup_series_ SeriesRow row = {0};
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        bool refused = false;
        int r = series_get(controller->store, series, &row, error);
        const JobRow job = {
                .kind = JOB_OPEN, .series = (char *)series, .host = row.host, .attempt = attempt};

        if (r <= 0)
                return r;
        r = planning_make(controller->store, &job, ret, &refused, &refusal);
        if (r < 0 && !refused)
                error_move(error, &refusal);
        return r < 0 && !refused ? r : !refused;
}

int opening_forecast(
        Controller *controller, const char *series, int64_t attempt, Opening *ret, Error *error)
{
        _cleanup_rows_ Rows rehearsals = {0};
        int r;

        *ret = (Opening){0};
        r = plan_opening(controller, series, attempt, &ret->plan, error);
        if (r <= 0)
                return r;
        r = rehearsals_of(controller->store, series, REHEARSALS_KEPT, &rehearsals, error);
        if (r == 0)
                forecast_make(&ret->plan, &rehearsals, &ret->forecast);
        return r;
}

void opening_clear(Opening *opening)
{
        forecast_clear(&opening->forecast);
        plan_clear(&opening->plan);
}

// ---- what was

static int keep(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_rehearsal_ RehearsalRow rehearsal = {0};
        _cleanup_rows_ Rows tasks = {0};
        int r = tasks_of_job(controller->store, job->id, &tasks, error);

        if (r < 0)
                return r;
        rehearsal_learn(job, &tasks, &rehearsal);
        free(rehearsal.why);
        rehearsal.why = record_failure_line(&job->failure);
        return rehearsal_keep(controller->store, &rehearsal, error);
}

static int64_t minutes_up(int64_t us)
{
        return (us + 60 * US_PER_SECOND - 1) / (60 * US_PER_SECOND);
}

static int warn_of_length(Controller *controller, const AttemptRow *attempt, Error *error)
{
        Opening opening _cleanup_opening_ = {0};
        _cleanup_free_ char *cause = text_format("%lld at risk", (long long)attempt->id),
                            *detail = NULL;
        int r = opening_forecast(controller, attempt->series, attempt->id, &opening, error);
        const Forecast *forecast = &opening.forecast;
        bool too_long = forecast->median_us > attempt->deadline_seconds * US_PER_SECOND;

        if (r < 0 || (!too_long && !forecast_grows(forecast)))
                return r;
        detail = text_format("By the last rehearsals its opening takes %lld minutes, at worst "
                             "%lld; it may take %lld.%s See where the time goes: understudyctl "
                             "attempt show %s",
                (long long)minutes_up(forecast->median_us),
                (long long)minutes_up(forecast->worst_us),
                (long long)attempt->deadline_seconds / 60,
                forecast_grows(forecast) ? " Rehearsals take clearly longer than they did." : "",
                attempt->series);
        return announce(controller, ANNOUNCE_ATTEMPT_AT_RISK, attempt->series, attempt->job, cause,
                detail, error);
}

int rehearsals_job_ended(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = rehearsal_is(job) ? keep(controller, job, error) : 0;

        if (r < 0 || job->kind != JOB_SYNC || job->state != JOB_DONE)
                return r;
        r = attempt_newest(controller->store, job->series, &attempt, error);
        if (r <= 0 || attempt.state > ATTEMPT_ANNOUNCED)
                return r < 0 ? r : 0;
        return warn_of_length(controller, &attempt, error);
}

// ---- what it means

int rehearsals_refuse_unfit(
        Controller *controller, const AttemptRow *attempt, const char *who, Error *error)
{
        const JobRow about = {.series = attempt->series};
        TextList missing _cleanup_text_list_ = {0};
        _cleanup_free_ char *list = NULL;
        int r = fitness_of(controller->store, attempt->series, clock_now_us(), &missing, error);

        if (r < 0 || missing.count == 0)
                return r;
        list = text_list_join(&missing, "; ");
        if (!text_blank(attempt->anyway))
                return record_history(controller, &about, who, "attempt though not fit", error,
                        "%s. Anyway, because: %s", list, attempt->anyway);
        r = error_set(error, -EPERM, "unfit", "the preview of series '%s' is not fit to step in",
                attempt->series);
        error_why(error, "%s", list);
        error_next(error,
                "Synchronise it: understudyctl preview sync %s, or say why it is to be all the "
                "same: --anyway WHY",
                attempt->series);
        return r;
}

int rehearsals_refuse_too_long(Controller *controller, const AttemptRow *attempt, Error *error)
{
        Opening opening _cleanup_opening_ = {0};
        int r = opening_forecast(controller, attempt->series, attempt->id, &opening, error);
        long long minutes = (long long)minutes_up(opening.forecast.median_us);

        if (r < 0 || opening.forecast.median_us <= attempt->deadline_seconds * US_PER_SECOND)
                return r;
        r = error_set(error, -EPERM, "forecast",
                "the upgrade of series '%s' cannot open within its deadline", attempt->series);
        error_why(error, "by the last %zu rehearsals it takes %lld minutes, and it may take %lld",
                opening.forecast.rehearsals, minutes, (long long)attempt->deadline_seconds / 60);
        error_next(error,
                "Plan it with --deadline '%lld min' or more; where the time goes is in: "
                "understudyctl series show %s",
                minutes * 2, attempt->series);
        return r;
}
