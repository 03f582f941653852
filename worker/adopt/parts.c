#include "adopt/parts.h"

bool parts_full(Landscape *landscape)
{
        if (landscape->parts.count < PARTS_MAX)
                return false;
        finding_add(&landscape->findings, FINDING_SCAN_LIMIT, NULL, NULL,
                "the host has more than %d vhosts, programs and jobs", PARTS_MAX);
        return true;
}

void parts_read(Landscape *landscape, const ScanPaths *paths)
{
        const struct {
                void (*read)(Reader *reader, const TextList *paths);
                const TextList *paths;
        } readers[] = {
                {nginx_read, &paths->nginx},
                {apache_read, &paths->apache},
                {supervisor_read, &paths->supervisor},
                {systemd_read, &paths->systemd},
                {cron_read, &paths->cron},
        };

        for (size_t i = 0; i < ELEMENTS(readers); i++) {
                Reader reader _cleanup_reader_ = {0};

                reader_open(&reader, landscape, readers[i].paths);
                readers[i].read(&reader, readers[i].paths);
        }
}
