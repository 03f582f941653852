#include "agent/protocol.h"

#include <fcntl.h>

#include "agent/identity.h"
#include "agent/lock.h"
#include "agent/tasks.h"
#include "base/log.h"

// ---------------------------------------------------------------- Task, Cancel, Committed

void protocol_accept(const WorkerTask *task)
{
        Fleet__TaskAccepted accepted = FLEET__TASK_ACCEPTED__INIT;
        Fleet__Frame frame = FLEET__FRAME__INIT;

        if (!task->agent->welcomed)
                return;
        accepted.task = task->id;
        frame.body_case = FLEET__FRAME__BODY_ACCEPTED;
        frame.accepted = &accepted;
        // A full queue ends the link, so that nothing is left unsaid.
        if (link_send(task->agent->link, &frame) == -ENOBUFS)
                link_close(task->agent->link, "overflow", "the worker's queue is full");
}

// The same task again, because its acknowledgement was lost.
static int accept_again(const WorkerTask *task, const uint8_t *packed, size_t size)
{
        if (task->state == TASK_FORGOTTEN)
                return -EBUSY;
        if (task->packed_size != size || memcmp(task->packed, packed, size) != 0) {
                log_error("the controller sent another task with the id of a known one task=%s",
                        task->id);
                return -EPROTO;
        }
        if (task->state != TASK_NEW)
                protocol_accept(task);
        return 0;
}

static int on_task(Agent *agent, const Fleet__Task *message)
{
        size_t size = fleet__task__get_packed_size(message);
        _cleanup_free_ uint8_t *packed = memory_new(size);
        WorkerTask *task = task_find(agent, message->id);
        int r;

        if (!task_id_valid(message->id))
                return -EPROTO;
        fleet__task__pack(message, packed);
        if (task)
                return accept_again(task, packed, size);
        r = task_add(agent, message->id, packed, size, &task);
        if (r < 0)
                return r;
        agent_record(agent);
        return 0;
}

static int on_cancel(Agent *agent, const Fleet__Cancel *cancel)
{
        WorkerTask *task = task_find(agent, cancel->task);

        if (!task || task->canceled || task->state == TASK_ENDED || task->state == TASK_FORGOTTEN)
                return 0;
        task->canceled = true;
        agent_record(agent);
        return 0;
}

static int on_committed(Agent *agent, const Fleet__Committed *committed)
{
        WorkerTask *task = task_find(agent, committed->task);
        int r;

        if (!task || task->state == TASK_FORGOTTEN)
                return 0;
        r = ship_committed(task, committed->last);
        if (r == 0)
                work_release(task);
        return r;
}

// ---------------------------------------------------------------- Welcome

// The controller has events that a crash of this machine took from the spool.
static int restart_spool(WorkerTask *task, uint64_t last)
{
        _cleanup_close_ int dirfd = open(task->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int lock = -EBADF;
        _cleanup_(spool_closep) Spool *spool = NULL;
        int r = dirfd < 0 ? -errno : lock_take(dirfd, "lock", &lock);

        if (r == 0)
                r = spool_open(dirfd, "events", &spool);
        if (r == 0)
                r = spool_restart(spool, last);
        if (r < 0)
                return r;
        log_warning("events of a task were lost in a crash of the machine task=%s", task->id);
        task->summary = *spool_summary(spool);
        return 0;
}

static int take_cursor(WorkerTask *task, uint64_t last)
{
        int r = 0;

        if (last > task->summary.end.number)
                r = restart_spool(task, last);
        return r < 0 ? r : ship_from(task, last);
}

static const Fleet__TaskCursor *find_cursor(const Fleet__Welcome *welcome, const char *id)
{
        for (size_t i = 0; i < welcome->n_cursors; i++)
                if (text_equal(welcome->cursors[i]->task, id))
                        return welcome->cursors[i];
        return NULL;
}

static int on_welcome(Agent *agent, const Fleet__Welcome *welcome)
{
        for (WorkerTask *task = agent->tasks; task; task = task->next) {
                const Fleet__TaskCursor *cursor = find_cursor(welcome, task->id);
                int r = cursor && task->told ? take_cursor(task, cursor->last) : 0;

                if (r < 0)
                        return r;
                if (!cursor && task->told)
                        work_forget(task);
        }
        agent->welcomed = true;
        log_info("connected controller=%s version=%s", agent->config->address, welcome->version);
        for (WorkerTask *task = agent->tasks; task; task = task->next) {
                work_release(task);
                ship_task(task);
        }
        work_start(agent);
        return 0;
}

// ---------------------------------------------------------------- the link

static int on_frame(void *userdata, Link *link, const Fleet__Frame *frame)
{
        Agent *agent = userdata;

        (void)link;
        switch (frame->body_case) {
        case FLEET__FRAME__BODY_REFUSAL:
                log_warning("the controller refuses this worker code=%s: %s", frame->refusal->code,
                        frame->refusal->message);
                return 0;
        case FLEET__FRAME__BODY_WELCOME:
                return agent->welcomed ? -EPROTO : on_welcome(agent, frame->welcome);
        case FLEET__FRAME__BODY_TASK:
                return agent->welcomed ? on_task(agent, frame->task) : -EPROTO;
        case FLEET__FRAME__BODY_COMMITTED:
                return agent->welcomed ? on_committed(agent, frame->committed) : -EPROTO;
        case FLEET__FRAME__BODY_CANCEL:
                return agent->welcomed ? on_cancel(agent, frame->cancel) : -EPROTO;
        default:
                return -EPROTO;
        }
}

static int on_opened(void *userdata, Link *link, const Peer *peer)
{
        Agent *agent = userdata;

        (void)peer;
        agent->link = link;
        agent->welcomed = false;
        return hello_send(agent, link);
}

static void on_drained(void *userdata, Link *link)
{
        Agent *agent = userdata;

        (void)link;
        for (WorkerTask *task = agent->tasks; task; task = task->next)
                ship_task(task);
}

// A controller that is away is said once.
static void on_closed(void *userdata, Link *link, const Error *why)
{
        Agent *agent = userdata;

        if (link || !agent->failing)
                log_failure(LOG_WARNING, why);
        agent->failing = !link;
        agent->link = NULL;
        agent->welcomed = false;
}

static const LinkHandlers handlers = {
        .opened = on_opened,
        .frame = on_frame,
        .drained = on_drained,
        .closed = on_closed,
};

int protocol_connect(Agent *agent, Error *error)
{
        static const LinkLimits limits;
        _cleanup_identity_ Identity identity = {0};
        Credentials credentials;
        int r = identity_read(agent->config->directory, &identity, error);

        if (r < 0)
                return r;
        if (text_blank(agent->config->address)) {
                error_set(error, -EINVAL, "configuration", "the controller's address is missing");
                error_where(error, "%s/" CONFIG_FILE, agent->config->directory);
                error_next(error, "Give it in section [controller]: address = HOST:PORT");
                return -EINVAL;
        }
        credentials = (Credentials){.authority = identity.authority,
                .certificate = identity.certificate,
                .key = identity.key};
        r = wire_new(agent->base, &agent->wire, error);
        if (r < 0)
                return r;
        return wire_dial(agent->wire, agent->config->address, &credentials, &limits, &handlers,
                agent, &agent->dialer, error);
}
