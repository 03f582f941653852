// What voters say of the site of an upgrade attempt, and what that decides, as the series is set
// (outcome-rule): nothing by itself; with "all-agree" the end of the lapse accepts it if all say
// that it works, and cancels it else; with "objection-cancels" an objection cancels it at once.
#ifndef UNDERSTUDY_CONTROL_VOTES_H
#define UNDERSTUDY_CONTROL_VOTES_H

#include "core/core.h"
#include "store/attempt.h"
#include "store/vote.h"

// The vote of the token's holder, in place of the one before; an objection has a reason. `series`
// is the one that the request is about. `ret_job` gets the job of the way back that the vote has
// begun; 0: none. -EPERM, code "token": nobody's, or of another series; code "attempt-state": the
// attempt is not open; -EBUSY, code "attempt": it is being taken back; -EINVAL, code "vote": no
// reason.
int votes_cast(Controller *controller, const char *series, const char *token, Vote vote,
        const char *why, VoterRow *ret, int64_t *ret_job, Error *error) _must_use_;

typedef struct Outcome {
        char *rule;     // as the series is set
        char *sentence; // what the end of the lapse brings by that rule, whatever is voted
        AttemptEnd end; // what it would bring now
        char *why;      // the votes that say so; "": none do
} Outcome;

int votes_outcome(Controller *controller, const AttemptRow *attempt, Outcome *ret, Error *error)
        _must_use_;
void outcome_clear(Outcome *outcome);
#define _cleanup_outcome_ _cleanup_(outcome_clear)

// The lapse is over: accepts or cancels.
int votes_end(Controller *controller, AttemptRow *attempt, Error *error) _must_use_;

#endif
