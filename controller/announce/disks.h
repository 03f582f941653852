// Disks of hosts that are almost full, and have room again.
#ifndef UNDERSTUDY_ANNOUNCE_DISKS_H
#define UNDERSTUDY_ANNOUNCE_DISKS_H

#include "core/core.h"

typedef struct ShortDisks {
        uint64_t percent;  // of which less must not be free; 0: nobody is told
        int64_t looked_us; // CLOCK_MONOTONIC
} ShortDisks;

// Announces what has changed, within this turn, by what the connected hosts have said last. Asks
// the database of each disk, so only every few seconds.
int disks_look(ShortDisks *disks, Controller *controller, Error *error) _must_use_;

#endif
