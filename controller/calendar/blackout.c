#include "calendar/blackout.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/series.h"

char *blackout_why(const AttemptRow *attempt, int64_t before_us, int64_t at_us)
{
        int64_t lapse_us = attempt->lapse_seconds * US_PER_SECOND;
        int64_t deadline_us = attempt->deadline_seconds * US_PER_SECOND;

        switch (attempt->state) {
        case ATTEMPT_ANNOUNCED:
                return attempt->id && at_us >= attempt->at_us - before_us &&
                                       at_us < attempt->at_us + lapse_us
                               ? text_copy("an upgrade attempt is announced for then")
                               : NULL;
        case ATTEMPT_SYNCHRONISING:
                return at_us < attempt->began_us + deadline_us + lapse_us
                               ? text_copy("an upgrade attempt opens")
                               : NULL;
        case ATTEMPT_OPEN:
                return at_us < attempt->ends_us ? text_copy("an upgrade attempt is open") : NULL;
        default:
                return NULL;
        }
}

int blackout_get(Store *store, const char *series, Blackout *ret, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        int r = settings_get(store, series, &settings, error);

        *ret = (Blackout){.before_us = (int64_t)settings.blackout * US_PER_SECOND};
        if (r < 0)
                return r;
        r = attempt_newest(store, series, &ret->attempt, error);
        return r < 0 ? r : 0;
}
