// A landscape as the result of a scan.
#ifndef UNDERSTUDY_WORKER_ADOPT_REPORT_H
#define UNDERSTUDY_WORKER_ADOPT_REPORT_H

#include "adopt/landscape.h"
#include "adopt/offer.h"

// Fills a ScanResult, whose texts are valid UTF-8. Sorts the findings.
void report_fill(Landscape *landscape, const OfferList *offers, Fleet__ScanResult *result);

#endif
