#include "tell/record.h"

#include "base/clock.h"
#include "base/text.h"
#include "tell/view.h"
#include "tell/watch_list.h"
#include "json/message.h"

static int add_event(Controller *controller, int64_t job, json_t *take_event, Error *error)
{
        _cleanup_free_ char *body = NULL;
        int r;

        json_object_set_new(take_event, "at", json_real((double)clock_now_us() / US_PER_SECOND));
        body = json_dumps(take_event, JSON_COMPACT);
        json_decref(take_event);
        if (!body)
                return error_set(error, -EINVAL, "internal", "an event cannot be written as JSON");
        r = event_keep(controller->store, job, body, error);
        watch_list_mark(controller, job);
        return r;
}

int record_job(Controller *controller, const JobRow *job, Error *error)
{
        json_t *shown;
        int r = view_job(controller, job, false, &shown, error);

        if (r < 0)
                return r;
        return add_event(
                controller, job->id, json_pack("{s:s, s:o}", "type", "job", "job", shown), error);
}

int record_task(Controller *controller, const TaskRow *task, Error *error)
{
        return add_event(controller, task->job,
                json_pack("{s:s, s:o}", "type", "task", "task", view_task(task)), error);
}

int record_progress(
        Controller *controller, const TaskRow *task, const Fleet__Progress *progress, Error *error)
{
        Blob packed = {0};
        int64_t seq;
        int r = event_number(controller->store, task->job, &seq, error);

        if (r < 0)
                return r;
        blob_set(&packed, &progress->base);
        r = task_set_progress(controller->store, task->id, &packed, seq, error);
        free(packed.data);
        watch_list_mark(controller, task->job);
        return r;
}

int record_line(
        Controller *controller, const TaskRow *task, const Fleet__LogLine *line, Error *error)
{
        json_t *event = message_to_json(&line->base);

        json_object_set_new(event, "type", json_string("log"));
        json_object_set_new(event, "label", json_string(task->label));
        return add_event(controller, task->job, event, error);
}

int record_history(Controller *controller, const JobRow *job, const char *who, const char *event,
        Error *error, const char *detail, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, detail);
        text = text_vformat(detail, arguments);
        va_end(arguments);
        return history_add(controller->store,
                &(HistoryRow){.who = (char *)who,
                        .series = text_blank(job->series) ? NULL : job->series,
                        .job = job->id,
                        .event = (char *)event,
                        .detail = text},
                error);
}

static void set(char **field, const char *text)
{
        if (!text_blank(text))
                *field = text_copy(text);
}

Fleet__Failure *record_failure(const Error *why)
{
        Fleet__Failure *failure = (Fleet__Failure *)message_new(&fleet__failure__descriptor);

        set(&failure->code, why->code);
        set(&failure->what, why->what);
        set(&failure->where, why->where);
        set(&failure->why, why->why);
        set(&failure->next, why->next);
        return failure;
}

Fleet__Finished *record_finished(const Error *why)
{
        Fleet__Finished *finished = (Fleet__Finished *)message_new(&fleet__finished__descriptor);

        finished->outcome = FLEET__OUTCOME__FAILED;
        finished->failure = record_failure(why);
        return finished;
}

char *record_failure_line(const Blob *failure)
{
        Fleet__Failure *message =
                (Fleet__Failure *)blob_message(failure, &fleet__failure__descriptor);
        char *line;

        if (!message)
                return text_copy("");
        line = text_format("%s%s%s%s%s", message->what, *message->where ? ": " : "", message->where,
                *message->why ? ": " : "", message->why);
        fleet__failure__free_unpacked(message, NULL);
        return line;
}
