// What the chosen way makes of a step.
#ifndef UNDERSTUDY_WORKER_STEPS_WAY_H
#define UNDERSTUDY_WORKER_STEPS_WAY_H

#include "step/step.h"

// Whether production is dumped: not when nothing is restored, or the database copies itself.
static inline bool way_has_dump(const Fleet__ChooseResult *choose)
{
        return !choose || choose->way == FLEET__WAY__FULL || choose->way == FLEET__WAY__DELTA;
}

// Whether a restored database waits beside the preview's.
static inline bool way_has_staging(const Fleet__RestoreResult *restore)
{
        return !restore || restore->way == FLEET__WAY__FULL || restore->way == FLEET__WAY__NATIVE;
}

static inline bool way_is_nothing(const Fleet__ChooseResult *choose)
{
        return choose && choose->way == FLEET__WAY__NOTHING;
}

#endif
