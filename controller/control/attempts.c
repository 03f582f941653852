#include "control/attempts.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/attempt_moves.h"
#include "control/rehearsals.h"
#include "tell/record.h"
#include "tell/words.h"

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
        r = attempt_times(controller, attempt, &detail, error);
        if (r < 0)
                return r;
        attempt->state = ATTEMPT_PLANNED;
        attempt->created_us = attempt->changed_us = clock_now_us();
        return refuse_unready(controller, attempt, attempt->who, error)
                       ?: row_insert(controller->store, &attempt_table, attempt, error)
                       ?: record_history(controller, &about, attempt->who, "attempt planned", error,
                                  "%s", detail)
                       ?: attempt_tell_people(controller, attempt, ANNOUNCE_ATTEMPT_PLANNED, detail, error);
}

int attempts_move(Controller *controller, AttemptRow *attempt, int64_t at_us, int64_t lapse_seconds,
        const char *who, Error *error)
{
        _cleanup_free_ char *before = words_time(attempt->at_us), *detail = NULL;

        detail = text_format("It was planned for %s", before);
        attempt->at_us = at_us;
        if (lapse_seconds)
                attempt->lapse_seconds = lapse_seconds;
        return attempt_take_edge(
                controller, attempt, ATTEMPT_IS_MOVED, who, "attempt moved", detail, error);
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
                       ?: attempt_take_edge(controller, attempt, ATTEMPT_IS_ANNOUNCED, who,
                                  "attempt announced", "It opens by itself at its time", error);
}

int attempts_withdraw(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        return attempt_take_edge(controller, attempt, ATTEMPT_IS_WITHDRAWN, who,
                "attempt withdrawn", "Nothing has been changed", error);
}

int attempts_lapse(Controller *controller, AttemptRow *attempt, Error *error)
{
        static const char why[] = "It was not announced before its time";

        row_set_text(&attempt->why, why);
        return attempt_take_edge(controller, attempt, ATTEMPT_IS_WITHDRAWN, CALENDAR_WHO,
                "attempt withdrawn", why, error);
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
                    ?: attempt_call_back(controller, attempt, who, error);
        if (r != 0)
                return r < 0 ? r : 0;
        row_set_text(&attempt->accepting, NULL);
        return attempt_accept_now(controller, attempt, who, error);
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
        r = r ?: attempt_take_edge(controller, attempt, ATTEMPT_IS_EXTENDED, who, "attempt extended", detail, error)
                        ?: attempt_call_back(controller, attempt, who, error);
        return r < 0 ? r : 0;
}

int attempts_open(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        _cleanup_job_ JobRow job = {.kind = JOB_OPEN};
        AttemptState next;
        int r = attempt_next(attempt->state, ATTEMPT_BEGINS, &next, error)
                        ?: refuse_unready(controller, attempt, who, error)
                        ?: attempt_queue(controller, attempt, &job, "open", who, error);

        if (r < 0)
                return r;
        attempt->job = job.id;
        attempt->began_us = clock_now_us();
        return attempt_take_edge(controller, attempt, ATTEMPT_BEGINS, who, "attempt begins",
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
                        ?: attempt_queue(controller, attempt, &job, "cancel", who, error);

        if (r < 0)
                return r;
        attempt->job = job.id;
        row_set_text(&attempt->why, why);
        row_set_text(&attempt->accepting, NULL);
        r = row_update(controller->store, &attempt_table, attempt, error)
                    ?: attempt_call_back(controller, attempt, who, error);
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
                        ?: attempt_queue(controller, attempt, &job, "report", who, error);

        *ret_job = job.id;
        return r;
}
