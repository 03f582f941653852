#include "control/retirement.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/jobs.h"
#include "store/attempt.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

typedef struct Look {
        Controller *controller;
        SiteRow *site;
        SeriesRow series;
        SeriesSettings settings;
        int64_t now_us;
        int64_t until_us;  // it is kept
        int64_t notice_us; // how long before that it is announced
} Look;

static void look_clear(Look *look)
{
        series_clear(&look->series);
        series_settings_clear(&look->settings);
}

static int tell(Look *look, AnnouncementKind kind, const char *event, const char *detail,
        const char *cause, Error *error)
{
        const JobRow about = {.series = look->site->series};

        return record_history(look->controller, &about, CALENDAR_WHO, event, error, "%s", detail)
                       ?: announce(look->controller, kind, look->site->series, 0, cause, detail,
                                  error);
}

// ---- the announcement

static int keep_notice(Look *look, Error *error)
{
        _cleanup_announcement_ AnnouncementRow made = {0};
        int r = announcement_last(
                look->controller->store, "retirement", look->site->series, &made, error);

        look->site->notice = made.id;
        return r < 0 ? r : row_update(look->controller->store, &site_table, look->site, error);
}

static int announce_it(Look *look, Error *error)
{
        int64_t earliest_us = look->now_us + look->notice_us;
        _cleanup_free_ char *at = words_time(
                                    look->until_us > earliest_us ? look->until_us : earliest_us),
                            *cause = text_format("%lld %lld", (long long)look->site->id,
                                    (long long)look->now_us),
                            *detail = NULL;

        detail = text_format("%s on %s was production of %s. It is retired %s: a last backup is "
                             "taken, and nothing of it is left. To keep it: understudyctl series "
                             "set %s keep-old=forever",
                look->site->name, look->series.host, look->site->series, at, look->site->series);
        return tell(look, ANNOUNCE_RETIRE_SOON, "retirement announced", detail, cause, error)
                       ?: keep_notice(look, error);
}

// The series was set to keep it longer.
static int take_back(Look *look, Error *error)
{
        _cleanup_free_ char *detail = NULL,
                            *cause = text_format("%lld", (long long)look->site->notice);

        if (!look->site->notice)
                return 0;
        detail = text_format("%s is kept: its series is set to keep-old=%s now", look->site->name,
                look->settings.keep_old);
        look->site->notice = 0;
        return tell(look, ANNOUNCE_RETIRE_OFF, "retirement put off", detail, cause, error)
                       ?: row_update(look->controller->store, &site_table, look->site, error);
}

// ---- the job

static int refused(Look *look, const Error *refusal, Error *error)
{
        _cleanup_free_ char *why = error_line(refusal);
        _cleanup_free_ char *detail =
                text_format("%s is due and is not retired: %s", look->site->name, why);

        return announce(look->controller, ANNOUNCE_RETIRE_FAILED, look->site->series, 0, why,
                detail, error);
}

static int queue(Look *look, Error *error)
{
        _cleanup_error_ Error refusal = ERROR_EMPTY;
        _cleanup_job_ JobRow job = {.kind = JOB_RETIRE};
        int r;

        job.series = text_copy(look->site->series);
        job.host = text_copy(look->series.host);
        job.site = text_copy(look->site->name);
        job.who = text_copy(CALENDAR_WHO);
        job.request = text_format("series retire %s %s", job.series, job.site);
        r = jobs_create(look->controller, &job, &refusal);
        if (r == 0 || store_failure(r, &refusal, error) < 0)
                return r;
        return refused(look, &refusal, error);
}

// 1: users work on its successor, and it may be wanted back; or it was tried by itself already, or
// is being retired.
static int is_held(Look *look, Error *error)
{
        Store *store = look->controller->store;
        _cleanup_attempt_ AttemptRow attempt = {0};
        _cleanup_job_ JobRow before = {0};
        int r = attempt_newest(store, look->site->series, &attempt, error);

        if (r < 0)
                return r;
        if (r > 0 && (attempt.state == ATTEMPT_SYNCHRONISING || attempt.state == ATTEMPT_OPEN))
                return 1;
        return job_retirement(store, look->site->series, look->site->name, CALENDAR_WHO,
                look->site->since_us, &before, error);
}

static int retire_when_due(Look *look, Error *error)
{
        int64_t told_us = 0;
        int r = announcement_told(look->controller->store, look->site->notice, &told_us, error);

        // Nobody has been told yet, or not long enough ago.
        if (r < 0 || told_us == 0 || look->now_us < told_us + look->notice_us ||
                look->now_us < look->until_us)
                return r;
        r = is_held(look, error);
        return r == 0 ? queue(look, error) : r < 0 ? r : 0;
}

static int look_at(Controller *controller, SiteRow *site, int64_t now_us, Error *error)
{
        _cleanup_(look_clear)
                Look look = {.controller = controller, .site = site, .now_us = now_us};
        int r = series_get(controller->store, site->series, &look.series, error);
        int64_t kept;

        if (r >= 0)
                r = settings_get(controller->store, site->series, &look.settings, error);
        if (r < 0)
                return r;
        kept = series_settings_kept(&look.settings);
        look.until_us = site->since_us + kept * US_PER_SECOND;
        look.notice_us = (int64_t)look.settings.retire_notice * US_PER_SECOND;
        if (kept < 0 || now_us < look.until_us - look.notice_us)
                return take_back(&look, error);
        if (site->notice)
                return retire_when_due(&look, error);
        r = is_held(&look, error);
        return r == 0 ? announce_it(&look, error) : r < 0 ? r : 0;
}

int retirement_run(Controller *controller, int64_t now_us, Error *error)
{
        _cleanup_rows_ Rows old = {0};
        int r = sites_old(controller->store, &old, error);
        SiteRow *rows = old.items;

        for (size_t i = 0; r == 0 && i < old.count; i++)
                r = look_at(controller, &rows[i], now_us, error);
        return r;
}
