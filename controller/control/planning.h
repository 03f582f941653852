// What the planner is given, from the database.
#ifndef UNDERSTUDY_CONTROL_PLANNING_H
#define UNDERSTUDY_CONTROL_PLANNING_H

#include "base/text.h"
#include "core/core.h"
#include "plan/plan.h"

// A PlanInput and all it borrows. Free with planning_clear.
typedef struct Planning {
        PlanInput input;
        SeriesRow series;
        SeriesSettings settings;
        Rows sites, site_series, allowances;
        PlanSite *plan_sites;
        Fleet__Allowance *allowed;
        TextList install, taken;
} Planning;

int planning_load(Store *store, const JobRow *job, Planning *ret, Error *error) _must_use_;
void planning_clear(Planning *planning);
#define _cleanup_planning_ _cleanup_(planning_clear)

// Plans a job. A refusal (see plan_make) sets *ret_refused; without it a failure is the database's.
int planning_make(Store *store, const JobRow *job, Plan *ret, bool *ret_refused, Error *error)
        _must_use_;

#endif
