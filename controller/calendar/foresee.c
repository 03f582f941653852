#include "calendar/foresee.h"

#include "base/clock.h"
#include "base/text.h"

#define CLEARANCE_LEAST_US (INT64_C(15) * 60 * US_PER_SECOND)

// ---- what there is to keep to

// "forecast": twice what the longest of the last ones has taken.
static int forecast_clearance(
        Controller *controller, const char *series, int64_t *ret_us, Error *error)
{
        int64_t longest_us;
        int r = job_longest_sync(controller->store, series, &longest_us, error);

        if (r < 0)
                return r;
        *ret_us = r == 0                                ? CLEARANCE_US
                  : 2 * longest_us < CLEARANCE_LEAST_US ? CLEARANCE_LEAST_US
                                                        : 2 * longest_us;
        return 0;
}

static int read_clearance(Controller *controller, const char *series, int64_t *ret_us, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        uint64_t seconds;
        int r = settings_get(controller->store, series, &settings, error);

        if (r < 0)
                return r;
        if (text_parse_duration(settings.clearance, &seconds) < 0)
                return forecast_clearance(controller, series, ret_us, error);
        *ret_us = (int64_t)seconds * US_PER_SECOND;
        return 0;
}

int limits_read(Controller *controller, const Due *due, int64_t now_us, Limits *ret, Error *error)
{
        _cleanup_limits_ Limits limits = {.due = due, .now_us = now_us};
        const char *series = due->row->series;
        int r = attempt_newest(controller->store, series, &limits.attempt, error);

        if (r >= 0)
                r = read_clearance(controller, series, &limits.clearance_us, error);
        if (r < 0)
                return r;
        *ret = TAKE(limits, (Limits){0});
        return 0;
}

void limits_clear(Limits *limits)
{
        attempt_clear(&limits->attempt);
}

// ---- attempts

static char *local(const Limits *limits, int64_t at_us)
{
        return rule_local_text(limits->due->rule.zone, at_us);
}

static char *before_attempt(const Limits *limits, int64_t at_us)
{
        const AttemptRow *attempt = &limits->attempt;
        int64_t ends_us = attempt->at_us + attempt->lapse_seconds * US_PER_SECOND;
        _cleanup_free_ char *opens = local(limits, attempt->at_us), *ends = local(limits, ends_us);

        if (at_us < attempt->at_us - limits->clearance_us || at_us >= ends_us)
                return NULL;
        if (at_us < attempt->at_us)
                return text_format("an upgrade attempt opens %s, and nothing begins within %lld "
                                   "minutes before it",
                        opens, (long long)(limits->clearance_us / US_PER_SECOND / 60));
        return text_format("an upgrade attempt is announced from %s to %s", opens, ends);
}

// One whose way back has failed stays open for longer than was agreed.
static char *within_attempt(const Limits *limits, int64_t at_us)
{
        const AttemptRow *attempt = &limits->attempt;
        int64_t ends_us = attempt->ends_us
                                  ? attempt->ends_us
                                  : attempt->began_us + attempt->lapse_seconds * US_PER_SECOND;
        _cleanup_free_ char *ends = local(limits, ends_us);

        if (at_us > limits->now_us && at_us >= ends_us)
                return NULL;
        return attempt->state == ATTEMPT_OPEN
                       ? text_format("an upgrade attempt is open until %s", ends)
                       : text_copy("an upgrade attempt is being opened");
}

char *blackout(const Limits *limits, int64_t at_us)
{
        switch (limits->attempt.id ? limits->attempt.state : ATTEMPT_PLANNED) {
        case ATTEMPT_ANNOUNCED:
                return before_attempt(limits, at_us);
        case ATTEMPT_SYNCHRONISING:
        case ATTEMPT_OPEN:
                return within_attempt(limits, at_us);
        default:
                return NULL;
        }
}

// ---- a run

Foreseen foresee(const Limits *limits, int64_t planned_us, int64_t from_us)
{
        Foreseen foreseen = {.at_us = planned_us > from_us ? planned_us : from_us,
                .late_us = due_late_us(limits->due, planned_us)};

        foreseen.why = blackout(limits, foreseen.at_us);
        foreseen.left_out = foreseen.why;
        return foreseen;
}

void foreseen_clear(Foreseen *foreseen)
{
        free(foreseen->why);
}
