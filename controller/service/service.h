// A controller in its directory: configuration, lock, certificates, listeners.
#ifndef UNDERSTUDY_SERVICE_SERVICE_H
#define UNDERSTUDY_SERVICE_SERVICE_H

#include <event2/event.h>

#include "control/controller.h"

typedef struct Service Service;

// Opens what init made and listens. A directory whose controller runs is refused ("running").
int service_new(struct event_base *base, const char *directory, Service **ret, Error *error)
        _must_use_;
void service_free(Service *service);
DEFINE_CLEANUP(Service *, service_free)

Controller *service_controller(Service *service);

#endif
