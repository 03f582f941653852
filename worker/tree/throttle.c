#include "tree/throttle.h"

#include <time.h>

#include "base/clock.h"
#include "base/file.h"

enum {
        SLICE_US = 20 * 1000, // so that a stop is seen soon
        BURST_US = 50 * 1000, // unused time that may be saved up
        LOOK_US = 500 * 1000, // between two looks at the pressure
        REST_MIN_US = 200,
        REST_MAX_US = 20 * 1000,
};

static void sleep_us(int64_t us)
{
        struct timespec time = {.tv_sec = us / US_PER_SECOND, .tv_nsec = us % US_PER_SECOND * 1000};

        nanosleep(&time, NULL);
}

static int64_t pressure_read(void)
{
        _cleanup_free_ char *text = NULL;

        if (file_read("/proc/pressure/io", 4096, &text, NULL) < 0)
                return -1;
        return throttle_parse(text);
}

int64_t throttle_parse(const char *text)
{
        const char *line = strstr(text, "some "), *total = line ? strstr(line, "total=") : NULL;
        char *end;
        long long value;

        if (!total)
                return -1;
        errno = 0;
        value = strtoll(total + 6, &end, 10);
        return errno || end == total + 6 || value < 0 ? -1 : value;
}

unsigned throttle_rest(unsigned rest_us, unsigned percent, unsigned limit)
{
        if (percent > limit)
                rest_us = rest_us ? rest_us * 2 : REST_MIN_US;
        else
                rest_us = rest_us > REST_MIN_US ? rest_us * 3 / 4 : 0;
        return rest_us > REST_MAX_US ? REST_MAX_US : rest_us;
}

void throttle_start(Throttle *throttle)
{
        int64_t stalled = throttle->pressure_percent ? pressure_read() : -1;

        if (stalled < 0)
                throttle->pressure_percent = 0; // a kernel without it
        throttle->stalled_us = stalled < 0 ? 0 : (uint64_t)stalled;
        throttle->looked_us = clock_monotonic_us();
        atomic_store(&throttle->free_us, throttle->looked_us);
}

void throttle_look(Throttle *throttle)
{
        int64_t now = clock_monotonic_us(), elapsed = now - throttle->looked_us, stalled;

        if (!throttle->pressure_percent || elapsed < LOOK_US)
                return;
        stalled = pressure_read();
        if (stalled < (int64_t)throttle->stalled_us)
                return;
        atomic_store(&throttle->rest_us,
                throttle_rest(atomic_load(&throttle->rest_us),
                        (unsigned)((stalled - (int64_t)throttle->stalled_us) * 100 / elapsed),
                        throttle->pressure_percent));
        throttle->stalled_us = (uint64_t)stalled;
        throttle->looked_us = now;
}

// Books `bytes` on the common account; the time at which they are paid for.
static int64_t book(Throttle *throttle, uint64_t bytes)
{
        int64_t cost = (int64_t)(bytes * (uint64_t)US_PER_SECOND / throttle->bytes_per_second);
        int64_t now = clock_monotonic_us(), before = atomic_load(&throttle->free_us), after;

        do {
                after = (before < now - BURST_US ? now - BURST_US : before) + cost;
        } while (!atomic_compare_exchange_weak(&throttle->free_us, &before, after));
        return after;
}

void throttle_pace(Throttle *throttle, uint64_t bytes)
{
        unsigned rest = atomic_load_explicit(&throttle->rest_us, memory_order_relaxed);
        int64_t until;

        if (rest)
                sleep_us(rest);
        if (!throttle->bytes_per_second || !bytes)
                return;
        until = book(throttle, bytes);
        while (!atomic_load_explicit(throttle->stop, memory_order_relaxed)) {
                int64_t left = until - clock_monotonic_us();

                if (left <= 0)
                        return;
                sleep_us(left < SLICE_US ? left : SLICE_US);
        }
}
