#include "site/lines.h"

#include "base/text.h"

static void append(LineBuffer *lines, const char *bytes, size_t size, size_t limit)
{
        if (size > limit - lines->size) {
                size = limit - lines->size;
                lines->dropping = true;
        }
        if (lines->room - lines->size <= size) {
                lines->room = 2 * (lines->size + size) + 128;
                lines->data = memory_grow(lines->data, lines->room);
        }
        memcpy(lines->data + lines->size, bytes, size);
        lines->size += size;
}

static int deliver(LineBuffer *lines, LineSink sink, void *userdata)
{
        if (lines->size > 0 && lines->data[lines->size - 1] == '\r')
                lines->size--;
        lines->data[lines->size] = '\0';
        int r = sink(userdata, lines->data, lines->size);
        lines->size = 0;
        lines->dropping = false;
        return r < 0 ? r : 0;
}

int lines_feed(LineBuffer *lines, const char *bytes, size_t size, size_t limit, LineSink sink,
        void *userdata)
{
        while (size > 0) {
                const char *newline = memchr(bytes, '\n', size);
                size_t length = newline ? (size_t)(newline - bytes) : size;
                int r;

                if (!lines->dropping)
                        append(lines, bytes, length, limit);
                if (!newline)
                        return 0;
                r = deliver(lines, sink, userdata);
                if (r < 0)
                        return r;
                bytes += length + 1;
                size -= length + 1;
        }
        return 0;
}

int lines_end(LineBuffer *lines, LineSink sink, void *userdata)
{
        return lines->size > 0 ? deliver(lines, sink, userdata) : 0;
}

void lines_clear(LineBuffer *lines)
{
        free(lines->data);
        *lines = (LineBuffer){0};
}
