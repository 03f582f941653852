// Reader of server-sent events, of which it needs the "data" lines only.
#ifndef UNDERSTUDY_CLI_EVENTS_H
#define UNDERSTUDY_CLI_EVENTS_H

#include <jansson.h>

#include "base/macro.h"

typedef struct Events {
        void (*fn)(void *userdata, json_t *event); // borrowed
        void *userdata;
        char *line; // what has come of the current one
        size_t size;
} Events;

// Bytes as they come, cut anywhere. Each whole event goes to `fn`; one that is no JSON object is
// passed over.
void events_feed(Events *events, const char *bytes, size_t size);
void events_clear(Events *events);

#endif
