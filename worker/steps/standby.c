// standby: takes an upgrade attempt back when nobody has said otherwise by its moment.
//
// As long as a controller can be reached it is canceled in time, and has done nothing. Else it does
// what the controller would have asked for, one task after another, as far as it goes: what fails
// is taken back, and the new site stays.
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "step/step.h"

extern const StepOps step_standby_ops;

typedef struct Way {
        const StepInfo *info;
        const StepOps *ops;
        const ProtobufCMessage *arguments;
} Way;

static int refuse_unknown(size_t i, Error *error)
{
        int r = error_set(error, -EOPNOTSUPP, "unknown-step",
                "this worker does not know operation %zu of the way back", i + 1);

        error_why(error, "it is version %s, and the controller is newer", UNDERSTUDY_VERSION);
        error_next(error,
                "Upgrade understudy-worker on this host. Until then the attempt ends when "
                "the controller can be reached.");
        return r;
}

static int way_of(const Fleet__StandbyArguments *standby, size_t i, Way *ret, Error *error)
{
        const Fleet__Task *task = standby->way_back[i];

        *ret = (Way){.info = step_info_of_task(task), .arguments = step_task_arguments(task)};
        if (!ret->info || !ret->arguments || ret->info->flags & STEP_ALONE)
                return refuse_unknown(i, error);
        ret->ops = step_ops(ret->info);
        return 0;
}

// What it could not do later it refuses now, while somebody listens.
static int check_way(const Fleet__StandbyArguments *standby, Error *error)
{
        Way way;
        int r = 0;

        for (size_t i = 0; i < standby->n_way_back && r == 0; i++)
                r = way_of(standby, i, &way, error);
        return r;
}

// The clock may be set meanwhile: the moment stays.
static int wait_until(const StepContext *context, int64_t at_us, Error *error)
{
        int64_t from_us = at_us > 0 ? at_us : 1; // zero would never come
        const struct itimerspec at = {.it_value = {.tv_sec = from_us / US_PER_SECOND,
                                              .tv_nsec = from_us % US_PER_SECOND * 1000}};
        _cleanup_close_ int timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
        struct pollfd fds[] = {
                {.fd = timer, .events = POLLIN}, {.fd = step_cancel_fd(context), .events = POLLIN}};
        int r = timer < 0 || timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) < 0 ? -errno : 0;

        while (r == 0 && !fds[0].revents && !fds[1].revents)
                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        r = -errno;
        if (r < 0)
                return error_set(error, r, "timer", "cannot wait for the end of the attempt");
        return fds[1].revents ? step_canceled_error(context, error) : 0;
}

static void undo(StepContext *context, const Fleet__StandbyArguments *standby, size_t count)
{
        for (size_t i = count; i > 0; i--) {
                _cleanup_error_ Error why = ERROR_EMPTY;
                _cleanup_free_ char *line = NULL;
                Way way;

                if (way_of(standby, i - 1, &way, &why) < 0 || !way.ops || !way.ops->undo ||
                        !(way.info->flags & STEP_UNDO_AT_FAILURE))
                        continue;
                step_note(context, "Taking back: %s", way.info->title);
                if (way.ops->undo(context, way.arguments, &why) == 0)
                        continue;
                line = error_line(&why);
                step_note(context, "That could not be taken back: %s", line);
                return;
        }
}

static int go_back(StepContext *context, const Fleet__StandbyArguments *standby, Error *error)
{
        int r = 0;

        for (size_t i = 0; i < standby->n_way_back && r == 0; i++) {
                _cleanup_message_ ProtobufCMessage *result = NULL;
                bool already;
                Way way;

                r = way_of(standby, i, &way, error);
                if (r < 0)
                        return r;
                step_note(context, "%s", way.info->title);
                r = step_do(context, way.info, way.ops, way.arguments, &result, &already, error);
                if (r < 0)
                        undo(context, standby, i + 1);
        }
        return r;
}

static int standby_run(StepContext *context, const ProtobufCMessage *arguments_message,
        ProtobufCMessage *result_message, Error *error)
{
        const Fleet__StandbyArguments *standby = (const Fleet__StandbyArguments *)arguments_message;
        Fleet__StandbyResult *result = (Fleet__StandbyResult *)result_message;
        int r = check_way(standby, error);

        if (r == 0 && !step_is_bound(context))
                r = wait_until(context, standby->at_us, error);
        r = r ?: step_bind(context, error);
        if (r < 0)
                return r;
        result->began_us = clock_now_us();
        step_note(context, "Nobody has said otherwise: the former production is put back");
        return go_back(context, standby, error);
}

const StepOps step_standby_ops = {.run = standby_run};
