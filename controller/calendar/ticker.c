#include "calendar/ticker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "store/attempt.h"

#define LOOK_EVERY_US (30 * US_PER_SECOND)

struct Ticker {
        Controller *controller;
        struct event *timer;
};

static void arm(Ticker *ticker, int64_t in_us)
{
        const struct timeval in = {
                .tv_sec = in_us / US_PER_SECOND, .tv_usec = in_us % US_PER_SECOND};

        event_add(ticker->timer, &in);
}

static int64_t until_next(const Ticker *ticker)
{
        Store *store = ticker->controller->store;
        int64_t next_us = 0, attempt_us = 0, in_us;

        if (calendar_next(store, &next_us, NULL) < 0 || attempts_next(store, &attempt_us, NULL) < 0)
                return LOOK_EVERY_US;
        // One whose time has come waits for its job.
        if (attempt_us > clock_now_us() && (next_us == 0 || attempt_us < next_us))
                next_us = attempt_us;
        if (next_us == 0)
                return LOOK_EVERY_US;
        in_us = next_us - clock_now_us();
        return in_us < 0 ? 0 : in_us < LOOK_EVERY_US ? in_us : LOOK_EVERY_US;
}

static void on_time(evutil_socket_t fd, short events, void *userdata)
{
        Ticker *ticker = userdata;
        _cleanup_error_ Error error = ERROR_EMPTY;
        int r = due_run(ticker->controller, clock_now_us(), &error);

        (void)fd;
        (void)events;
        if (r == 0)
                r = controller_commit(ticker->controller, &error);
        else
                controller_abandon(ticker->controller, &error);
        arm(ticker, r < 0 ? LOOK_EVERY_US : until_next(ticker));
}

int ticker_new(Controller *controller, Ticker **ret, Error *error)
{
        _cleanup_(ticker_freep) Ticker *ticker = memory_new(sizeof *ticker);

        *ticker = (Ticker){.controller = controller};
        ticker->timer = event_new(controller->base, -1, 0, on_time, ticker);
        if (!ticker->timer)
                return error_set(error, -ENOMEM, "internal", "cannot make a timer");
        arm(ticker, 0);
        *ret = TAKE_PTR(ticker);
        return 0;
}

void ticker_free(Ticker *ticker)
{
        if (!ticker)
                return;
        if (ticker->timer)
                event_free(ticker->timer);
        free(ticker);
}
