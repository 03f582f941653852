// From the spools to the controller.
#include "agent/state.h"

#include "agent/protocol.h"
#include "base/log.h"

// Events of one task that may be under way, sent and not committed: enough to fill a commit of the
// controller's, few enough that no task keeps the others waiting.
#define WINDOW 256

// What a task says first waits so long for what follows: one that is done at once is told in one
// piece, and the processes here are left alone meanwhile.
#define SOON_US 2000

static int send_event(const Agent *agent, Fleet__Event *event)
{
        Fleet__Frame frame = FLEET__FRAME__INIT;

        frame.body_case = FLEET__FRAME__BODY_EVENT;
        frame.event = event;
        return link_send(agent->link, &frame);
}

// 1: sent, or nothing that needs sending; 0: there is no event yet; negative: not now.
static int ship_next(WorkerTask *task)
{
        SpoolCursor next = task->sent;
        Fleet__Event *event;
        int r = spool_read(task->events_fd, &next, &event);

        if (r <= 0)
                return r;
        if (event->number > task->committed && event->body_case != FLEET__EVENT__BODY__NOT_SET)
                r = send_event(task->agent, event);
        fleet__event__free_unpacked(event, NULL);
        if (r < 0)
                return r;
        task->sent = next;
        return 1;
}

static void arm(Agent *agent)
{
        static const struct timeval soon = {.tv_usec = SOON_US};

        if (!evtimer_pending(agent->soon, NULL))
                evtimer_add(agent->soon, &soon);
}

static void answer(WorkerTask *task)
{
        if (!task->unanswered)
                return;
        task->unanswered = false;
        log_info("task accepted task=%s", task->id);
        protocol_accept(task);
}

void ship_answer(WorkerTask *task)
{
        if (task->unanswered)
                arm(task->agent);
}

static bool may_ship(const WorkerTask *task)
{
        return task->agent->welcomed && task->events_fd >= 0 && task->state != TASK_FORGOTTEN;
}

static void ship_now(WorkerTask *task)
{
        int r = 1;

        while (r == 1 && task->sent.number < task->committed + WINDOW)
                r = ship_next(task);
        // A full queue goes on with the link's `drained`, an ended one with the next Welcome.
        if (r < 0 && r != -ENOBUFS && r != -ENOTCONN)
                log_error("cannot ship events task=%s: %s", task->id, strerror(-r));
}

// Whether nothing is to tell, or only that a run has begun.
static bool can_wait(const WorkerTask *task)
{
        SpoolCursor next = task->sent;
        Fleet__Event *event;
        bool begun;

        if (spool_read(task->events_fd, &next, &event) != 1)
                return true;
        begun = event->body_case == FLEET__EVENT__BODY_STARTED;
        fleet__event__free_unpacked(event, NULL);
        if (!begun || spool_read(task->events_fd, &next, &event) != 1)
                return begun;
        fleet__event__free_unpacked(event, NULL);
        return false;
}

void ship_task(WorkerTask *task)
{
        if (!may_ship(task))
                return;
        if (can_wait(task)) {
                arm(task->agent);
                return;
        }
        answer(task);
        ship_now(task);
}

void ship_all(Agent *agent)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next) {
                answer(task);
                if (may_ship(task))
                        ship_now(task);
        }
}

int ship_from(WorkerTask *task, uint64_t number)
{
        SpoolCursor at = {0}, next = at;
        Fleet__Event *event;
        int r = 0;

        while (task->events_fd >= 0 && at.number < number &&
                (r = spool_read(task->events_fd, &next, &event)) == 1) {
                bool beyond = event->number > number;

                fleet__event__free_unpacked(event, NULL);
                if (beyond)
                        break;
                at = next;
        }
        if (r < 0)
                return r;
        task->committed = number;
        task->sent = at;
        return 0;
}

int ship_committed(WorkerTask *task, uint64_t number)
{
        if (number > task->sent.number)
                return -EPROTO;
        if (number > task->committed)
                task->committed = number;
        ship_task(task);
        return 0;
}
