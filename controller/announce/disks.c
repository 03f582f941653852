#include "announce/disks.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/session.h"
#include "tell/announce.h"

#define LOOK_US (5 * US_PER_SECOND)

// Well again is a tenth more than short: who deletes one file is not told twice an hour.
#define WELL_TENTHS 11

static bool has_less(const Fleet__Disk *disk, uint64_t percent, uint64_t tenths)
{
        return (double)disk->free_bytes * 1000 <
               (double)disk->total_bytes * (double)percent * (double)tenths;
}

static int disk_short(Controller *controller, const Fleet__Disk *disk, const char *host,
        const char *topic, uint64_t percent, Error *error)
{
        _cleanup_free_ char *detail = text_format(
                "Of %s on %s %s are free, less than %llu %%. A synchronisation for which there is "
                "no room does not begin.\n\nLook on host %s: df -h %s\n",
                text_bytes(disk->total_bytes), disk->path, text_bytes(disk->free_bytes),
                (unsigned long long)percent, host, disk->path);

        return controller_begin(controller, error)
                       ?: announce(controller, ANNOUNCE_DISK_SHORT, topic, 0, "short", detail,
                                  error);
}

static int disk_well(
        Controller *controller, const Fleet__Disk *disk, const char *topic, Error *error)
{
        _cleanup_free_ char *detail = text_format("Of %s on %s %s are free.",
                text_bytes(disk->total_bytes), disk->path, text_bytes(disk->free_bytes));

        return controller_begin(controller, error)
                       ?: announce(controller, ANNOUNCE_DISK_WELL, topic, 0, "well", detail, error);
}

static int look_at(Controller *controller, const char *host, const Fleet__Disk *disk,
        uint64_t percent, Error *error)
{
        _cleanup_announcement_ AnnouncementRow last = {0};
        _cleanup_free_ char *topic = text_format("%s:%s", host, disk->path);
        int r = announcement_last(controller->store, "disk", topic, &last, error);
        bool told = r > 0 && last.kind == ANNOUNCE_DISK_SHORT;

        if (r < 0)
                return r;
        if (!told && has_less(disk, percent, 10))
                return disk_short(controller, disk, host, topic, percent, error);
        if (told && !has_less(disk, percent, WELL_TENTHS))
                return disk_well(controller, disk, topic, error);
        return 0;
}

static int look_at_host(Controller *controller, const HostRow *host, uint64_t percent, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message =
                blob_message(&host->facts, &fleet__host_facts__descriptor);
        const Fleet__HostFacts *facts = (Fleet__HostFacts *)message;
        int r = 0;

        for (size_t i = 0; facts && r == 0 && i < facts->n_disks; i++)
                r = look_at(controller, host->name, facts->disks[i], percent, error);
        return r;
}

static bool is_time(ShortDisks *disks)
{
        int64_t now_us = clock_monotonic_us();

        if (!disks->percent || (disks->looked_us && now_us - disks->looked_us < LOOK_US))
                return false;
        disks->looked_us = now_us;
        return true;
}

int disks_look(ShortDisks *disks, Controller *controller, Error *error)
{
        _cleanup_rows_ Rows hosts = {0};
        const HostRow *rows;
        int r = is_time(disks) ? hosts_get(controller->store, &hosts, error) : 0;

        rows = hosts.items;
        for (size_t i = 0; r == 0 && i < hosts.count; i++)
                if (session_of_host(controller, rows[i].name))
                        r = look_at_host(controller, &rows[i], disks->percent, error);
        return r;
}
