// Looks at the calendar when something is due, and every half minute, since a clock can be put
// ahead or back at any time.
#ifndef UNDERSTUDY_CALENDAR_TICKER_H
#define UNDERSTUDY_CALENDAR_TICKER_H

#include "calendar/due.h"

typedef struct Ticker Ticker;

// The first look is in the loop's first turn.
int ticker_new(Controller *controller, Ticker **ret, Error *error) _must_use_;
void ticker_free(Ticker *ticker);
DEFINE_CLEANUP(Ticker *, ticker_free)

#endif
