// What becomes of a run that a rule plans: it begins then, later, or not at all, and why.
//
// It has to begin within the series' window and within its host's: when one of them is closed at
// the moment that the rule says, it is moved to the first moment at which both are open, if that is
// within the series' window of that day, or without one within a day.
//
// Shortly before an announced upgrade attempt and while one is open nothing else may touch the
// series: a run that fell there could delay the opening, or would be refused.
#ifndef UNDERSTUDY_CALENDAR_FORESEE_H
#define UNDERSTUDY_CALENDAR_FORESEE_H

#include "calendar/due.h"
#include "calendar/host_window.h"
#include "store/attempt.h"

// How long before an attempt a series has to be left alone when nobody has said it and no
// synchronisation has shown how long one takes.
#define CLEARANCE_US (INT64_C(2) * 3600 * 1000000)

// All that a run of one series has to keep to.
typedef struct Limits {
        const Due *due; // borrowed
        int64_t now_us;
        HostWindow host;
        AttemptRow attempt;   // the newest; of zeros: there was none
        int64_t clearance_us; // before the attempt
} Limits;

typedef enum RunFate {
        RUN_BEGINS,
        RUN_WITHOUT_ROOM, // the windows do not meet
        RUN_BLACKED_OUT,  // by an attempt
} RunFate;

typedef struct Foreseen {
        RunFate fate;
        int64_t at_us;   // when it begins, or would have begun
        int64_t late_us; // when it is too late for that
        char *why;       // it is moved, or does not begin; NULL: neither
} Foreseen;

// `due` is borrowed. Free with limits_clear.
int limits_read(Controller *controller, const Due *due, int64_t now_us, Limits *ret, Error *error)
        _must_use_;
void limits_clear(Limits *limits);
#define _cleanup_limits_ _cleanup_(limits_clear)

// A run that was planned for `planned_us`. Free with foreseen_clear.
Foreseen foresee(const Limits *limits, int64_t planned_us);
void foreseen_clear(Foreseen *foreseen);
#define _cleanup_foreseen_ _cleanup_(foreseen_clear)

#endif
