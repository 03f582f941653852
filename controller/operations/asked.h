// What the operations share. Private to operations/.
#ifndef UNDERSTUDY_OPERATIONS_ASKED_H
#define UNDERSTUDY_OPERATIONS_ASKED_H

#include "base/text.h"
#include "core/core.h"
#include "operations/operation.h"

typedef int OperationFn(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error);

OperationFn host_add, host_list, host_show, host_scan, host_window_show, host_window_set;
OperationFn series_add, series_all, series_show, series_allow, series_set, series_serve,
        series_retire;
OperationFn preview_prepare, preview_drop, preview_sync, preview_switch;
OperationFn job_list, job_show, job_cancel, job_retry, job_resume;
OperationFn attempt_plan, attempt_announce, attempt_open, attempt_move, attempt_extend,
        attempt_accept, attempt_cancel, attempt_withdraw, attempt_show, attempt_report,
        attempt_make_report;
OperationFn attempt_vote, attempt_add_voters, attempt_remove_voters, attempt_add_items,
        attempt_sign;
OperationFn schedule_show, schedule_set, schedule_pause, schedule_resume;
OperationFn calendar_show, calendar_ics;
OperationFn announcement_list, announcement_test, announcement_retry;
OperationFn history_list;

// Members of the body. Each refuses a wrong type with -EINVAL, "bad-request"; absent gives NULL, 0
// or false.
int asked_text(const json_t *body, const char *name, bool required, const char **ret, Error *error)
        _must_use_;
int asked_flag(const json_t *body, const char *name, bool *ret, Error *error) _must_use_;
int asked_seconds(const json_t *body, const char *name, int64_t *ret, Error *error) _must_use_;
// One line of at most ASKED_LINE_MAX bytes, without control characters; and a list of such lines.
#define ASKED_LINE_MAX 1000
int asked_line(const json_t *body, const char *name, bool required, const char **ret, Error *error)
        _must_use_;
int asked_lines(const json_t *body, const char *name, TextList *ret, Error *error) _must_use_;
// Refuses members that are not in `names` (NULL-terminated): a typing mistake must not be a
// default.
int asked_only(const json_t *body, const char *const *names, Error *error) _must_use_;

// How many of a list: 1 .. 10000, from the query's "limit".
int asked_limit(const json_t *query, int64_t fallback, int64_t *ret, Error *error) _must_use_;
// Any number of the query: 1 .. `most`.
int asked_count(const json_t *query, const char *name, int64_t fallback, int64_t most, int64_t *ret,
        Error *error) _must_use_;
// A text of the query, or NULL.
const char *asked_query(const json_t *query, const char *name);

// -ENOENT when there is none.
// A host that has joined: -ENOENT, saying that `doing` ("add a series on") cannot be done.
int asked_host(Controller *controller, const char *name, const char *doing, Error *error)
        _must_use_;
int asked_series(Controller *controller, const char *name, SeriesRow *ret, Error *error) _must_use_;
int asked_job(Controller *controller, const char *id, JobRow *ret, Error *error) _must_use_;

// Queues a job as asked for and shows it.
int asked_queue(Controller *controller, JobRow *job, json_t **ret, Error *error) _must_use_;

// Shows a job as it is after what was asked has been committed.
int asked_show_job(Controller *controller, int64_t id, json_t **ret, Error *error) _must_use_;

#endif
