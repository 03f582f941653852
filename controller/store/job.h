// Jobs, their tasks, and what happened to them as a numbered list of events.
#ifndef UNDERSTUDY_STORE_JOB_H
#define UNDERSTUDY_STORE_JOB_H

#include "store/row.h"

typedef enum JobKind {
        JOB_ADOPT,
        JOB_PREPARE,
        JOB_SYNC,
        JOB_SWITCH,
        JOB_DROP,
        JOB_SCAN, // of a host: it has no series
        JOB_SERVE,
        JOB_OPEN,    // an upgrade attempt: freeze, synchronise, switch
        JOB_REPORT,  // what users did since it opened
        JOB_RETIRE,  // of a site that was production
        JOB_STANDBY, // of an attempt: its worker takes it back when nobody can ask to
} JobKind;
extern const char *const job_kind_names[];

typedef enum JobState {
        JOB_QUEUED,
        JOB_RUNNING,
        JOB_WAITING, // for a person's word
        JOB_UNDOING, // no task begins any more; what must be taken back is being taken back
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELED,
} JobState;
extern const char *const job_state_names[];

typedef struct JobRow {
        int64_t id; // never used again
        JobKind kind;
        char *series; // "": it is of its host alone
        char *host;
        JobState state;
        JobState ending; // JOB_FAILED or JOB_CANCELED: what JOB_UNDOING ends in
        int64_t dry_run, review;
        int64_t full, nightly; // sync: in full whatever could be saved; asked for by a timer
        int64_t attempt;       // that it opens or takes back; 0: none
        char *site, *root;     // adopt: of production; prepare: name of the new site; retire: of it
        int64_t keep_old_seconds; // adopt
        char *install;            // prepare: requirements, a line each; NULL: none
        char *who, *request;      // who asked, in which words
        int64_t created_us, queued_us, started_us, ended_us;
        Blob failure; // Failure
} JobRow;

DEFINE_ROW(JobRow, job)
#define _cleanup_job_ _cleanup_(job_clear)

typedef enum TaskState {
        TASK_PENDING,
        TASK_RUNNING,
        TASK_DONE,
        TASK_FAILED,
        TASK_CANCELED,
        TASK_UNDOING,
        TASK_UNDONE,
        TASK_SKIPPED,
} TaskState;
extern const char *const task_state_names[];

typedef enum TaskGate { GATE_NONE, GATE_CLOSED, GATE_OPENED } TaskGate;

typedef enum TaskRowMode { TASK_RUN, TASK_UNDO } TaskRowMode;

// One node of a job's graph, with its latest execution.
typedef struct TaskRow {
        int64_t id;
        int64_t job;
        int64_t node; // 0, 1 ... in an order in which each comes after what it depends on
        char *label, *step;
        char *depends; // labels, a blank between them
        char *host;
        TaskGate gate; // closed: after it the job waits for a person
        TaskState state;
        TaskRowMode mode;  // of the latest execution
        int64_t execution; // 0: it has not been sent yet
        char *wire_id;     // "JOB.NODE.EXECUTION", NULL before the first
        int64_t cancel;    // its host is to end it
        int64_t already;
        int64_t started_us, ended_us;
        Blob arguments; // as planned
        Blob message;   // the Task as sent, while it is under way: this is the outbox
        Blob result;    // the step's result
        Blob failure;   // Failure
        // written as events come in
        int64_t accepted; // it is in its host's journal
        int64_t cursor;   // number of the last event committed
        int64_t lines;    // of its output kept so far
        Blob progress;    // Progress
        int64_t progress_seq;
} TaskRow;

DEFINE_ROW(TaskRow, task)
#define _cleanup_task_ _cleanup_(task_clear)

static inline bool task_is_under_way(const TaskRow *task)
{
        return task->state == TASK_RUNNING || task->state == TASK_UNDOING;
}

// Whether it only serves the others (STEP_ASIDE): it counts against no limit, and is ended with
// them.
bool task_is_aside(const TaskRow *task);
// Whether it counts against the limits of fleet and host: it neither serves another nor waits
// alone.
bool task_takes_room(const TaskRow *task);

bool task_depends_on(const TaskRow *task, const char *label);

// The result of the task with a label, the caller's; NULL when there is none.
ProtobufCMessage *tasks_result(const Rows *tasks, const char *label);

static inline bool job_is_over(const JobRow *job)
{
        return job->state >= JOB_DONE;
}

static inline bool job_stands_by(const JobRow *job)
{
        return job->kind == JOB_STANDBY && job->state != JOB_UNDOING;
}

// ---- jobs

// As job_under_way, which is an index, has it.
#define JOB_UNDER_WAY "state IN ('queued', 'running', 'waiting', 'undoing')"

int job_get(Store *store, int64_t id, JobRow *ret, Error *error) _must_use_; // 1: found; 0: none
// Whether two jobs must not run at once: they are of one series, or of one host without a series.
// One that stands by is in no other's way until it is called back.
bool job_excludes(const JobRow *a, const JobRow *b);
// Running, waiting and undoing ones, then those that are queued: each in the order in which they
// were queued, as far as the clock tells.
int jobs_under_way(Store *store, Rows *ret, Error *error) _must_use_;
// The first of these that must be over before a queued one begins. 1: found; 0: none.
int job_before(Store *store, const JobRow *job, JobRow *ret, Error *error) _must_use_;
// Newest first; of one series, or NULL for all.
int jobs_newest(Store *store, const char *series, int64_t limit, Rows *ret, Error *error)
        _must_use_;
// The newest job of a kind that was no dry run. 1: found; 0: none.
int job_newest_of_kind(Store *store, const char *series, JobKind kind, JobRow *ret, Error *error)
        _must_use_;
// The newest retirement of a site, of a name, since `since_us`, that is under way or was asked for
// by `who`, and was no dry run. 1: found; 0: none.
int job_retirement(Store *store, const char *series, const char *site, const char *who,
        int64_t since_us, JobRow *ret, Error *error) _must_use_;
// What the longest of the last ten synchronisations of a series that ended well has taken. 1:
// found; 0: none.
int job_longest_sync(Store *store, const char *series, int64_t *ret_us, Error *error) _must_use_;
// The first job after `id` of its series that changed something or is about to. 1: found; 0: none,
// as always for a job without a series.
int job_following(Store *store, const JobRow *job, JobRow *ret, Error *error) _must_use_;

// ---- tasks

int tasks_of_job(Store *store, int64_t job, Rows *ret, Error *error) _must_use_; // by node
int task_get_by_wire_id(Store *store, const char *wire_id, TaskRow *ret, Error *error) _must_use_;
// Sent, and not ended; of one host, or NULL for all.
int tasks_under_way(Store *store, const char *host, Rows *ret, Error *error) _must_use_;

// Each writes the columns that the others leave alone.
int task_set_accepted(Store *store, int64_t id, Error *error) _must_use_;
int task_set_cursor(Store *store, int64_t id, int64_t cursor, Error *error) _must_use_;
int task_set_progress(Store *store, int64_t id, const Blob *progress, int64_t seq, Error *error)
        _must_use_;
int task_set_lines(Store *store, int64_t id, int64_t lines, Error *error) _must_use_;
// Before an execution is sent (again): nothing of it is known.
int task_reset_events(Store *store, int64_t id, Error *error) _must_use_;

// ---- events of a job, for those who watch it

// The number of the job's next event.
int event_number(Store *store, int64_t job, int64_t *ret_seq, Error *error) _must_use_;
// Keeps an event: `body` is its JSON, without number.
int event_keep(Store *store, int64_t job, const char *body, Error *error) _must_use_;

// Calls `fn` for at most `limit` kept events after `after`. Returns how many, or a negative errno.
typedef void (*EventFn)(void *userdata, int64_t seq, const char *body);
int events_after(Store *store, int64_t job, int64_t after, int limit, EventFn fn, void *userdata,
        Error *error) _must_use_;

// The first job after `job` that has kept events. 1: found; 0: none.
int events_next_job(Store *store, int64_t job, int64_t *ret, Error *error) _must_use_;
// Removes the oldest events of a job, at most `limit`. Returns how many, or a negative errno.
int events_remove(Store *store, int64_t job, int limit, Error *error) _must_use_;

// Calls `fn` with the latest progress of each task that is numbered above `after`.
typedef void (*ProgressFn)(void *userdata, int64_t seq, const char *label, const Blob *progress);
int progress_after(Store *store, int64_t job, int64_t after, ProgressFn fn, void *userdata,
        Error *error) _must_use_;

#endif
