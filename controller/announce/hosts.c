#include "announce/hosts.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/session.h"
#include "tell/announce.h"
#include "tell/words.h"

#define LOOK_MOST_US (60 * US_PER_SECOND)

static int host_away(Controller *controller, const HostRow *host, Error *error)
{
        _cleanup_free_ char *since = words_time(host->last_seen_us),
                            *detail = text_format("Its worker was last connected at %s, from %s. "
                                                  "What is planned for its series waits.\n\n"
                                                  "Look on the host: systemctl status "
                                                  "understudy-worker\n",
                                    since, host->address ? host->address : "nowhere");

        return controller_begin(controller, error)
                       ?: announce(controller, ANNOUNCE_HOST_AWAY, host->name, 0, "away", detail,
                                  error);
}

static int host_back(Controller *controller, const HostRow *host, Error *error)
{
        return controller_begin(controller, error)
                       ?: announce(controller, ANNOUNCE_HOST_BACK, host->name, 0, "back",
                                  "Its worker is connected again; what waited goes on.", error);
}

static int look_at(const AwayHosts *away, Controller *controller, const HostRow *host,
        int64_t now_us, Error *error)
{
        _cleanup_announcement_ AnnouncementRow last = {0};
        bool there = session_of_host(controller, host->name);
        int64_t since_us =
                host->last_seen_us > away->started_us ? host->last_seen_us : away->started_us;
        bool told;
        int r;

        if (!there && now_us - since_us < away->after_us)
                return 0;
        r = announcement_last(controller->store, "host", host->name, &last, error);
        if (r < 0)
                return r;
        told = r > 0 && last.kind == ANNOUNCE_HOST_AWAY;
        return there == told ? there ? host_back(controller, host, error)
                                     : host_away(controller, host, error)
                             : 0;
}

static bool is_time(AwayHosts *away)
{
        int64_t every_us = away->after_us / 4 < LOOK_MOST_US ? away->after_us / 4 : LOOK_MOST_US;
        int64_t now_us = clock_monotonic_us();

        if (!away->after_us || now_us - away->looked_us < every_us)
                return false;
        away->looked_us = now_us;
        return true;
}

int away_look(AwayHosts *away, Controller *controller, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows hosts = {0};
        const HostRow *rows;
        int r = is_time(away) ? hosts_get(controller->store, &hosts, error) : 0;

        rows = hosts.items;
        for (size_t i = 0; r == 0 && i < hosts.count; i++)
                if (rows[i].state == HOST_JOINED)
                        r = look_at(away, controller, &rows[i], now_us, error);
        return r;
}
