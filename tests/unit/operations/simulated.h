// What the C library has, for whoever simulates a controller: time goes as the includer says, and a
// disk would only cost time.
#ifndef UNDERSTUDY_TEST_SIMULATED_H
#define UNDERSTUDY_TEST_SIMULATED_H

#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"

// The includer's: what CLOCK_REALTIME shows when it is really `real_us`.
static int64_t simulated_us(int64_t real_us);

int clock_gettime(clockid_t clock, struct timespec *ret)
{
        int r = (int)syscall(SYS_clock_gettime, clock, ret);
        int64_t us;

        if (clock != CLOCK_REALTIME)
                return r;
        us = simulated_us(ret->tv_sec * US_PER_SECOND + ret->tv_nsec / 1000);
        *ret = (struct timespec){us / US_PER_SECOND, us % US_PER_SECOND * 1000};
        return r;
}

int fdatasync(int fd)
{
        (void)fd;
        return 0;
}

int fsync(int fd)
{
        (void)fd;
        return 0;
}

#endif
