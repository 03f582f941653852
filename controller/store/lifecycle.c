#include "store/lifecycle.h"

const char *const site_state_names[] = {"unknown", "preview", "production", "old", "purged", NULL};

static const struct {
        SiteState from;
        SiteEvent event;
        SiteState to;
} edges[] = {
        {SITE_UNKNOWN, SITE_ADOPTED, SITE_PRODUCTION},
        {SITE_UNKNOWN, SITE_PREPARED, SITE_PREVIEW},
        {SITE_PREVIEW, SITE_SWITCHED, SITE_PRODUCTION},
        {SITE_PRODUCTION, SITE_REPLACED, SITE_OLD},
        {SITE_PRODUCTION, SITE_SWITCHED_BACK, SITE_PREVIEW},
        {SITE_OLD, SITE_SWITCHED_BACK, SITE_PRODUCTION},
        {SITE_PREVIEW, SITE_DROPPED, SITE_PURGED},
        {SITE_OLD, SITE_RETIRED, SITE_PURGED},
        {SITE_PRODUCTION, SITE_RETIRED, SITE_PURGED},
};

static const char *const event_words[] = {
        [SITE_ADOPTED] = "adopted",
        [SITE_PREPARED] = "prepared",
        [SITE_SWITCHED] = "switched to",
        [SITE_REPLACED] = "replaced",
        [SITE_SWITCHED_BACK] = "switched back",
        [SITE_DROPPED] = "dropped",
        [SITE_RETIRED] = "retired",
};

int lifecycle_next(SiteState state, SiteEvent event, SiteState *ret, Error *error)
{
        for (size_t i = 0; i < ELEMENTS(edges); i++)
                if (edges[i].from == state && edges[i].event == event) {
                        *ret = edges[i].to;
                        return 0;
                }
        return error_set(error, -EPERM, "lifecycle", "a site in state '%s' cannot be %s",
                site_state_names[state], event_words[event]);
}
