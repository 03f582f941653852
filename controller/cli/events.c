#include "cli/events.h"

#include "base/text.h"

static void take_line(Events *events)
{
        static const char field[] = "data: ";
        json_t *event;

        if (events->size < strlen(field) || memcmp(events->line, field, strlen(field)) != 0)
                return;
        event = json_loadb(events->line + strlen(field), events->size - strlen(field), 0, NULL);
        if (json_is_object(event))
                events->fn(events->userdata, event);
        json_decref(event);
}

void events_feed(Events *events, const char *bytes, size_t size)
{
        while (size) {
                const char *end = memchr(bytes, '\n', size);
                size_t part = end ? (size_t)(end - bytes) : size;

                events->line = memory_grow(events->line, events->size + part + 1);
                memcpy(events->line + events->size, bytes, part);
                events->size += part;
                if (end) {
                        take_line(events);
                        events->size = 0;
                        part++;
                }
                bytes += part;
                size -= part;
        }
}

void events_clear(Events *events)
{
        free(events->line);
        events->line = NULL;
        events->size = 0;
}
