#include "base/error.h"

#include <stdarg.h>

#include "base/text.h"

static void replace(char **part, const char *format, va_list arguments)
{
        char *text = text_vformat(format, arguments);

        free(*part);
        *part = text;
}

int error_set(Error *error, int result, const char *code, const char *what, ...)
{
        va_list arguments;
        int saved = errno;

        if (!error)
                return result;
        error_clear(error);
        va_start(arguments, what);
        replace(&error->what, what, arguments);
        va_end(arguments);
        error->code = text_copy(code);
        if (result < 0)
                error->why = text_copy(strerror(-result));
        errno = saved;
        return result;
}

#define DEFINE_PART(part)                                                                          \
        void error_##part(Error *error, const char *format, ...)                                   \
        {                                                                                          \
                va_list arguments;                                                                 \
                                                                                                   \
                if (!error)                                                                        \
                        return;                                                                    \
                va_start(arguments, format);                                                       \
                replace(&error->part, format, arguments);                                          \
                va_end(arguments);                                                                 \
        }
DEFINE_PART(where)
DEFINE_PART(why)
DEFINE_PART(next)

void error_clear(Error *error)
{
        free(error->code);
        free(error->what);
        free(error->where);
        free(error->why);
        free(error->next);
        *error = ERROR_EMPTY;
}

void error_move(Error *to, Error *from)
{
        if (to == from)
                return;
        if (to) {
                error_clear(to);
                *to = *from;
                *from = ERROR_EMPTY;
        } else {
                error_clear(from);
        }
}

char *error_line(const Error *error)
{
        return text_format("%s%s%s%s%s%s%s", error->what ? error->what : "unknown error",
                error->where ? ": " : "", error->where ? error->where : "", error->why ? ": " : "",
                error->why ? error->why : "", error->next ? ". " : "",
                error->next ? error->next : "");
}
