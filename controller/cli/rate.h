// How fast a task goes and when it will be done, from what it says of its progress.
#ifndef UNDERSTUDY_CLI_RATE_H
#define UNDERSTUDY_CLI_RATE_H

#include <stddef.h>

#define RATE_SAMPLES 16

// Of zeros it is empty and valid.
typedef struct Rate {
        struct {
                double at;
                double done;
        } samples[RATE_SAMPLES]; // a ring; the newest is at `newest`
        size_t count;
        size_t newest;
} Rate;

// `done` so far, at a time in seconds. Samples are kept half a second apart, so that the rate is
// that of the last eight seconds. Going back (taken up again) starts anew.
void rate_add(Rate *rate, double at, double done);

// Per second; 0: not known yet.
double rate_per_second(const Rate *rate);

// Seconds left to `total`; negative: not known.
double rate_seconds_left(const Rate *rate, double total);

#endif
