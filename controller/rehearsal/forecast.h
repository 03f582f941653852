// How long production will be away at the next opening, from the last rehearsals.
#ifndef UNDERSTUDY_REHEARSAL_FORECAST_H
#define UNDERSTUDY_REHEARSAL_FORECAST_H

#include "plan/plan.h"
#include "store/rehearsal.h"

// The rehearsals that ended well, and had something to do, that it is made from, at most.
#define FORECAST_REHEARSALS 10

typedef struct ForecastStep {
        const char *label; // the plan's
        bool known;        // some rehearsal has it
        bool critical;     // on the longest way of the median
        bool done;         // it takes no time any more
        int64_t median_us, worst_us;
} ForecastStep;

typedef struct Forecast {
        ForecastStep *steps; // between production's last moment and the new site's first
        size_t count;
        size_t rehearsals;           // 0: nothing is known
        int64_t median_us, worst_us; // of the whole
        int64_t before_us;           // median of the older half of them, unscaled; 0: too few
        int64_t now_us;              // and of the newer half
} Forecast;

// `plan` is of JOB_OPEN and outlives the forecast; `rehearsals` newest first. Steps whose work is
// the data's are scaled by how the data has grown since each rehearsal. Free with forecast_clear.
void forecast_make(const Plan *plan, const Rows *rehearsals, Forecast *ret);
void forecast_clear(Forecast *forecast);
#define _cleanup_forecast_ _cleanup_(forecast_clear)

// What is left of the median when the tasks of the opening are as they are. Marks them `done`.
int64_t forecast_left_us(Forecast *forecast, const Plan *plan, const Rows *tasks);

// Whether rehearsals take clearly longer than they did: one and a half times, and ten seconds.
bool forecast_grows(const Forecast *forecast);

#endif
