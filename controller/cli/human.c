#include "cli/human.h"

#include <inttypes.h>
#include <time.h>

#include "base/text.h"

#define RESULT_SIZE 40

static char *next_result(void)
{
        static _Thread_local char results[8][RESULT_SIZE];
        static _Thread_local unsigned next;

        return results[next++ % ELEMENTS(results)];
}

const char *human_duration(double seconds)
{
        char *result = next_result();
        uint64_t whole = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;

        if (seconds < 0.0995)
                snprintf(result, RESULT_SIZE, "%.0f ms", seconds > 0 ? seconds * 1000 : 0.0);
        else if (seconds < 9.95)
                snprintf(result, RESULT_SIZE, "%.1f s", seconds);
        else if (whole < 60)
                snprintf(result, RESULT_SIZE, "%" PRIu64 " s", whole);
        else if (whole < 3600)
                snprintf(result, RESULT_SIZE, "%" PRIu64 " min %02" PRIu64 " s", whole / 60,
                        whole % 60);
        else if (whole < 86400)
                snprintf(result, RESULT_SIZE, "%" PRIu64 " h %02" PRIu64 " min", whole / 3600,
                        whole % 3600 / 60);
        else if (whole % 86400 < 3600)
                snprintf(result, RESULT_SIZE, "%" PRIu64 " d", whole / 86400);
        else
                snprintf(result, RESULT_SIZE, "%" PRIu64 " d %" PRIu64 " h", whole / 86400,
                        whole % 86400 / 3600);
        return result;
}

// A part of "2026-11-22 14:03:07", local time.
static const char *time_part(double epoch, size_t from, size_t length)
{
        char whole[RESULT_SIZE], *result = next_result();
        time_t seconds = (time_t)epoch;
        struct tm local;

        if (!localtime_r(&seconds, &local) ||
                strftime(whole, sizeof(whole), "%Y-%m-%d %H:%M:%S", &local) != 19)
                return "?";
        snprintf(result, RESULT_SIZE, "%.*s", (int)length, whole + from);
        return result;
}

const char *human_minute(double epoch)
{
        return time_part(epoch, 0, 16);
}

const char *human_second(double epoch)
{
        return time_part(epoch, 0, 19);
}

const char *human_clock(double epoch)
{
        return time_part(epoch, 11, 8);
}

const char *human_count(uint64_t count)
{
        char digits[24], *result = next_result(), *to = result;
        int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);

        for (int i = 0; i < length; i++) {
                if (i && (length - i) % 3 == 0)
                        *to++ = ',';
                *to++ = digits[i];
        }
        *to = '\0';
        return result;
}

const char *human_quantity(uint64_t count, const char *singular)
{
        char *result = next_result();

        snprintf(result, RESULT_SIZE, "%s %s%s", human_count(count), singular,
                count == 1 ? "" : "s");
        return result;
}
