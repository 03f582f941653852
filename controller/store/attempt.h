// Upgrade attempts: a preview steps in at an announced time, and steps back unless it is accepted.
// A series has one at a time that has not ended.
#ifndef UNDERSTUDY_STORE_ATTEMPT_H
#define UNDERSTUDY_STORE_ATTEMPT_H

#include "store/row.h"

// How late an attempt may still open; later, its users have gone: an announced one has failed, and
// one that was never announced is withdrawn.
#define ATTEMPT_LATE_US (INT64_C(15) * 60 * 1000000)

typedef enum AttemptState {
        ATTEMPT_PLANNED,
        ATTEMPT_ANNOUNCED,     // opens by itself at its time
        ATTEMPT_SYNCHRONISING, // production is frozen, and the preview made ready
        ATTEMPT_OPEN,          // users work on the new site
        ATTEMPT_ACCEPTED,
        ATTEMPT_CANCELED, // the former production is back
        ATTEMPT_WITHDRAWN,
        ATTEMPT_FAILED, // it did not open, and production was given back
} AttemptState;
extern const char *const attempt_state_names[];

typedef enum AttemptEvent {
        ATTEMPT_IS_ANNOUNCED,
        ATTEMPT_BEGINS,
        ATTEMPT_OPENED,
        ATTEMPT_DID_NOT_OPEN,
        ATTEMPT_IS_EXTENDED,
        ATTEMPT_IS_ACCEPTED,
        ATTEMPT_IS_TAKEN_BACK,
        ATTEMPT_IS_WITHDRAWN,
        ATTEMPT_IS_MOVED,
} AttemptEvent;

// What the end of the lapse means.
typedef enum AttemptEnd { ATTEMPT_END_CANCEL, ATTEMPT_END_ACCEPT } AttemptEnd;
extern const char *const attempt_end_names[];

typedef struct AttemptRow {
        int64_t id;
        char *series;
        AttemptState state;
        int64_t at_us; // when it is to open
        int64_t lapse_seconds;
        AttemptEnd when_over;
        int64_t deadline_seconds;             // that its opening may take
        int64_t began_us, opened_us, ends_us; // 0: not yet
        int64_t warned;                       // its users know that it is about to end
        int64_t alone_seconds; // after its end its worker takes it back by itself; 0: never
        int64_t standby;       // the job that waits for that; 0: none
        char *accepting;       // who accepts it as soon as that is called back; NULL: nobody
        int64_t job;           // of the opening, or of the way back; 0: none
        char *site;            // that stepped in; NULL: none yet
        char *who, *why;       // who planned it; why it failed, or what its end waits for
        char *anyway; // why it opens though the preview is not fit for it; NULL: it must be
        int64_t created_us, ended_us;
        Blob loss;          // LossResult: what users did on that site, as last reported
        int64_t sequence;   // how often it was changed: the newer one of two tellings
        int64_t changed_us; // the last time
} AttemptRow;

DEFINE_ROW(AttemptRow, attempt)
#define _cleanup_attempt_ _cleanup_(attempt_clear)

// The state that follows, or -EPERM, code "attempt-state", which says what can be done instead.
int attempt_next(AttemptState state, AttemptEvent event, AttemptState *ret, Error *error)
        _must_use_;

static inline bool attempt_is_over(const AttemptRow *attempt)
{
        return attempt->state >= ATTEMPT_ACCEPTED;
}

// 1: found; 0: there is none.
int attempt_get(Store *store, int64_t id, AttemptRow *ret, Error *error) _must_use_;
int attempt_newest(Store *store, const char *series, AttemptRow *ret, Error *error) _must_use_;
// When something is to be done about it by itself: it lapses, opens, has taken too long to open, is
// about to end, or is over. 0: never.
int64_t attempt_moment_us(const AttemptRow *attempt);
// When its worker takes it back by itself.
static inline int64_t attempt_alone_us(const AttemptRow *attempt)
{
        return attempt->ends_us + attempt->alone_seconds * INT64_C(1000000);
}
// Those that have not ended, or not before `since_us`.
int attempts_since(Store *store, int64_t since_us, Rows *ret, Error *error) _must_use_;
// Those that wait for a moment.
int attempts_waiting(Store *store, Rows *ret, Error *error) _must_use_;
// The next moment of all; 0: none.
int attempts_next(Store *store, int64_t *ret_us, Error *error) _must_use_;

#endif
