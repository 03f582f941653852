// What each synchronisation of a series was: one that ended by itself or was an attempt's opening
// is a rehearsal of the next opening.
#ifndef UNDERSTUDY_STORE_REHEARSAL_H
#define UNDERSTUDY_STORE_REHEARSAL_H

#include "store/job.h"

// How many of a series are kept.
#define REHEARSALS_KEPT 60

typedef struct RehearsalRow {
        int64_t id;
        char *series;
        int64_t job;
        JobKind kind;   // JOB_SYNC or JOB_OPEN
        JobState state; // in which it ended
        int64_t started_us, ended_us;
        char *way;                          // "full", "delta", "native", "nothing"; "": not known
        int64_t objects;                    // that the preview has; 0: not known
        int64_t dump_bytes, database_bytes; // 0: not known
        int64_t conflict; // restore2preview.py and restore.py were changed in one place
        // restore2preview.py: made anew; and its units that were taken over from restore.py, kept
        // as edited, and merged.
        int64_t script_made, script_taken, script_kept, script_merged;
        char *why;   // it failed
        char *steps; // "LABEL MICROSECONDS LABEL MICROSECONDS": those that ended well
} RehearsalRow;

DEFINE_ROW(RehearsalRow, rehearsal)
#define _cleanup_rehearsal_ _cleanup_(rehearsal_clear)

void rehearsal_add_step(RehearsalRow *rehearsal, const char *label, int64_t microseconds);
// How long the step took, in microseconds; -1: it did not run to its end.
int64_t rehearsal_step_us(const RehearsalRow *rehearsal, const char *label);

// Newest first; at most `limit`.
int rehearsals_of(Store *store, const char *series, int64_t limit, Rows *ret, Error *error)
        _must_use_;
// Keeps it, and forgets the oldest of its series.
int rehearsal_keep(Store *store, RehearsalRow *rehearsal, Error *error) _must_use_;

#endif
