// What every change of an upgrade attempt consists of: a move along an edge, those who are told,
// and the jobs that it asks for. For attempts.c and attempt_ends.c alone.
#ifndef UNDERSTUDY_CONTROL_ATTEMPT_MOVES_H
#define UNDERSTUDY_CONTROL_ATTEMPT_MOVES_H

#include "control/attempts.h"
#include "control/jobs.h"
#include "store/announcement.h"

// Along an edge, or not at all; the row is written, the history hears of it, and people who have
// to.
int attempt_take_edge(Controller *controller, AttemptRow *attempt, AttemptEvent event,
        const char *who, const char *told, const char *detail, Error *error) _must_use_;
// The new site stays. Nobody must stand by any more.
int attempt_accept_now(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;

// When it opens, or ends, for those who are told of it: "2026-12-04 17:00 UTC, for 90 minutes;
// then: cancel". The caller's.
int attempt_times(Controller *controller, const AttemptRow *attempt, char **ret, Error *error)
        _must_use_;
// Each once: a cause is one change of one attempt.
int attempt_tell_people(Controller *controller, const AttemptRow *attempt, AnnouncementKind kind,
        const char *detail, Error *error) _must_use_;

// `job` says its kind, and gets its id.
int attempt_queue(Controller *controller, const AttemptRow *attempt, JobRow *job, const char *verb,
        const char *who, Error *error) _must_use_;

// Tells its worker, while it can be reached, what is to be done if it cannot be told any more,
// where that was agreed; the row is written.
int attempt_stand_by(Controller *controller, AttemptRow *attempt, Error *error) _must_use_;
// What follows comes with the end of that job, maybe at once: the attempt is read again. 1: it
// follows; 0: nobody stands by.
int attempt_call_back(Controller *controller, AttemptRow *attempt, const char *who, Error *error)
        _must_use_;

#endif
