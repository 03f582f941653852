// The items of an upgrade's release notes, signed off one by one.
#ifndef UNDERSTUDY_CONTROL_SIGN_OFFS_H
#define UNDERSTUDY_CONTROL_SIGN_OFFS_H

#include "core/core.h"
#include "store/attempt.h"
#include "store/vote.h"

#define SIGN_OFFS_MAX 500 // items of an attempt

typedef struct SignOffs {
        size_t items;
        size_t open; // nobody has signed them
} SignOffs;

// Whether these may be added. -EPERM, code "attempt-state": the attempt is over; -EINVAL, code
// "item": too many.
int sign_offs_check(Controller *controller, const AttemptRow *attempt, const TextList *texts,
        Error *error) _must_use_;
// Adds items, with the numbers that follow, all or none.
int sign_offs_add(Controller *controller, const AttemptRow *attempt, const TextList *texts,
        const char *who, Error *error) _must_use_;

// Signs items by their numbers, all or none. -ENOENT, code "item": there is none of that number;
// -EEXIST, code "item": somebody has signed it.
int sign_offs_sign(Controller *controller, const AttemptRow *attempt, const int64_t *numbers,
        size_t count, const char *who, Error *error) _must_use_;

int sign_offs_of(Controller *controller, int64_t attempt, SignOffs *ret, Error *error) _must_use_;

#endif
