#include "calendar/host_window.h"

#include "base/text.h"

int host_window_of(Controller *controller, const HostRow *host, HostWindow *ret, Error *error)
{
        const char *standard = controller->setup->calendar.zone;
        _cleanup_host_window_ HostWindow window = {
                .host = text_copy(host->name), .text = text_copy(host->window ? host->window : "")};
        int r;

        window.zone_name = !text_blank(host->zone) ? text_copy(host->zone)
                           : standard              ? text_copy(standard)
                                                   : rule_zone_of_machine();
        r = window_parse(window.text, &window.window, error)
                    ?: rule_zone(window.zone_name, &window.zone, error);
        if (r == 0)
                *ret = TAKE(window, (HostWindow){0});
        return r;
}

int host_window_read(Controller *controller, const char *name, HostWindow *ret, Error *error)
{
        _cleanup_host_ HostRow host = {0};
        int r = host_get(controller->store, name, &host, error);

        if (r < 0)
                return r;
        if (r > 0 && host_window_of(controller, &host, ret, NULL) == 0)
                return 0;
        *ret = (HostWindow){.host = text_copy(name),
                .text = text_copy(""),
                .zone_name = text_copy("UTC"),
                .zone = icaltimezone_get_utc_timezone()};
        return 0;
}

void host_window_clear(HostWindow *window)
{
        free(window->host);
        free(window->text);
        free(window->zone_name);
}
