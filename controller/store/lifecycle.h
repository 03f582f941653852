// The life of a site: the states it has and the only ways from one to another.
#ifndef UNDERSTUDY_STORE_LIFECYCLE_H
#define UNDERSTUDY_STORE_LIFECYCLE_H

#include "base/error.h"

typedef enum SiteState {
        SITE_UNKNOWN, // before it is registered; never in the database
        SITE_PREVIEW,
        SITE_PRODUCTION,
        SITE_OLD,
        SITE_PURGED,
} SiteState;
extern const char *const site_state_names[];

typedef enum SiteEvent {
        SITE_ADOPTED,       // found in production when its series was added
        SITE_PREPARED,      // made as a preview
        SITE_SWITCHED,      // the preview has become production
        SITE_REPLACED,      // production was replaced by its preview
        SITE_SWITCHED_BACK, // and the way back, for both
        SITE_DROPPED,       // a preview was given up
        SITE_RETIRED,       // an old site's time was over, or the last production's
} SiteEvent;

// The state that follows, or -EPERM with code "lifecycle" when no edge leads on from `state`.
int lifecycle_next(SiteState state, SiteEvent event, SiteState *ret, Error *error) _must_use_;

#endif
