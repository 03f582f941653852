// What the operations on an attempt share. Private to operations/.
#ifndef UNDERSTUDY_OPERATIONS_ATTEMPT_H
#define UNDERSTUDY_OPERATIONS_ATTEMPT_H

#include "calendar/due.h"
#include "operations/asked.h"
#include "store/attempt.h"

// A series with its clock, and its newest attempt.
typedef struct AskedAttempt {
        SeriesRow series;
        CalendarRow calendar;
        icaltimezone *zone;
        AttemptRow attempt;
        bool found;
} AskedAttempt;

void asked_attempt_clear(AskedAttempt *asked);
#define _cleanup_asked_ _cleanup_(asked_attempt_clear)

// Reads what the request is about, after what time has brought was done. None is no refusal.
int asked_attempt(Controller *controller, const OperationRequest *request, AskedAttempt *ret,
        Error *error) _must_use_;
// -ENOENT, code "no-attempt".
int asked_attempt_refuse_none(const AskedAttempt *asked, Error *error) _must_use_;
// Ends a request that gave `r`, and shows the attempt.
int asked_attempt_show(Controller *controller, const AskedAttempt *asked, int r, json_t **ret,
        Error *error) _must_use_;

// Adds to an attempt as it is shown who votes, what is signed off and what that brings.
int attempt_view_votes(
        Controller *controller, const AttemptRow *attempt, json_t *shown, Error *error) _must_use_;
// As asked_attempt_show, with the links of these voters: only for who has named them.
int attempt_show_links(Controller *controller, const AskedAttempt *asked, const TextList *names,
        int r, json_t **ret, Error *error) _must_use_;

#endif
