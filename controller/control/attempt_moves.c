#include "control/attempt_moves.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/voters.h"
#include "control/votes.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

int attempt_times(Controller *controller, const AttemptRow *attempt, char **ret, Error *error)
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

int attempt_tell_people(Controller *controller, const AttemptRow *attempt, AnnouncementKind kind,
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
        int r = event == ATTEMPT_BEGINS ? 0 : attempt_times(controller, attempt, &when, error);

        if (r < 0 || event == ATTEMPT_BEGINS)
                return r;
        text = text_format("%s%s%s.", detail, attempt_is_over(attempt) ? "" : ". ",
                attempt_is_over(attempt) ? "" : when);
        return attempt_tell_people(controller, attempt, kinds[event], text, error)
                       ?: tell_voters(controller, attempt, before, event, error);
}

int attempt_take_edge(Controller *controller, AttemptRow *attempt, AttemptEvent event,
        const char *who, const char *told, const char *detail, Error *error)
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

// ---- its jobs

int attempt_queue(Controller *controller, const AttemptRow *attempt, JobRow *job, const char *verb,
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

int attempt_stand_by(Controller *controller, AttemptRow *attempt, Error *error)
{
        _cleanup_job_ JobRow job = {.kind = JOB_STANDBY};
        int r = attempt->alone_seconds
                        ? attempt_queue(controller, attempt, &job, "standby", attempt->who, error)
                        : 0;

        attempt->standby = job.id;
        return r ?: row_update(controller->store, &attempt_table, attempt, error);
}

int attempt_call_back(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
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

int attempt_accept_now(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
{
        return attempt_take_edge(controller, attempt, ATTEMPT_IS_ACCEPTED, who, "attempt accepted",
                "The new site stays production", error);
}
