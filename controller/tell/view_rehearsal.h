// Rehearsals, and what they say about the next opening, as JSON. What is returned is the caller's.
#ifndef UNDERSTUDY_TELL_VIEW_REHEARSAL_H
#define UNDERSTUDY_TELL_VIEW_REHEARSAL_H

#include <jansson.h>

#include "base/text.h"
#include "rehearsal/forecast.h"

json_t *view_rehearsals(const Rows *rehearsals);
json_t *view_fitness(const TextList *missing);
json_t *view_forecast(const Forecast *forecast); // null when nothing is known

#endif
