// Keeps what synchronisations were, and says what they mean for an upgrade attempt.
#ifndef UNDERSTUDY_CONTROL_REHEARSALS_H
#define UNDERSTUDY_CONTROL_REHEARSALS_H

#include "core/core.h"
#include "rehearsal/forecast.h"
#include "store/attempt.h"

// What the next opening of a series will be. Free with opening_clear.
typedef struct Opening {
        Plan plan;
        Forecast forecast; // without rehearsals when it cannot be planned, or none went well
} Opening;

int opening_forecast(Controller *controller, const char *series, int64_t attempt, Opening *ret,
        Error *error) _must_use_;
void opening_clear(Opening *opening);
#define _cleanup_opening_ _cleanup_(opening_clear)

// A job has ended: keeps what it was, if it was a rehearsal. Operators hear of it when an attempt
// that is planned will take longer than it may, or clearly longer than before.
int rehearsals_job_ended(Controller *controller, const JobRow *job, Error *error) _must_use_;

// -EPERM, code "unfit": something is missing, and attempt->anyway does not say why it opens all the
// same. With it the history is told what was missing.
int rehearsals_refuse_unfit(Controller *controller, const AttemptRow *attempt, const char *who,
        Error *error) _must_use_;
// -EPERM, code "forecast": its opening would take longer than its deadline.
int rehearsals_refuse_too_long(Controller *controller, const AttemptRow *attempt, Error *error)
        _must_use_;

#endif
