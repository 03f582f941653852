// Bytes as they come from a pipe, made into lines.
#ifndef UNDERSTUDY_WORKER_SITE_LINES_H
#define UNDERSTUDY_WORKER_SITE_LINES_H

#include <stdbool.h>

#include "base/macro.h"

// Zeros are an empty buffer.
typedef struct LineBuffer {
        char *data;
        size_t size, room;
        bool dropping; // the rest of a line that was longer than the limit
} LineBuffer;

// One line, NUL-terminated, without its newline and the carriage return before it.
typedef int (*LineSink)(void *userdata, const char *line, size_t length);

// Hands each line that is complete to `sink`, cut at `limit` bytes. Stops at, and returns, a
// negative return of it: the rest of these bytes is dropped.
int lines_feed(LineBuffer *lines, const char *bytes, size_t size, size_t limit, LineSink sink,
        void *userdata) _must_use_;

// The last line, when it has no newline.
int lines_end(LineBuffer *lines, LineSink sink, void *userdata) _must_use_;

void lines_clear(LineBuffer *lines);

#endif
