// Asks a site who it is, through its own settings, and its database servers which databases it has.
#ifndef UNDERSTUDY_WORKER_SITE_PROBE_H
#define UNDERSTUDY_WORKER_SITE_PROBE_H

#include "site/site.h"

// Fills a ProbeResult from the site's answer (not the sizes and links, which are the probe step's).
int site_probe(StepContext *context, const SiteDir *site, Fleet__ProbeResult *result, Error *error)
        _must_use_;

#endif
