#include "base/log.h"

#include <stdatomic.h>
#include <time.h>

#include "base/text.h"

static atomic_int threshold = LOG_INFO;

void log_set_priority(int priority)
{
        threshold = priority;
}

void log_event(int priority, const char *format, ...)
{
        _cleanup_free_ char *message = NULL, *escaped = NULL;
        va_list arguments;

        if (priority > threshold)
                return;
        va_start(arguments, format);
        message = text_vformat(format, arguments);
        va_end(arguments);
        escaped = text_escape(
                message, strlen(message)); // a line stays a line, whatever a file is called
        if (getenv("JOURNAL_STREAM")) {
                fprintf(stderr, "<%d>%s\n", priority, escaped);
        } else {
                char stamp[32];
                struct tm broken;
                time_t now = time(NULL);

                localtime_r(&now, &broken);
                strftime(stamp, sizeof(stamp), "%F %T", &broken);
                fprintf(stderr, "%s %s\n", stamp, escaped);
        }
}

void log_failure(int priority, const Error *error)
{
        _cleanup_free_ char *line = error_line(error);

        log_event(priority, "%s", line);
}
