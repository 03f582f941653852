// What the daemon's parts share. Everything runs on the loop's thread.
#ifndef UNDERSTUDY_WORKER_AGENT_STATE_H
#define UNDERSTUDY_WORKER_AGENT_STATE_H

#include "agent/config.h"
#include "agent/journal.h"
#include "agent/runners.h"
#include "step/spool.h"
#include "wire/link.h"

// A runner that died is followed by another this many times.
#define TASK_RESTARTS  3

#define AGENT_SWEEP_MS 200 // one commit for many tasks; those that begin come first

typedef enum TaskState {
        TASK_NEW,       // not in the journal yet, so not acknowledged
        TASK_HELD,      // found without a runner at the daemon's start; see work_resume
        TASK_READY,     // waits for a place among the running ones
        TASK_WAITING,   // for its timer, after its runner died or could not be started
        TASK_RUNNING,   // has a runner
        TASK_ENDED,     // its Finished is in the spool
        TASK_FORGOTTEN, // by the controller; goes as soon as its runner has ended
} TaskState;

typedef struct Agent Agent;

typedef struct WorkerTask WorkerTask;
struct WorkerTask {
        Agent *agent;
        WorkerTask *next; // in the order of acceptance
        char *id;
        uint8_t *packed;
        size_t packed_size;
        uint64_t job;
        uint32_t deadline_seconds;
        bool alone; // STEP_ALONE
        char *directory;
        TaskState state;
        bool unanswered; // in the journal, and its acknowledgement not sent
        bool told;       // named in this link's Hello
        bool canceled;
        bool cancel_recorded; // in the journal
        unsigned deaths;      // of its runners
        Runner *runner;
        struct event *timer;
        int events_fd;
        int watch; // inotify's; -1
        SpoolSummary summary;
        SpoolCursor sent;
        uint64_t committed;
};

struct Agent {
        const Config *config;
        struct event_base *base;
        Journal *journal;
        Runners *runners;
        WorkerTask *tasks;
        unsigned running;
        int inotify_fd;
        struct event *inotify;
        struct event *turn;  // writes the journal
        struct event *sweep; // removes forgotten tasks
        struct event *soon;  // tells what waits for company
        struct event *terminate, *interrupt;
        struct event *report; // tells the controller what the host is like
        Wire *wire;
        Dialer *dialer;
        Link *link;    // NULL: not connected
        bool welcomed; // on this link
        bool failing;  // the last attempt to connect failed, and was logged
};

// Has new tasks and cancels written to the journal with the loop's next turn; then they hold.
static inline void agent_record(Agent *agent)
{
        event_active(agent->turn, EV_TIMEOUT, 0);
}

// Has forgotten tasks removed soon.
static inline void agent_sweep(Agent *agent)
{
        static const struct timeval soon = {.tv_usec = AGENT_SWEEP_MS * 1000};

        if (!evtimer_pending(agent->sweep, NULL))
                evtimer_add(agent->sweep, &soon);
}

// ---- ship.c

// Sends what is in the task's spool and not sent yet, as far as window and link allow. That it was
// accepted goes before; that a run has begun waits a moment for what follows.
void ship_task(WorkerTask *task);
// That a task was accepted is told with the first that is to tell of it, or a moment later.
void ship_answer(WorkerTask *task);
// The moment has passed.
void ship_all(Agent *agent);
// Goes to the event after `number`, from where ship_task sends.
int ship_from(WorkerTask *task, uint64_t number) _must_use_;
// A Committed: -EPROTO when it is about what was never sent.
int ship_committed(WorkerTask *task, uint64_t number) _must_use_;

// ---- hello.c

int hello_send(Agent *agent, Link *link) _must_use_;
// What has become of the host meanwhile; nothing without a link.
void hello_send_facts(Agent *agent);

// ---- work.c

// Finds the task's runner, or what became of it, at the daemon's start. Without either the task is
// held until the controller's Welcome: a crash of the machine can have taken events from the spool
// that the controller has, and what comes next must be numbered after them.
void work_resume(WorkerTask *task);
// Lets a held task go on, and an ended one be forgotten once the controller has all of it.
void work_release(WorkerTask *task);
// Starts runners for ready tasks, as many as the configuration allows.
void work_start(Agent *agent);
// After the journal says so.
void work_cancel(WorkerTask *task);
// Ends with the controller's word that it needs no more of the task.
void work_forget(WorkerTask *task);

#endif
