// What the end of a job, or what time alone, means for its attempt.
#include "base/clock.h"
#include "base/text.h"
#include "control/attempt_moves.h"
#include "tell/announce.h"
#include "tell/record.h"

static int opened(Controller *controller, AttemptRow *attempt, Error *error)
{
        _cleanup_site_row_ SiteRow site = {0};
        int r = site_get(controller->store, attempt->series, SITE_PRODUCTION, &site, error);

        if (r < 0)
                return r;
        row_set_text(&attempt->site, site.name);
        attempt->opened_us = clock_now_us();
        attempt->ends_us = attempt->opened_us + attempt->lapse_seconds * US_PER_SECOND;
        return attempt_take_edge(controller, attempt, ATTEMPT_OPENED, attempt->who,
                       "attempt opened", "Users work on the new site", error)
                       ?: attempt_stand_by(controller, attempt, error);
}

int attempts_fail(
        Controller *controller, AttemptRow *attempt, const char *who, const char *why, Error *error)
{
        row_set_text(&attempt->why, why);
        return attempt_take_edge(
                controller, attempt, ATTEMPT_DID_NOT_OPEN, who, "attempt failed", why, error);
}

// It stays open, and can be asked for again.
static int stays_open(Controller *controller, AttemptRow *attempt, int64_t job, const char *why,
        const char *detail, Error *error)
{
        row_set_text(&attempt->why, why);
        return row_update(controller->store, &attempt_table, attempt, error)
                       ?: announce(controller, ANNOUNCE_ATTEMPT_NOT_TAKEN_BACK, attempt->series,
                                  job, why, detail, error);
}

static int not_taken_back(
        Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        _cleanup_free_ char *why =
                text_format("Job %lld could not take it back", (long long)job->id);
        _cleanup_free_ char *detail = text_format(
                "%s, and the new site answers still. See why: understudyctl job show %lld; then "
                "ask again: understudyctl attempt cancel %s",
                why, (long long)job->id, attempt->series);

        return stays_open(controller, attempt, job->id, why, detail, error);
}

int attempts_not_taken_back(
        Controller *controller, AttemptRow *attempt, const Error *refusal, Error *error)
{
        _cleanup_free_ char *why = error_line(refusal);
        _cleanup_free_ char *detail = text_format("%s. The new site answers still. Ask again: "
                                                  "understudyctl attempt cancel %s",
                why, attempt->series);

        return stays_open(controller, attempt, 0, why, detail, error);
}

static int opening_ended(
        Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        _cleanup_free_ char *why = record_failure_line(&job->failure);

        if (job->state == JOB_DONE)
                return opened(controller, attempt, error);
        if (!*why) // it was canceled, and may say why
                row_set_text(
                        &why, text_blank(attempt->why) ? "Its opening was canceled" : attempt->why);
        return attempts_fail(controller, attempt, job->who, why, error);
}

// What it has cost is told at once. That it cannot be told is no reason against the way back.
static int taken_back(Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        _cleanup_free_ char *detail = text_format("The former production is back%s%s",
                text_blank(attempt->why) ? "" : ": ", attempt->why ? attempt->why : "");
        int64_t report;
        int r = attempt_take_edge(controller, attempt, ATTEMPT_IS_TAKEN_BACK, job->who,
                "attempt canceled", detail, error);

        if (r < 0)
                return r;
        r = attempts_report(controller, attempt, job->who, &report, &refusal);
        return store_failure(r, &refusal, error);
}

// It did it alone: a way back that was asked for meanwhile has nothing left to do.
static int taken_back_alone(
        Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        _cleanup_job_ JobRow asked = {0};
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        int r = attempt->job ? job_get(controller->store, attempt->job, &asked, error) : 0;

        row_set_text(&attempt->why, "its worker took it back by itself, since nobody had told it "
                                    "otherwise");
        r = r < 0 ? r : taken_back(controller, attempt, job, error);
        if (r < 0 || asked.id == 0 || job_is_over(&asked))
                return r;
        r = jobs_cancel(controller, &asked, job->who, &refusal);
        return store_failure(r, &refusal, error);
}

// It has done nothing, and nobody stands by any more.
static int let_go(Controller *controller, AttemptRow *attempt, Error *error)
{
        attempt->standby = 0;
        attempt->alone_seconds = 0;
        return row_update(controller->store, &attempt_table, attempt, error);
}

// What it was called back for follows: it is accepted, taken back by its job, or has more time. Who
// cancels the standing by itself wants the end to wait for the controller.
static int called_back(Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        _cleanup_free_ char *who = TAKE_PTR(attempt->accepting);

        if (who)
                return attempt_accept_now(controller, attempt, who, error);
        if (attempt->standby == job->id)
                return let_go(controller, attempt, error);
        return attempt_stand_by(controller, attempt, error);
}

// Before its moment that is no harm yet: the controller ends the attempt.
static int did_not_stand_by(
        Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        if (!text_blank(attempt->accepting))
                return called_back(controller, attempt, job, error);
        if (clock_now_us() < attempt_alone_us(attempt) ||
                attempts_refuse_while_job(controller, attempt, NULL) < 0)
                return let_go(controller, attempt, error);
        attempt->standby = 0;
        return not_taken_back(controller, attempt, job, error);
}

static int standby_ended(
        Controller *controller, AttemptRow *attempt, const JobRow *job, Error *error)
{
        if (attempt->state != ATTEMPT_OPEN)
                return 0;
        if (job->state == JOB_DONE)
                return taken_back_alone(controller, attempt, job, error);
        return job->state == JOB_CANCELED ? called_back(controller, attempt, job, error)
                                          : did_not_stand_by(controller, attempt, job, error);
}

int attempts_job_ended(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = job->attempt ? attempt_get(controller->store, job->attempt, &attempt, error) : 0;

        if (r <= 0)
                return r;
        if (job->kind == JOB_OPEN)
                return opening_ended(controller, &attempt, job, error);
        if (job->kind == JOB_STANDBY)
                return standby_ended(controller, &attempt, job, error);
        // What a report found is kept by the registry; a way back may have come too late.
        if (job->kind == JOB_REPORT || attempt_is_over(&attempt))
                return 0;
        if (job->state != JOB_DONE)
                return not_taken_back(controller, &attempt, job, error);
        return taken_back(controller, &attempt, job, error);
}
