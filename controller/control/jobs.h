// The life of a job. A change of it ends with the scheduler's next look (Controller.attention).
#ifndef UNDERSTUDY_CONTROL_JOBS_H
#define UNDERSTUDY_CONTROL_JOBS_H

#include "core/core.h"
#include "plan/plan.h"

// ---- asked for by people; a refusal changes nothing

// Plans and queues a job: `job` holds what was asked for, and gets its id.
int jobs_create(Controller *controller, JobRow *job, Error *error) _must_use_;
int jobs_cancel(Controller *controller, JobRow *job, const char *who, Error *error) _must_use_;
int jobs_retry(Controller *controller, JobRow *job, const char *who, Error *error) _must_use_;
int jobs_resume(Controller *controller, JobRow *job, const char *who, Error *error) _must_use_;

// ---- by the scheduler

// Begins a queued job, planned again as its series is now; a refusal ends it as failed.
int jobs_start(Controller *controller, JobRow *job, Error *error) _must_use_;
// All its tasks are done: what they found goes into the registry.
int jobs_complete(Controller *controller, JobRow *job, const Rows *tasks, Error *error) _must_use_;
int jobs_wait(Controller *controller, JobRow *job, Error *error) _must_use_;
int jobs_end(Controller *controller, JobRow *job, JobState state, Error *error) _must_use_;

// Its worker was called back too late: it has done alone what there was to do.
bool jobs_is_done_after_all(const JobRow *job, const Rows *tasks);

// The task to be taken back next, once none is under way; NULL: nothing is left.
TaskRow *jobs_next_undo(const JobRow *job, const Rows *tasks);

// ---- by the scheduler and the intake

// Applies the end of an execution of a task.
int jobs_task_finished(Controller *controller, TaskRow *task, const Fleet__Finished *finished,
        Error *error) _must_use_;

// ---- shared by the two files that make it up

int jobs_save(Controller *controller, const JobRow *job, Error *error) _must_use_;
int jobs_turn_back(Controller *controller, JobRow *job, JobState ending, Error *error) _must_use_;
// A step has begun after which nothing can be taken back. Of an opening, what was done to
// production still can: only the preview's previous database is gone.
bool jobs_is_final(const JobRow *job, const Rows *tasks);

#endif
