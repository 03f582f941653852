#include "control/dispatch.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/load.h"
#include "core/session.h"
#include "plan/bind.h"
#include "tell/record.h"

#define HEAVY_NICE 10

// Beneath the wire's cap on a frame.
#define TASK_BYTES_MAX (3U << 20)

// ---- out

typedef struct Results {
        const Rows *tasks;
        ProtobufCMessage *held[32]; // unpacked for binding; freed afterwards
        size_t count;
} Results;

static const ProtobufCMessage *result_of(void *userdata, const char *label)
{
        Results *results = userdata;
        const TaskRow *tasks = results->tasks->items;

        for (size_t i = 0; i < results->tasks->count; i++) {
                ProtobufCMessage *message;

                if (tasks[i].state != TASK_DONE || !text_equal(tasks[i].label, label))
                        continue;
                message = blob_message(&tasks[i].result, step_info_find(tasks[i].step)->result);
                if (message && results->count < ELEMENTS(results->held))
                        return results->held[results->count++] = message;
                protobuf_c_message_free_unpacked(message, NULL);
        }
        return NULL;
}

static int bind_arguments(
        const TaskRow *task, const Rows *tasks, ProtobufCMessage **ret, Error *error)
{
        const StepInfo *info = step_info_find(task->step);
        _cleanup_message_ ProtobufCMessage *arguments =
                blob_message(&task->arguments, info->arguments);
        Results results = {.tasks = tasks};
        int r;

        if (!arguments)
                return error_set(
                        error, -EPROTO, "internal", "task %s has no arguments", task->wire_id);
        r = bind_results(arguments, result_of, &results, error);
        for (size_t i = 0; i < results.count; i++)
                protobuf_c_message_free_unpacked(results.held[i], NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(arguments);
        return 0;
}

static int pack_task(const JobRow *job, const Rows *tasks, TaskRow *task, Error *error)
{
        const StepInfo *info = step_info_find(task->step);
        Fleet__Task *message;
        ProtobufCMessage *arguments = NULL;
        int r = bind_arguments(task, tasks, &arguments, error);

        if (r < 0)
                return r;
        message = (Fleet__Task *)message_new(&fleet__task__descriptor);
        message->id = text_copy(task->wire_id);
        message->job = (uint64_t)job->id;
        message->series = text_copy(job->series);
        message->mode = task->mode == TASK_UNDO ? FLEET__TASK_MODE__UNDO : FLEET__TASK_MODE__RUN;
        message->deadline_seconds = info->deadline_seconds;
        message->nice = info->flags & STEP_HEAVY ? HEAVY_NICE : 0;
        message->idle_io = info->flags & STEP_HEAVY;
        step_task_set_arguments(message, info, arguments);
        blob_set(&task->message, &message->base);
        fleet__task__free_unpacked(message, NULL);
        if (task->message.size <= TASK_BYTES_MAX)
                return 0;
        r = error_set(error, -EMSGSIZE, "too-large", "the task '%s' cannot be sent", task->label);
        error_why(error, "its arguments are %s large, the limit is %s",
                text_bytes(task->message.size), text_bytes(TASK_BYTES_MAX));
        return r;
}

int dispatch_task(Controller *controller, const JobRow *job, const Rows *tasks, TaskRow *task,
        TaskRowMode mode, Error *why, Error *error)
{
        Session *session = session_of_host(controller, task->host);
        int packed;
        int r;

        task->mode = mode;
        task->state = mode == TASK_UNDO ? TASK_UNDOING : TASK_RUNNING;
        task->execution++;
        free(task->wire_id);
        task->wire_id = text_format("%lld.%lld.%lld", (long long)task->job, (long long)task->node,
                (long long)task->execution);
        task->cancel = 0;
        task->already = 0;
        task->started_us = clock_now_us();
        task->ended_us = 0;
        packed = pack_task(job, tasks, task, why);
        r = row_update(controller->store, &task_table, task, error)
                    ?: task_reset_events(controller->store, task->id, error)
                    ?: record_task(controller, task, error);
        if (r < 0)
                return r;
        load_task_began(controller, task);
        if (packed < 0)
                return 1;
        session_queue_task(session, task);
        return 0;
}

int dispatch_cancel(Controller *controller, TaskRow *task, Error *error)
{
        Session *session = session_of_host(controller, task->host);

        if (session)
                session_queue_cancel(session, task->wire_id);
        task->cancel = 1;
        return row_update(controller->store, &task_table, task, error);
}

// ---- reconnecting

static bool listed(const Fleet__Hello *hello, const char *wire_id)
{
        for (size_t i = 0; i < hello->n_tasks; i++)
                if (text_equal(hello->tasks[i]->task, wire_id))
                        return true;
        return false;
}

static void add_cursor(Fleet__Welcome *welcome, const TaskRow *task)
{
        Fleet__TaskCursor *cursor =
                (Fleet__TaskCursor *)message_new(&fleet__task_cursor__descriptor);

        cursor->task = text_copy(task->wire_id);
        cursor->last = (uint64_t)task->cursor;
        welcome->cursors =
                memory_grow(welcome->cursors, (welcome->n_cursors + 1) * sizeof *welcome->cursors);
        welcome->cursors[welcome->n_cursors++] = cursor;
}

static void queue_welcome(Session *session, const Fleet__Hello *hello, const Rows *tasks)
{
        Fleet__Frame *frame = (Fleet__Frame *)message_new(&fleet__frame__descriptor);
        const TaskRow *rows = tasks->items;

        frame->body_case = FLEET__FRAME__BODY_WELCOME;
        frame->welcome = (Fleet__Welcome *)message_new(&fleet__welcome__descriptor);
        frame->welcome->version = text_copy(UNDERSTUDY_VERSION);
        for (size_t i = 0; i < tasks->count; i++)
                if (listed(hello, rows[i].wire_id))
                        add_cursor(frame->welcome, &rows[i]);
        session_queue(session, frame);
}

int dispatch_greet(
        Controller *controller, Session *session, const Fleet__Hello *hello, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        const TaskRow *rows;
        int r = tasks_under_way(controller->store, session->host, &tasks, error);

        if (r < 0)
                return r;
        queue_welcome(session, hello, &tasks);
        rows = tasks.items;
        for (size_t i = 0; i < tasks.count && r == 0; i++) {
                if (!listed(hello, rows[i].wire_id)) {
                        // Its journal does not have it: whatever it said of it was an earlier life.
                        r = task_reset_events(controller->store, rows[i].id, error);
                        session_queue_task(session, &rows[i]);
                }
                if (rows[i].cancel)
                        session_queue_cancel(session, rows[i].wire_id);
        }
        return r;
}
