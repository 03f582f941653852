#include "control/intake.h"

#include "base/log.h"
#include "base/text.h"
#include "control/jobs.h"
#include "core/session.h"
#include "tell/record.h"

// Lines of output kept of one execution; a program that prints for ever must not fill the disk.
#define LINES_MAX      20000
#define LINE_BYTES_MAX 8192

// The task under way that a host speaks of. 1: found; 0: it is none of this host's.
static int find_task(Controller *controller, const Session *session, const char *wire_id,
        TaskRow *ret, Error *error)
{
        int r = task_get_by_wire_id(controller->store, wire_id, ret, error);

        if (r > 0 && (!task_is_under_way(ret) || !text_equal(ret->host, session->host)))
                return 0;
        return r;
}

int intake_accepted(Controller *controller, Session *session, const char *wire_id, Error *error)
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

int intake_event(Controller *controller, Session *session, const Fleet__Event *event, Error *error)
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
