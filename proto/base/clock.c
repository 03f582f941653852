#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
        return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
        return read_clock(CLOCK_MONOTONIC);
}
