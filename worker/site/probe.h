// Asks a site who it is, through its own settings, and its database servers which databases it has.
#ifndef UNDERSTUDY_WORKER_SITE_PROBE_H
#define UNDERSTUDY_WORKER_SITE_PROBE_H

#include <jansson.h>

#include "site/site.h"

// Fills a ProbeResult from the site's answer (not the sizes and links, which are the probe step's).
int site_probe(StepContext *context, const SiteDir *site, Fleet__ProbeResult *result, Error *error)
        _must_use_;

// The answer as the helper gives it, of a site that may take `limit_ms`; and what a ProbeResult
// has of it. The caller's reference.
int site_ask(StepContext *context, const SiteDir *site, uint32_t limit_ms, json_t **ret_answer,
        Error *error) _must_use_;
void site_answer_take(json_t *answer, Fleet__ProbeResult *result);

#endif
