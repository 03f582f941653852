#include "control/prune.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define LOOK_EVERY_US  (3600 * US_PER_SECOND)
#define BATCH_EVERY_US (100 * US_PER_MS)

struct Prune {
        Controller *controller;
        struct event *timer;
        int64_t job; // those up to it have no events left that may go
};

// 1: the first job with events that may go; 0: there is none.
static int find(Prune *prune, int64_t *ret_job, Error *error)
{
        Store *store = prune->controller->store;
        int64_t keep_us = (int64_t)prune->controller->setup->keep_events_seconds * US_PER_SECOND;
        int64_t before_us = clock_now_us() - keep_us;
        int r;

        while ((r = events_next_job(store, prune->job, ret_job, error)) > 0) {
                _cleanup_job_ JobRow job = {0};

                r = job_get(store, *ret_job, &job, error);
                if (r < 0 || (r > 0 && job.created_us >= before_us))
                        return r < 0 ? r : 0; // what was made later has ended later
                if (r > 0 && job_is_over(&job) && job.ended_us < before_us)
                        return 1;
                prune->job = *ret_job;
        }
        return r;
}

int prune_some(Prune *prune, Error *error)
{
        Controller *controller = prune->controller;
        int64_t job;
        int r = find(prune, &job, error);

        if (r <= 0) {
                prune->job = 0; // the next look begins with the first again
                return r;
        }
        r = controller_begin(controller, error);
        if (r >= 0)
                r = events_remove(controller->store, job, PRUNE_BATCH, error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : 1;
}

static void arm(Prune *prune, int64_t wait_us)
{
        struct timeval wait = {
                .tv_sec = wait_us / US_PER_SECOND, .tv_usec = wait_us % US_PER_SECOND};

        event_add(prune->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        Prune *prune = userdata;
        int r = prune_some(prune, &error);

        (void)fd;
        (void)what;
        if (r < 0)
                log_failure(LOG_ERR, &error);
        arm(prune, r > 0 ? BATCH_EVERY_US : LOOK_EVERY_US);
}

Prune *prune_new(Controller *controller)
{
        Prune *prune;

        if (controller->setup->keep_events_seconds == 0)
                return NULL;
        prune = memory_new(sizeof(*prune));
        prune->controller = controller;
        prune->timer = evtimer_new(controller->base, on_timer, prune);
        if (!prune->timer)
                abort(); // out of memory, as everywhere
        arm(prune, BATCH_EVERY_US);
        return prune;
}

void prune_free(Prune *prune)
{
        if (!prune)
                return;
        event_free(prune->timer);
        free(prune);
}
