#include "control/votes.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/attempts.h"
#include "control/voters.h"
#include "tell/record.h"
#include "tell/words.h"

// ---- the rule

static const char *rule_sentence(const char *rule, AttemptEnd when_over)
{
        if (text_equal(rule, "all-agree"))
                return "accept if all voters say that it works, else cancel";
        if (when_over == ATTEMPT_END_CANCEL)
                return "cancel";
        return text_equal(rule, "objection-cancels") ? "accept unless a voter objects" : "accept";
}

// How many of them say something.
static size_t count(const Rows *voters, Vote vote)
{
        const VoterRow *rows = voters->items;
        size_t found = 0;

        for (size_t i = 0; i < voters->count; i++)
                found += rows[i].vote == vote;
        return found;
}

static void all_agree(const Rows *voters, Outcome *outcome)
{
        size_t works = count(voters, VOTE_WORKS);

        outcome->end =
                voters->count && works == voters->count ? ATTEMPT_END_ACCEPT : ATTEMPT_END_CANCEL;
        outcome->why =
                voters->count == 0
                        ? text_copy("nobody was asked whether it works, so nobody agreed")
                        : text_format("%zu of %zu voters say that it works", works, voters->count);
}

static void objection_cancels(const Rows *voters, Outcome *outcome)
{
        size_t objections = count(voters, VOTE_OBJECTS);

        if (objections == 0)
                return;
        outcome->end = ATTEMPT_END_CANCEL;
        outcome->why = text_format("%zu of %zu voters object", objections, voters->count);
}

int votes_outcome(Controller *controller, const AttemptRow *attempt, Outcome *ret, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        _cleanup_rows_ Rows voters = {0};
        Outcome outcome = {.end = attempt->when_over};
        int r = settings_get(controller->store, attempt->series, &settings, error)
                        ?: voters_of(controller->store, attempt->id, &voters, error);

        if (r < 0)
                return r;
        outcome.rule = text_copy(settings.outcome_rule);
        outcome.sentence = text_copy(rule_sentence(outcome.rule, attempt->when_over));
        if (text_equal(outcome.rule, "all-agree"))
                all_agree(&voters, &outcome);
        else if (text_equal(outcome.rule, "objection-cancels"))
                objection_cancels(&voters, &outcome);
        if (!outcome.why)
                outcome.why = text_copy("");
        *ret = outcome;
        return 0;
}

void outcome_clear(Outcome *outcome)
{
        free(outcome->rule);
        free(outcome->sentence);
        free(outcome->why);
        *outcome = (Outcome){0};
}

int votes_end(Controller *controller, AttemptRow *attempt, Error *error)
{
        const JobRow about = {.series = attempt->series};
        Outcome outcome _cleanup_outcome_ = {0};
        int r = votes_outcome(controller, attempt, &outcome, error);

        if (r == 0 && *outcome.why)
                r = record_history(controller, &about, CALENDAR_WHO, "votes counted", error,
                        "%s: %s", outcome.why, attempt_end_names[outcome.end]);
        if (r < 0)
                return r;
        return outcome.end == ATTEMPT_END_ACCEPT
                       ? attempts_accept(controller, attempt, CALENDAR_WHO, error)
                       : attempts_cancel_because(
                                 controller, attempt, CALENDAR_WHO, outcome.why, error);
}

// ---- a vote

static int refuse_closed(const AttemptRow *attempt, Error *error)
{
        _cleanup_free_ char *at = words_time(attempt->at_us);
        int r;

        if (attempt->state == ATTEMPT_OPEN)
                return 0;
        r = error_set(
                error, -EPERM, "attempt-state", "a vote on '%s' is not taken now", attempt->series);
        error_why(error, "the attempt is %s", attempt_state_names[attempt->state]);
        if (attempt_is_over(attempt))
                error_next(error, "Tell the operator what you have found; this link has ended.");
        else
                error_next(error, "Vote with the same link once it is open: it opens %s.", at);
        return r;
}

static int refuse_no_reason(Vote vote, const char *why, Error *error)
{
        int r;

        if (vote != VOTE_OBJECTS || !text_blank(why))
                return 0;
        r = error_set(error, -EINVAL, "vote", "an objection needs a reason");
        error_why(error, "others have to find and mend what does not work");
        error_next(error, "Say what is wrong: --why 'what you did, and what came of it'");
        return r;
}

static int refuse_other_series(const AttemptRow *attempt, const char *series, Error *error)
{
        int r;

        if (text_equal(attempt->series, series))
                return 0;
        r = error_set(error, -EPERM, "token", "this link is not for series '%s'", series);
        error_why(error, "a link is for one attempt of one series");
        error_next(error, "Use it as it stands in the mail.");
        return r;
}

static int save(Controller *controller, const AttemptRow *attempt, VoterRow *voter, Vote vote,
        const char *why, Error *error)
{
        const JobRow about = {.series = attempt->series};
        bool again = voter->vote != VOTE_NONE;

        voter->vote = vote;
        voter->voted_us = clock_now_us();
        row_set_text(&voter->why, text_blank(why) ? "" : why);
        return row_update(controller->store, &voter_table, voter, error)
                       ?: record_history(controller, &about, voter->name,
                                  again ? "vote changed" : "vote cast", error, "%s%s%s",
                                  vote_names[vote], *voter->why ? ": " : "", voter->why);
}

// The vote counts also when the way back cannot begin, which an operator has to know then.
static int object(Controller *controller, AttemptRow *attempt, const VoterRow *voter,
        int64_t *ret_job, Error *error)
{
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        _cleanup_free_ char *why = text_format("%s objects: %s", voter->name, voter->why);
        int r = attempts_cancel_because(controller, attempt, voter->name, why, &refusal);

        if (r == 0)
                *ret_job = attempt->job;
        else if (store_failure(r, &refusal, error) == 0)
                r = attempts_not_taken_back(controller, attempt, &refusal, error);
        return r;
}

int votes_cast(Controller *controller, const char *series, const char *token, Vote vote,
        const char *why, VoterRow *ret, int64_t *ret_job, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        _cleanup_voter_ VoterRow voter = {0};
        Outcome outcome _cleanup_outcome_ = {0};
        int r = voters_find(controller, token, &voter, error);

        *ret_job = 0;
        if (r == 0)
                r = attempt_get(controller->store, voter.attempt, &attempt, error);
        if (r < 0)
                return r;
        r = refuse_other_series(&attempt, series, error) ?: refuse_closed(&attempt, error)
                    ?: attempts_refuse_while_job(controller, &attempt, error)
                    ?: refuse_no_reason(vote, why, error)
                    ?: save(controller, &attempt, &voter, vote, why, error)
                    ?: votes_outcome(controller, &attempt, &outcome, error);
        if (r == 0 && vote == VOTE_OBJECTS && text_equal(outcome.rule, "objection-cancels"))
                r = object(controller, &attempt, &voter, ret_job, error);
        if (r == 0)
                *ret = TAKE(voter, (VoterRow){0});
        return r;
}
