// The command lines that adopt what was found.
#ifndef UNDERSTUDY_WORKER_ADOPT_OFFER_H
#define UNDERSTUDY_WORKER_ADOPT_OFFER_H

#include "adopt/landscape.h"

typedef struct Offer {
        char *command;
        char *note; // what must be so before it is typed; NULL: nothing
} Offer;

typedef struct OfferList {
        Offer *items;
        size_t count;
} OfferList;

// One "understudyctl series add" for each root whose production is known, or which has one site;
// where nobody can tell, one for each site, and a finding. None for roots that have a series and
// for names that the controller would refuse. `taken` are the names of the series that there are.
void offer_lines(Landscape *landscape, const char *host, const TextList *taken, OfferList *ret);
void offer_clear(OfferList *list);

// A word as a shell reads it whole: in quotes when it needs them. Allocated.
char *shell_quoted(const char *word);

#endif
