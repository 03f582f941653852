// Things that each owner must have for itself: addresses, databases, directories. Sorted, so that
// the time it takes to find what two have in common does not grow with the square of their number.
#ifndef UNDERSTUDY_WORKER_ADOPT_CLAIM_H
#define UNDERSTUDY_WORKER_ADOPT_CLAIM_H

#include <stdbool.h>

#include "base/text.h"

typedef struct Claim {
        int kind; // two of different kinds never meet
        char *text;
        int rank;     // of those who claim the same, the lowest has it
        size_t owner; // index of a site or part
        char *where;
} Claim;

typedef struct ClaimList {
        Claim *items;
        size_t count;
} ClaimList;

// Texts are copied; a blank one is no claim.
void claim_add(
        ClaimList *list, int kind, const char *text, int rank, size_t owner, const char *where);

void claims_sort(ClaimList *list);

// For each claim that another owner has: `has` is the one of the lowest rank, then of the lowest
// index. The list must be sorted.
typedef void (*ClaimFn)(void *userdata, const Claim *has, const Claim *other);
void claims_contested(const ClaimList *list, ClaimFn fn, void *userdata);

// Whether somebody claims it. The list must be sorted.
bool claims_have(const ClaimList *list, int kind, const char *text);

void claims_clear(ClaimList *list);
#define _cleanup_claims_ _cleanup_(claims_clear)

#endif
