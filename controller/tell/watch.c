#include "tell/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "tell/watch_list.h"
#include "json/message.h"

#define TELL_EVERY_US (100 * US_PER_MS)

// Events handed over in one call.
#define BATCH 500

struct Watch {
        Controller *controller;
        int64_t job;
        int64_t after; // number of the last event told
        int64_t told_us;
        bool marked; // there is something new in this turn
        bool over;   // the last call was made
        struct event *timer;
        WatchFn fn;
        void *userdata;
        struct Watch *next;
};

typedef struct Batch {
        json_t *events;
        json_t *progress; // merged into `events` by number
        int64_t last;
} Batch;

static void add(Batch *batch, json_t *take_event)
{
        batch->last = json_integer_value(json_object_get(take_event, "seq"));
        json_array_append_new(batch->events, take_event);
}

static void add_progress_before(Batch *batch, int64_t seq)
{
        json_t *first;

        while ((first = json_array_get(batch->progress, 0)) &&
                json_integer_value(json_object_get(first, "seq")) < seq) {
                add(batch, json_incref(first));
                json_array_remove(batch->progress, 0);
        }
}

static void on_progress(void *userdata, int64_t seq, const char *label, const Blob *progress)
{
        Batch *batch = userdata;
        ProtobufCMessage *message = blob_message(progress, &fleet__progress__descriptor);

        if (!message)
                return;
        json_array_append_new(batch->progress,
                json_pack("{s:I, s:f, s:s, s:s, s:o}", "seq", (json_int_t)seq, "at",
                        (double)clock_now_us() / US_PER_SECOND, "type", "progress", "label", label,
                        "progress", message_to_json(message)));
        protobuf_c_message_free_unpacked(message, NULL);
}

static void on_event(void *userdata, int64_t seq, const char *body)
{
        Batch *batch = userdata;
        json_t *event = json_loads(body, 0, NULL);

        if (!event)
                return;
        json_object_set_new(event, "seq", json_integer(seq));
        add_progress_before(batch, seq);
        add(batch, event);
}

static void arm(Watch *watch, int64_t wait_us)
{
        struct timeval wait = {.tv_usec = wait_us > 0 ? wait_us : 0};

        event_add(watch->timer, &wait);
}

// Negative: the database failed; 0: told all there is; 1: there is more.
static int collect(Watch *watch, Batch *batch, bool *ret_over, Error *error)
{
        Store *store = watch->controller->store;
        _cleanup_job_ JobRow job = {0};
        int count;
        int r = progress_after(store, watch->job, watch->after, on_progress, batch, error);

        if (r < 0)
                return r;
        count = events_after(store, watch->job, watch->after, BATCH, on_event, batch, error);
        if (count < 0 || count == BATCH)
                return count < 0 ? count : 1;
        add_progress_before(batch, INT64_MAX);
        r = job_get(store, watch->job, &job, error);
        *ret_over = r > 0 && (job_is_over(&job) || job.state == JOB_WAITING);
        return r < 0 ? r : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
        Watch *watch = userdata;
        Batch batch = {json_array(), json_array(), watch->after};
        _cleanup_error_ Error error = ERROR_EMPTY;
        bool over = false;
        int r;

        (void)fd;
        (void)what;
        // Nobody hears of what is not committed.
        r = controller_commit(watch->controller, NULL);
        if (r == 0)
                r = collect(watch, &batch, &over, &error);
        if (r < 0 && error.code)
                log_failure(LOG_ERR, &error);
        json_decref(batch.progress);
        watch->after = batch.last;
        watch->told_us = clock_monotonic_us();
        if (r != 0)
                arm(watch, r < 0 ? TELL_EVERY_US : 0);
        watch->over = over;
        if (over || json_array_size(batch.events) > 0)
                watch->fn(watch->userdata, batch.events, over); // may free the watch
        json_decref(batch.events);
}

int watch_new(Controller *controller, uint64_t job, uint64_t after, WatchFn fn, void *userdata,
        Watch **ret, Error *error)
{
        _cleanup_job_ JobRow row = {0};
        int r = job > INT64_MAX ? 0 : job_get(controller->store, (int64_t)job, &row, error);
        Watch *watch;

        if (r < 0)
                return r;
        if (r == 0) {
                r = error_set(
                        error, -ENOENT, "no-job", "there is no job %llu", (unsigned long long)job);
                error_next(error, "List them: understudyctl job list");
                return r;
        }
        watch = memory_new(sizeof *watch);
        *watch = (Watch){
                .controller = controller,
                .job = row.id,
                .after = after > INT64_MAX ? INT64_MAX : (int64_t)after,
                .fn = fn,
                .userdata = userdata,
                .timer = evtimer_new(controller->base, on_timer, watch),
                .next = controller->watches,
        };
        if (!watch->timer)
                abort();
        controller->watches = watch;
        arm(watch, 0);
        *ret = watch;
        return 0;
}

void watch_free(Watch *watch)
{
        Watch **at;

        if (!watch)
                return;
        at = &watch->controller->watches;
        while (*at != watch)
                at = &(*at)->next;
        *at = watch->next;
        event_free(watch->timer);
        free(watch);
}

void watch_list_free(Controller *controller)
{
        Watch *next;

        for (Watch *watch = controller->watches; watch; watch = next) {
                next = watch->next;
                event_free(watch->timer);
                free(watch);
        }
        controller->watches = NULL;
}

void watch_list_mark(Controller *controller, int64_t job)
{
        for (Watch *watch = controller->watches; watch; watch = watch->next)
                watch->marked |= watch->job == job && !watch->over;
}

void watch_list_tell(Controller *controller)
{
        int64_t now = clock_monotonic_us();

        for (Watch *watch = controller->watches; watch; watch = watch->next)
                if (TAKE(watch->marked, false) && !evtimer_pending(watch->timer, NULL))
                        arm(watch, watch->told_us + TELL_EVERY_US - now);
}
