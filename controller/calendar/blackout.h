// When a series' nightly work would be in the way of its upgrade attempt: shortly before an
// announced one opens, and until it ends.
#ifndef UNDERSTUDY_CALENDAR_BLACKOUT_H
#define UNDERSTUDY_CALENDAR_BLACKOUT_H

#include "store/attempt.h"

// Why a run that is meant for `at_us` is left out, allocated; NULL: it is not. `attempt` is the
// newest of the series, zeros for none; `before_us` is how long before its opening.
char *blackout_why(const AttemptRow *attempt, int64_t before_us, int64_t at_us);

// The same with the series' settings. Free with blackout_clear.
typedef struct Blackout {
        AttemptRow attempt;
        int64_t before_us;
} Blackout;

int blackout_get(Store *store, const char *series, Blackout *ret, Error *error) _must_use_;
static inline void blackout_clear(Blackout *blackout)
{
        attempt_clear(&blackout->attempt);
}
#define _cleanup_blackout_ _cleanup_(blackout_clear)

#endif
