// What the API shows (operation.h): rows as JSON. Nothing returned is NULL; it is the caller's.
#ifndef UNDERSTUDY_TELL_VIEW_H
#define UNDERSTUDY_TELL_VIEW_H

#include <jansson.h>

#include "core/core.h"

// A time as the API has it: seconds since the epoch; null for 0.
json_t *view_time(int64_t at_us);

json_t *view_host(Controller *controller, const HostRow *host);
int view_series(Controller *controller, const SeriesRow *series, json_t **ret, Error *error)
        _must_use_;
int view_job(Controller *controller, const JobRow *job, bool with_tasks, json_t **ret, Error *error)
        _must_use_;
json_t *view_task(const TaskRow *task);
json_t *view_entry(const HistoryRow *entry);

// What a person can do about a job, or what it waits for; NULL: nothing to say. The caller frees.
int hint_of_job(Controller *controller, const JobRow *job, const Rows *tasks, char **ret,
        Error *error) _must_use_;

#endif
