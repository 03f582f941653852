// Whether a preview is fit to step in: a list of rules over what its rehearsals were.
#ifndef UNDERSTUDY_REHEARSAL_FITNESS_H
#define UNDERSTUDY_REHEARSAL_FITNESS_H

#include "base/text.h"
#include "store/rehearsal.h"

// A day, and what is left out of the night before an announced attempt.
#define FITNESS_AGE_US (INT64_C(26) * 3600 * 1000000)

// All borrowed.
typedef struct FitnessFacts {
        bool has_preview;
        const RehearsalRow *last; // of that preview, and not canceled; NULL: there was none
        size_t unsigned_items;    // of the release notes of the attempt that is to open
        int64_t now_us;
} FitnessFacts;

// What is missing, a line each; none: it is fit. Free with text_list_clear.
void fitness_missing(const FitnessFacts *facts, TextList *ret);

// The same from the database. The caller frees `ret`.
int fitness_of(Store *store, const char *series, int64_t now_us, TextList *ret, Error *error)
        _must_use_;

#endif
