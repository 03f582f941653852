// Slows the work down: to a number of bytes per second, and while the machine waits for its disks.
#ifndef UNDERSTUDY_WORKER_TREE_THROTTLE_H
#define UNDERSTUDY_WORKER_TREE_THROTTLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Throttle {
        uint64_t bytes_per_second; // 0: no limit
        uint32_t pressure_percent; // 0: no limit
        atomic_int *stop;          // not zero: nobody waits any longer
        _Atomic int64_t free_us;   // monotonic time at which the bytes so far are paid for
        atomic_uint rest_us;       // to rest after each piece of work

        // of the supervising thread
        uint64_t stalled_us; // total of /proc/pressure/io at `looked_us`
        int64_t looked_us;
} Throttle;

void throttle_start(Throttle *throttle);

// After a piece of work that moved `bytes` (0: looked at some entries): sleeps as long as it takes,
// in slices of at most 20 ms while `*stop` is zero. Any thread.
void throttle_pace(Throttle *throttle, uint64_t bytes);

// Looks at the machine's pressure twice a second; called by the supervising thread as it likes.
void throttle_look(Throttle *throttle);

// The rest for a share of time stalled, in percent: more while it is above the limit, less below.
unsigned throttle_rest(unsigned rest_us, unsigned percent, unsigned limit);

// The total of the line "some" of a pressure file, in microseconds; -1 when there is none.
int64_t throttle_parse(const char *text);

#endif
