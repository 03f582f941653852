// The one writer of upgrade attempts: row, history and job of a change are in one transaction.
#ifndef UNDERSTUDY_CONTROL_ATTEMPTS_H
#define UNDERSTUDY_CONTROL_ATTEMPTS_H

#include "core/core.h"
#include "store/attempt.h"

// How long an opening may take unless it was said.
#define ATTEMPT_DEADLINE_S (INT64_C(2) * 3600)

// ---- asked for by people; a refusal changes nothing

// Inserts a planned one. -EEXIST, code "attempt": the series has one that has not ended. -EPERM, as
// in opening one: the preview is not fit, or the forecast is longer than the deadline.
int attempts_plan(Controller *controller, AttemptRow *attempt, Error *error) _must_use_;
// To another time, or for another lapse.
int attempts_move(Controller *controller, AttemptRow *attempt, int64_t at_us, int64_t lapse_seconds,
        const char *who, Error *error) _must_use_;
// -EPERM, code "attempt-time": its time has passed.
int attempts_announce(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;
int attempts_withdraw(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;
int attempts_accept(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;
int attempts_extend(Controller *controller, AttemptRow *attempt, int64_t seconds, const char *who,
        Error *error) _must_use_;
// These queue a job, attempt->job.
int attempts_open(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;
int attempts_cancel(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;
// The same, for a reason that people are told.
int attempts_cancel_because(Controller *controller, AttemptRow *attempt, const char *who,
        const char *why, Error *error) _must_use_;

// Queues one that reports what users have done since it opened. -EPERM, code "attempt-state": a
// cancel loses nothing, or has lost nothing.
int attempts_report(Controller *controller, const AttemptRow *attempt, const char *who,
        int64_t *ret_job, Error *error) _must_use_;

// ---- by the scheduler

// A job has ended, in whatever way: what it means for the attempt that it is of, if it is of one.
int attempts_job_ended(Controller *controller, const JobRow *job, Error *error) _must_use_;

// A task of it has ended well: an opening that by the forecast cannot be in time is given back.
int attempts_task_ended(Controller *controller, const JobRow *job, Error *error) _must_use_;

// It was never announced, and its time is over.
int attempts_lapse(Controller *controller, AttemptRow *attempt, Error *error) _must_use_;
// It does not open; nothing of it is under way any more.
int attempts_fail(Controller *controller, AttemptRow *attempt, const char *who, const char *why,
        Error *error) _must_use_;
// It was to be taken back by itself, which was refused: it stays open, and waits for a person.
int attempts_not_taken_back(
        Controller *controller, AttemptRow *attempt, const Error *refusal, Error *error) _must_use_;
// A way back that is under way is gone to its end. -EBUSY, code "attempt".
int attempts_refuse_while_job(Controller *controller, const AttemptRow *attempt, Error *error)
        _must_use_;

// Withdraws what was never announced in its time, opens what is announced for `now_us` or before,
// gives back what did not open by its deadline, tells of what is about to end, and ends what is
// over as it was agreed.
int attempts_run(Controller *controller, int64_t now_us, Error *error) _must_use_;

#endif
