// The part of a day in which a host may be worked hard: what the calendar begins there begins in
// it. What people ask for, and attempts, whose time was agreed, it does not hold up.
#ifndef UNDERSTUDY_CALENDAR_HOST_WINDOW_H
#define UNDERSTUDY_CALENDAR_HOST_WINDOW_H

#include "calendar/window.h"
#include "core/core.h"

typedef struct HostWindow {
        char *host;
        char *text; // "22:00-06:00"; "": the whole day
        char *zone_name;
        Window window;
        icaltimezone *zone;
} HostWindow;

// As a host's row says; its zone is that of new schedules unless it was set. -EINVAL for what
// nobody may set. Free with host_window_clear.
int host_window_of(Controller *controller, const HostRow *host, HostWindow *ret, Error *error)
        _must_use_;
// One that cannot be read any more holds nothing up.
int host_window_read(Controller *controller, const char *host, HostWindow *ret, Error *error)
        _must_use_;
void host_window_clear(HostWindow *window);
#define _cleanup_host_window_ _cleanup_(host_window_clear)

#endif
