#include "adopt/parts.h"

bool parts_full(Landscape *landscape)
{
        if (landscape->parts.count < PARTS_MAX)
                return false;
        finding_add(&landscape->findings, FINDING_SCAN_LIMIT, NULL, NULL,
                "the host has more than %d vhosts, programs and jobs", PARTS_MAX);
        return true;
}
