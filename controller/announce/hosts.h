// Hosts that have been away for long, and are back.
#ifndef UNDERSTUDY_ANNOUNCE_HOSTS_H
#define UNDERSTUDY_ANNOUNCE_HOSTS_H

#include "core/core.h"

typedef struct AwayHosts {
        int64_t after_us;   // how long a host may be away; 0: for ever
        int64_t started_us; // the controller was; before, it could not have seen them
        int64_t looked_us;  // CLOCK_MONOTONIC
} AwayHosts;

// Announces what has changed, within this turn. Asks the database of each host, so only once in a
// quarter of `after_us`, and at least every minute.
int away_look(AwayHosts *away, Controller *controller, int64_t now_us, Error *error) _must_use_;

#endif
