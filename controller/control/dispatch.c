#include "control/dispatch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "control/fleet.h"
#include "control/jobs.h"
#include "control/record.h"
#include "control/session.h"
#include "plan/bind.h"

#define HEAVY_NICE 10

// Beneath the wire's cap on a frame.
#define TASK_BYTES_MAX (3U << 20)

// Lines of output kept of one execution; a program that prints for ever must not fill the disk.
#define LINES_MAX      20000
#define LINE_BYTES_MAX 8192

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

static int fail_unsent(Controller *controller, TaskRow *task, Error *why, Error *error)
{
        _cleanup_(finished_clear) Fleet__Finished *finished = record_finished(why);

        return jobs_task_finished(controller, task, finished, error);
}

int dispatch_task(Controller *controller, const JobRow *job, const Rows *tasks, TaskRow *task,
        TaskRowMode mode, Error *error)
{
        Session *session = session_of_host(controller, task->host);
        _cleanup_error_ Error why = ERROR_EMPTY;
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
        packed = pack_task(job, tasks, task, &why);
        r = row_update(controller->store, &task_table, task, error)
                    ?: task_reset_events(controller->store, task->id, error)
                    ?: record_task(controller, task, error);
        if (r < 0)
                return r;
        if (packed < 0)
                return fail_unsent(controller, task, &why, error);
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

// ---- in

// The task under way that a host speaks of. 1: found; 0: it is none of this host's.
static int find_task(Controller *controller, const Session *session, const char *wire_id,
        TaskRow *ret, Error *error)
{
        int r = task_get_by_wire_id(controller->store, wire_id, ret, error);

        if (r > 0 && (!task_is_under_way(ret) || !text_equal(ret->host, session->host)))
                return 0;
        return r;
}

int dispatch_accepted(Controller *controller, Session *session, const char *wire_id, Error *error)
{
        _cleanup_task_ TaskRow task = {0};
        int r = find_task(controller, session, wire_id, &task, error);

        return r <= 0 ? r : task_set_accepted(controller->store, task.id, error);
}

static int keep_line(
        Controller *controller, TaskRow *task, const Fleet__LogLine *line, Error *error)
{
        Fleet__LogLine kept = FLEET__LOG_LINE__INIT;
        _cleanup_free_ char *cut = NULL;

        if (task->lines > LINES_MAX)
                return 0;
        cut = text_copy_n(line->text, strnlen(line->text, LINE_BYTES_MAX));
        kept.stream = line->stream;
        kept.text = cut;
        if (task->lines == LINES_MAX) {
                kept.stream = FLEET__LOG_LINE__STREAM__NOTE;
                kept.text = "it has printed so much that the rest is not kept";
        }
        return task_set_lines(controller->store, task->id, task->lines + 1, error)
                       ?: record_line(controller, task, &kept, error);
}

static int apply(Controller *controller, TaskRow *task, const Fleet__Event *event, Error *error)
{
        Fleet__LogLine line = FLEET__LOG_LINE__INIT;

        switch (event->body_case) {
        case FLEET__EVENT__BODY_STARTED:
                if (event->started->run <= 1)
                        return 0;
                line.text = "its runner was lost: it is taken up again";
                return keep_line(controller, task, &line, error);
        case FLEET__EVENT__BODY_PROGRESS:
                return record_progress(controller, task, event->progress, error);
        case FLEET__EVENT__BODY_LOG:
                return keep_line(controller, task, event->log, error);
        case FLEET__EVENT__BODY_FINISHED:
                return jobs_task_finished(controller, task, event->finished, error);
        default:
                return 0; // of a newer protocol minor: nothing we could do with it
        }
}

int dispatch_event(
        Controller *controller, Session *session, const Fleet__Event *event, Error *error)
{
        _cleanup_task_ TaskRow task = {0};
        int r = find_task(controller, session, event->task, &task, error);

        if (r < 0)
                return r;
        if (r == 0 || event->number <= (uint64_t)task.cursor) {
                // Heard before, or of a task that is over: it may be forgotten.
                session_queue_committed(
                        session, event->task, r ? (uint64_t)task.cursor : event->number);
                return 0;
        }
        if (event->number != (uint64_t)task.cursor + 1) {
                log_warning("gap in events host=%s task=%s expected=%lld got=%llu", session->host,
                        event->task, (long long)task.cursor + 1, (unsigned long long)event->number);
                session_close(controller, session, "gap", "events are missing: connect again");
                return 0;
        }
        task.cursor = (int64_t)event->number;
        r = task_set_cursor(controller->store, task.id, task.cursor, error)
                    ?: apply(controller, &task, event, error);
        if (r == 0)
                session_queue_committed(session, event->task, event->number);
        return r;
}
