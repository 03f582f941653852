// Time. Microseconds everywhere; wall-clock time for people, monotonic time for deadlines.
#ifndef UNDERSTUDY_BASE_CLOCK_H
#define UNDERSTUDY_BASE_CLOCK_H

#include <stdint.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MS     INT64_C(1000)

int64_t clock_now_us(void);       // since the epoch
int64_t clock_monotonic_us(void); // CLOCK_MONOTONIC

#endif
