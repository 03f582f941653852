#include "control/attempts.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/jobs.h"
#include "control/rehearsals.h"
#include "control/voters.h"
#include "control/votes.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

// When it opens, or ends, for those who are told of it: "2026-12-04 17:00 UTC for 90 minutes; then:
// cancel".
static int times(Controller *controller, const AttemptRow *attempt, char **ret, Error *error)
{
        _cleanup_free_ char *at = words_time(attempt->ends_us ? attempt->ends_us : attempt->at_us);
        Outcome outcome _cleanup_outcome_ = {0};
        int r = votes_outcome(controller, attempt, &outcome, error);

        if (r == 0)
                *ret = text_format("%s %s, for %lld minutes; then: %s",
                        attempt->ends_us ? "Ends" : "Opens", at,
                        (long long)attempt->lapse_seconds / 60, outcome.sentence);
        return r;
}

// Each once: a cause is one change of one attempt.
static int tell_people(Controller *controller, const AttemptRow *attempt, AnnouncementKind kind,
        const char *detail, Error *error)
{
        _cleanup_free_ char *cause =
                text_format("%lld %lld", (long long)attempt->id, (long long)attempt->sequence);

        return announce(controller, kind, attempt->series, attempt->job, cause, detail, error);
}

// They know of it from its announcement on.
static int tell_voters(Controller *controller, const AttemptRow *attempt, AttemptState before,
        AttemptEvent event, Error *error)
{
        if (attempt_is_over(attempt) && before != ATTEMPT_PLANNED)
                return voters_tell_end(controller, attempt, error);
        switch (event) {
        case ATTEMPT_IS_ANNOUNCED:
                return voters_ask(controller, attempt, ANNOUNCE_VOTER_INVITED, error);
        case ATTEMPT_IS_MOVED:
                return attempt->state == ATTEMPT_ANNOUNCED
                               ? voters_ask(controller, attempt, ANNOUNCE_VOTER_MOVED, error)
                               : 0;
        case ATTEMPT_OPENED:
                return voters_ask(controller, attempt, ANNOUNCE_VOTER_ASKED, error);
        default:
                return 0;
        }
}

static int announce_move(Controller *controller, const AttemptRow *attempt, AttemptState before,
        AttemptEvent event, const char *detail, Error *error)
{
        static const AnnouncementKind kinds[] = {
                [ATTEMPT_IS_ANNOUNCED] = ANNOUNCE_ATTEMPT_ANNOUNCED,
                [ATTEMPT_OPENED] = ANNOUNCE_ATTEMPT_OPEN,
                [ATTEMPT_DID_NOT_OPEN] = ANNOUNCE_ATTEMPT_FAILED,
                [ATTEMPT_IS_EXTENDED] = ANNOUNCE_ATTEMPT_EXTENDED,
                [ATTEMPT_IS_ACCEPTED] = ANNOUNCE_ATTEMPT_ACCEPTED,
                [ATTEMPT_IS_TAKEN_BACK] = ANNOUNCE_ATTEMPT_CANCELED,
                [ATTEMPT_IS_WITHDRAWN] = ANNOUNCE_ATTEMPT_WITHDRAWN,
                [ATTEMPT_IS_MOVED] = ANNOUNCE_ATTEMPT_MOVED,
        };
        _cleanup_free_ char *when = NULL, *text = NULL;
        int r = event == ATTEMPT_BEGINS ? 0 : times(controller, attempt, &when, error);

        if (r < 0 || event == ATTEMPT_BEGINS)
                return r;
        text = text_format("%s%s%s.", detail, attempt_is_over(attempt) ? "" : ". ",
                attempt_is_over(attempt) ? "" : when);
        return tell_people(controller, attempt, kinds[event], text, error)
                       ?: tell_voters(controller, attempt, before, event, error);
}

// Along an edge, or not at all; the history hears of it, and people who have to.
static int move(Controller *controller, AttemptRow *attempt, AttemptEvent event, const char *who,
        const char *told, const char *detail, Error *error)
{
        const JobRow about = {.series = attempt->series};
        AttemptState before = attempt->state;
        int r = attempt_next(before, event, &attempt->state, error);

        if (r < 0)
                return r;
        attempt->sequence++;
        attempt->changed_us = clock_now_us();
        if (attempt_is_over(attempt))
                attempt->ended_us = attempt->changed_us;
        return row_update(controller->store, &attempt_table, attempt, error)
                       ?: record_history(controller, &about, who, told, error, "%s", detail)
                       ?: announce_move(controller, attempt, before, event, detail, error);
}

// ---- asked for by people

static int refuse_second(const AttemptRow *attempt, const AttemptRow *before, Error *error)
{
        int r = error_set(error, -EEXIST, "attempt", "series '%s' has an upgrade attempt already",
                attempt->series);

        error_why(
                error, "it is %s, and there is one at a time", attempt_state_names[before->state]);
        error_next(error, "Look at it: understudyctl attempt show %s", attempt->series);
        return r;
}

static int refuse_unready(
        Controller *controller, const AttemptRow *attempt, const char *who, Error *error)
{
        return rehearsals_refuse_unfit(controller, attempt, who, error)
                       ?: rehearsals_refuse_too_long(controller, attempt, error);
}

int attempts_plan(Controller *controller, AttemptRow *attempt, Error *error)
{
        const JobRow about = {.series = attempt->series};
        _cleanup_attempt_ AttemptRow before = {0};
        _cleanup_free_ char *detail = NULL;
        int r = attempt_newest(controller->store, attempt->series, &before, error);

        if (r < 0)
                return r;
        if (r > 0 && !attempt_is_over(&before))
                return refuse_second(attempt, &before, error);
        r = times(controller, attempt, &detail, error);
        if (r < 0)
                return r;
        attempt->state = ATTEMPT_PLANNED;
        attempt->created_us = attempt->changed_us = clock_now_us();
        return refuse_unready(controller, attempt, attempt->who, error)
                       ?: row_insert(controller->store, &attempt_table, attempt, error)
                       ?: record_history(controller, &about, attempt->who, "attempt planned", error,
                                  "%s", detail)
                       ?: tell_people(controller, attempt, ANNOUNCE_ATTEMPT_PLANNED, detail, error);
}

int attempts_move(Controller *controller, AttemptRow *attempt, int64_t at_us, int64_t lapse_seconds,
        const char *who, Error *error)
{
        _cleanup_free_ char *before = words_time(attempt->at_us), *detail = NULL;

        detail = text_format("It was planned for %s", before);
        attempt->at_us = at_us;
        if (lapse_seconds)
                attempt->lapse_seconds = lapse_seconds;
        return move(controller, attempt, ATTEMPT_IS_MOVED, who, "attempt moved", detail, error);
}

// What is announced opens by itself at its time: that has to be to come.
static int refuse_late(const AttemptRow *attempt, Error *error)
{
        _cleanup_free_ char *at = words_time(attempt->at_us);
        bool planned = attempt->state == ATTEMPT_PLANNED;
        int r;

        if (clock_now_us() <= attempt->at_us ||
                (!planned && (attempt->state != ATTEMPT_WITHDRAWN || text_blank(attempt->why))))
                return 0;
        r = error_set(error, -EPERM, "attempt-time", "the attempt cannot be announced any more");
        error_why(error, "its time was %s%s%s", at,
                planned ? "" : ", and it was withdrawn: ", planned ? "" : attempt->why);
        if (planned)
                error_next(error,
                        "Give it another time: understudyctl attempt move %s --at WHEN; or open it "
                        "now: understudyctl attempt open %s",
                        attempt->series, attempt->series);
        else
                error_next(error,
                        "Plan another one: understudyctl attempt plan %s --at WHEN --lapse '%lld "
                        "min'",
                        attempt->series, (long long)attempt->lapse_seconds / 60);
        return r;
}

int attempts_announce(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        return refuse_late(attempt, error)
                       ?: move(controller, attempt, ATTEMPT_IS_ANNOUNCED, who, "attempt announced",
                                  "It opens by itself at its time", error);
}

int attempts_withdraw(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        return move(controller, attempt, ATTEMPT_IS_WITHDRAWN, who, "attempt withdrawn",
                "Nothing has been changed", error);
}

int attempts_lapse(Controller *controller, AttemptRow *attempt, Error *error)
{
        static const char why[] = "It was not announced before its time";

        row_set_text(&attempt->why, why);
        return move(controller, attempt, ATTEMPT_IS_WITHDRAWN, CALENDAR_WHO, "attempt withdrawn",
                why, error);
}

int attempts_refuse_while_job(Controller *controller, const AttemptRow *attempt, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        int r = attempt->job ? job_get(controller->store, attempt->job, &job, error) : 0;

        if (r <= 0 || job_is_over(&job))
                return r < 0 ? r : 0;
        r = error_set(error, -EBUSY, "attempt", "the attempt is being %s",
                attempt->state == ATTEMPT_OPEN ? "taken back" : "opened");
        error_why(error, "job %lld is under way", (long long)job.id);
        error_next(error, "Watch it: understudyctl job watch %lld", (long long)job.id);
        return r;
}

// `job` says its kind, and gets its id.
static int queue(Controller *controller, const AttemptRow *attempt, JobRow *job, const char *verb,
        const char *who, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        int r = series_get(controller->store, attempt->series, &series, error);

        if (r < 0)
                return r;
        job->attempt = attempt->id;
        job->series = text_copy(attempt->series);
        job->host = text_copy(series.host);
        job->who = text_copy(who);
        job->request = text_format("attempt %s %s", verb, attempt->series);
        return jobs_create(controller, job, error);
}

// ---- its worker stands by

// Told to its worker while it can be reached: what is to be done if it cannot be told any more.
static int stand_by(Controller *controller, AttemptRow *attempt, Error *error)
{
        _cleanup_job_ JobRow job = {.kind = JOB_STANDBY};
        int r = attempt->alone_seconds
                        ? queue(controller, attempt, &job, "standby", attempt->who, error)
                        : 0;

        attempt->standby = job.id;
        return r ?: row_update(controller->store, &attempt_table, attempt, error);
}

// What follows is standby_ended's, and may come at once: the attempt is read again. 1: it follows;
// 0: nobody stands by.
static int call_back(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        int64_t id = attempt->id;
        int r = job_newest_of_kind(controller->store, attempt->series, JOB_STANDBY, &job, error);

        if (r <= 0 || job_is_over(&job))
                return r < 0 ? r : 0;
        if (job.state != JOB_UNDOING)
                r = jobs_cancel(controller, &job, who, error);
        if (r < 0)
                return r;
        attempt_clear(attempt);
        r = attempt_get(controller->store, id, attempt, error);
        return r < 0 ? r : 1;
}

static int accept_now(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        return move(controller, attempt, ATTEMPT_IS_ACCEPTED, who, "attempt accepted",
                "The new site stays production", error);
}

// While its worker may still take it back, it is not accepted: that is called back first.
int attempts_accept(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        AttemptState next;
        int r = attempts_refuse_while_job(controller, attempt, error)
                        ?: attempt_next(attempt->state, ATTEMPT_IS_ACCEPTED, &next, error);

        if (r < 0)
                return r;
        row_set_text(&attempt->accepting, who);
        r = row_update(controller->store, &attempt_table, attempt, error)
                    ?: call_back(controller, attempt, who, error);
        if (r != 0)
                return r < 0 ? r : 0;
        row_set_text(&attempt->accepting, NULL);
        return accept_now(controller, attempt, who, error);
}

// Its worker is told of the new end when it has let go of the one before.
int attempts_extend(
        Controller *controller, AttemptRow *attempt, int64_t seconds, const char *who, Error *error)
{
        _cleanup_free_ char *detail = text_format("By %lld minutes", (long long)seconds / 60);
        int r = attempts_refuse_while_job(controller, attempt, error);

        attempt->ends_us += seconds * US_PER_SECOND;
        attempt->lapse_seconds += seconds;
        attempt->warned = 0;
        attempt->standby = 0;
        r = r ?: move(controller, attempt, ATTEMPT_IS_EXTENDED, who, "attempt extended", detail, error)
                        ?: call_back(controller, attempt, who, error);
        return r < 0 ? r : 0;
}

int attempts_open(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        _cleanup_job_ JobRow job = {.kind = JOB_OPEN};
        AttemptState next;
        int r = attempt_next(attempt->state, ATTEMPT_BEGINS, &next, error)
                        ?: refuse_unready(controller, attempt, who, error)
                        ?: queue(controller, attempt, &job, "open", who, error);

        if (r < 0)
                return r;
        attempt->job = job.id;
        attempt->began_us = clock_now_us();
        return move(controller, attempt, ATTEMPT_BEGINS, who, "attempt begins",
                "Production is frozen and synchronised a last time", error);
}

int attempts_cancel(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        return attempts_cancel_because(controller, attempt, who, "", error);
}

int attempts_cancel_because(
        Controller *controller, AttemptRow *attempt, const char *who, const char *why, Error *error)
{
        _cleanup_job_ JobRow job = {.kind = JOB_SWITCH};
        AttemptState next;
        int r = attempt_next(attempt->state, ATTEMPT_IS_TAKEN_BACK, &next, error)
                        ?: attempts_refuse_while_job(controller, attempt, error)
                        ?: queue(controller, attempt, &job, "cancel", who, error);

        if (r < 0)
                return r;
        attempt->job = job.id;
        row_set_text(&attempt->why, why);
        row_set_text(&attempt->accepting, NULL);
        r = row_update(controller->store, &attempt_table, attempt, error)
                    ?: call_back(controller, attempt, who, error);
        return r < 0 ? r : 0;
}

static int refuse_no_loss(const AttemptRow *attempt, Error *error)
{
        int r;

        if (attempt->state == ATTEMPT_OPEN || attempt->state == ATTEMPT_CANCELED)
                return 0;
        r = error_set(error, -EPERM, "attempt-state", "there is nothing to report");
        error_why(error, "the attempt is %s, and nothing of what users did is lost",
                attempt_state_names[attempt->state]);
        error_next(error, "Look at it: understudyctl attempt show %s", attempt->series);
        return r;
}

int attempts_report(Controller *controller, const AttemptRow *attempt, const char *who,
        int64_t *ret_job, Error *error)
{
        _cleanup_job_ JobRow job = {.kind = JOB_REPORT, .site = text_copy(attempt->site)};
        int r = refuse_no_loss(attempt, error)
                        ?: queue(controller, attempt, &job, "report", who, error);

        *ret_job = job.id;
        return r;
}

// ---- by the scheduler

static int opened(Controller *controller, AttemptRow *attempt, Error *error)
{
        _cleanup_site_row_ SiteRow site = {0};
        int r = site_get(controller->store, attempt->series, SITE_PRODUCTION, &site, error);

        if (r < 0)
                return r;
        row_set_text(&attempt->site, site.name);
        attempt->opened_us = clock_now_us();
        attempt->ends_us = attempt->opened_us + attempt->lapse_seconds * US_PER_SECOND;
        return move(controller, attempt, ATTEMPT_OPENED, attempt->who, "attempt opened",
                       "Users work on the new site", error)
                       ?: stand_by(controller, attempt, error);
}

int attempts_fail(
        Controller *controller, AttemptRow *attempt, const char *who, const char *why, Error *error)
{
        row_set_text(&attempt->why, why);
        return move(controller, attempt, ATTEMPT_DID_NOT_OPEN, who, "attempt failed", why, error);
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
        int r = move(controller, attempt, ATTEMPT_IS_TAKEN_BACK, job->who, "attempt canceled",
                detail, error);

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
                return accept_now(controller, attempt, who, error);
        if (attempt->standby == job->id)
                return let_go(controller, attempt, error);
        return stand_by(controller, attempt, error);
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
