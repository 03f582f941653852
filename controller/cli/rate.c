#include "cli/rate.h"

#define SPACING_SECONDS 0.5

void rate_add(Rate *rate, double at, double done)
{
        size_t before = (rate->newest + RATE_SAMPLES - 1) % RATE_SAMPLES;

        if (rate->count && done < rate->samples[rate->newest].done)
                *rate = (Rate){0};
        // The newest sample moves until it is far enough from the one before it.
        if (rate->count == 0)
                rate->count = 1;
        else if (rate->count == 1 ||
                 rate->samples[rate->newest].at - rate->samples[before].at >= SPACING_SECONDS) {
                rate->newest = (rate->newest + 1) % RATE_SAMPLES;
                if (rate->count < RATE_SAMPLES)
                        rate->count++;
        }
        rate->samples[rate->newest].at = at;
        rate->samples[rate->newest].done = done;
}

double rate_per_second(const Rate *rate)
{
        size_t oldest = (rate->newest + RATE_SAMPLES + 1 - rate->count) % RATE_SAMPLES;
        double seconds;

        if (rate->count < 2)
                return 0;
        seconds = rate->samples[rate->newest].at - rate->samples[oldest].at;
        if (seconds <= 0)
                return 0;
        return (rate->samples[rate->newest].done - rate->samples[oldest].done) / seconds;
}

double rate_seconds_left(const Rate *rate, double total)
{
        double per_second = rate_per_second(rate);

        if (per_second <= 0 || total <= 0)
                return -1;
        return (total - rate->samples[rate->newest].done) / per_second;
}
