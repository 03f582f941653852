// Values as people read them. Results are static per thread, eight at a time.
#ifndef UNDERSTUDY_CLI_HUMAN_H
#define UNDERSTUDY_CLI_HUMAN_H

#include <stdint.h>

// "13 ms", "0.8 s", "12 s", "3 min 20 s", "1 h 05 min", "2 d 3 h".
const char *human_duration(double seconds);

// Local time, "2026-11-22 14:03" or, with seconds, "2026-11-22 14:03:07".
const char *human_minute(double epoch);
const char *human_second(double epoch);
const char *human_clock(double epoch); // "14:03:07"

// "1,234,567".
const char *human_count(uint64_t count);

// "3 objects", "1 object".
const char *human_quantity(uint64_t count, const char *singular);

#endif
