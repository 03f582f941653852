// What happens is told twice: to those who watch a job, and to the history, which stays.
#ifndef UNDERSTUDY_TELL_RECORD_H
#define UNDERSTUDY_TELL_RECORD_H

#include <jansson.h>

#include "core/core.h"

// ---- events of a job (watch.h)

int record_job(Controller *controller, const JobRow *job, Error *error) _must_use_;
int record_task(Controller *controller, const TaskRow *task, Error *error) _must_use_;
int record_progress(Controller *controller, const TaskRow *task, const Fleet__Progress *progress,
        Error *error) _must_use_;
int record_line(Controller *controller, const TaskRow *task, const Fleet__LogLine *line,
        Error *error) _must_use_;

// ---- the history

// An entry about a job, by whoever asked for it.
int record_history(Controller *controller, const JobRow *job, const char *who, const char *event,
        Error *error, const char *detail, ...) _must_use_ _printf_(6, 7);

// ---- failures

// As a message; the caller frees it.
Fleet__Failure *record_failure(const Error *why);
// As the end of a task that never reached its host.
Fleet__Finished *record_finished(const Error *why);
static inline void finished_clear(Fleet__Finished **finished)
{
        fleet__finished__free_unpacked(*finished, NULL);
}

// A failure's line for people, "" for none; the caller frees it.
char *record_failure_line(const Blob *failure);

#endif
