// The lines of a text, one after the other.
#ifndef UNDERSTUDY_WORKER_ADOPT_LINE_H
#define UNDERSTUDY_WORKER_ADOPT_LINE_H

#include <stdbool.h>

#include "base/text.h"

// Begin with zeros and `rest` at the text.
typedef struct LineCursor {
        const char *rest;
        char *line; // the current one, without its newline; owned
        unsigned number;
} LineCursor;

// False: there is none left, and nothing to free.
static inline bool line_next(LineCursor *cursor)
{
        size_t length = strcspn(cursor->rest, "\n");

        free(TAKE_PTR(cursor->line));
        if (!*cursor->rest)
                return false;
        cursor->line = text_copy_n(cursor->rest, length);
        cursor->number++;
        cursor->rest += length + (cursor->rest[length] == '\n');
        return true;
}

static inline void line_end(const LineCursor *cursor)
{
        free(cursor->line);
}
#define _cleanup_line_ _cleanup_(line_end)

#endif
