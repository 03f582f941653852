#include "control/planning.h"

#include <time.h>

#include "base/text.h"
#include "store/attempt.h"

static const char *root_of(const Rows *series, const char *name)
{
        const SeriesRow *rows = series->items;

        for (size_t i = 0; i < series->count; i++)
                if (text_equal(rows[i].name, name))
                        return rows[i].root;
        return "";
}

static void take_sites(Planning *planning)
{
        const SiteRow *rows = planning->sites.items;
        PlanInput *input = &planning->input;

        planning->plan_sites = memory_new(planning->sites.count * sizeof(PlanSite));
        for (size_t i = 0; i < planning->sites.count; i++) {
                PlanSite *site = &planning->plan_sites[i];

                *site = (PlanSite){
                        .series = rows[i].series,
                        .root = root_of(&planning->site_series, rows[i].series),
                        .name = rows[i].name,
                        .state = rows[i].state,
                        .identity = (Fleet__Identity *)blob_message(
                                &rows[i].identity, &fleet__identity__descriptor),
                        .log_directory = rows[i].log_directory,
                };
        }
        input->sites = planning->plan_sites;
        input->site_count = planning->sites.count;
}

// The series' own sites by their roles; of several old ones the one that was replaced last.
static void take_roles(Planning *planning)
{
        const SiteRow *rows = planning->sites.items;
        PlanInput *input = &planning->input;
        int64_t turn = -1;

        for (size_t i = 0; i < input->site_count; i++) {
                const PlanSite *site = &input->sites[i];

                if (!text_equal(site->series, input->series))
                        continue;
                if (site->state == SITE_PRODUCTION)
                        input->production = site;
                else if (site->state == SITE_PREVIEW)
                        input->preview = site;
                else if (site->state == SITE_OLD && rows[i].turn > turn) {
                        input->old = site;
                        turn = rows[i].turn;
                }
        }
}

static void take_names(Planning *planning)
{
        const SeriesRow *rows = planning->site_series.items;

        for (size_t i = 0; i < planning->site_series.count; i++)
                text_list_add(&planning->taken, rows[i].name);
        planning->input.taken = (const char *const *)planning->taken.items;
        planning->input.taken_count = planning->taken.count;
}

static void take_allowances(Planning *planning)
{
        const AllowanceRow *rows = planning->allowances.items;

        planning->allowed = memory_new(planning->allowances.count * sizeof(Fleet__Allowance));
        for (size_t i = 0; i < planning->allowances.count; i++) {
                fleet__allowance__init(&planning->allowed[i]);
                planning->allowed[i].table = rows[i].name;
                planning->allowed[i].why = rows[i].why;
                planning->allowed[i].who = rows[i].who;
        }
        planning->input.allowed = planning->allowed;
        planning->input.allowed_count = planning->allowances.count;
}

static void take_install(Planning *planning, const char *install)
{
        while (install && *install) {
                size_t length = strcspn(install, "\n");

                text_list_take(&planning->install, text_copy_n(install, length));
                install += length + (install[length] == '\n');
        }
        planning->input.install = (const char *const *)planning->install.items;
        planning->input.install_count = planning->install.count;
}

// A failed preparation that has begun to make something, and was neither gone on with nor canceled.
static int find_unfinished(Store *store, const JobRow *job, int64_t *ret, Error *error)
{
        _cleanup_job_ JobRow before = {0};
        _cleanup_rows_ Rows tasks = {0};
        const TaskRow *rows;
        int r = job_newest_of_kind(store, job->series, JOB_PREPARE, &before, error);

        if (r <= 0 || before.id == job->id || before.state != JOB_FAILED)
                return r < 0 ? r : 0;
        r = tasks_of_job(store, before.id, &tasks, error);
        rows = tasks.items;
        for (size_t i = 0; i < tasks.count; i++)
                if (rows[i].execution > 0 && rows[i].state != TASK_UNDONE &&
                        !(step_info_find(rows[i].step)->flags & STEP_READS))
                        *ret = before.id;
        return r;
}

// One that is under way, and that the job is no part of.
static int find_attempt(Store *store, const JobRow *job, const char **ret, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = attempt_newest(store, job->series, &attempt, error);

        if (r > 0 && attempt.id != job->attempt &&
                (attempt.state == ATTEMPT_SYNCHRONISING || attempt.state == ATTEMPT_OPEN))
                *ret = attempt_state_names[attempt.state];
        return r < 0 ? r : 0;
}

// When the worker of an attempt that stands by is to act.
static int find_moment(Store *store, const JobRow *job, int64_t *ret_us, Error *error)
{
        _cleanup_attempt_ AttemptRow attempt = {0};
        int r = attempt_get(store, job->attempt, &attempt, error);

        if (r > 0)
                *ret_us = attempt_alone_us(&attempt);
        return r < 0 ? r : 0;
}

static int weekday_now(void)
{
        time_t now = time(NULL);
        struct tm parts = {0};

        localtime_r(&now, &parts);
        return parts.tm_wday;
}

static void take_series(Planning *planning, const JobRow *job, bool known)
{
        const SeriesRow *series = &planning->series;

        planning->input = (PlanInput){
                .kind = job->kind,
                .dry_run = job->dry_run,
                .review = job->review,
                .series = job->series,
                .host = job->host,
                .root = known ? series->root : job->root,
                .site = job->site,
                .series_known = known,
                .prod_link = series->prod_link,
                .preview_link = series->preview_link,
                .last_dump_bytes = (uint64_t)series->last_dump_bytes,
                .last_database_bytes = (uint64_t)series->last_database_bytes,
                .last_environment_bytes = (uint64_t)series->last_environment_bytes,
        };
        planning->input.full = job->full;
        planning->input.nightly = job->nightly;
        planning->input.weekday = weekday_now();
        // A series of that name may be there with another root: it is the asked one that counts.
        if (job->kind == JOB_ADOPT || job->kind == JOB_SCAN)
                planning->input.root = job->root;
}

// A scan offers names that nobody has.
static int known_series(Store *store, const JobRow *job, Rows *ret, Error *error)
{
        return job->kind == JOB_SCAN ? series_list(store, ret, error)
                                     : series_of_host(store, job->host, ret, error);
}

int planning_load(Store *store, const JobRow *job, Planning *ret, Error *error)
{
        _cleanup_planning_ Planning planning = {0};
        int r = series_get(store, job->series, &planning.series, error);

        if (r < 0)
                return r;
        take_series(&planning, job, r > 0);
        r = sites_of_host(store, job->host, &planning.sites, error)
                    ?: known_series(store, job, &planning.site_series, error)
                    ?: allowances_of(store, job->series, &planning.allowances, error)
                    ?: settings_get(store, job->series, &planning.settings, error);
        if (r == 0)
                r = find_attempt(store, job, &planning.input.attempt, error);
        if (r == 0 && job->kind == JOB_PREPARE)
                r = find_unfinished(store, job, &planning.input.unfinished, error);
        if (r == 0 && job->kind == JOB_STANDBY)
                r = find_moment(store, job, &planning.input.standby_us, error);
        if (r < 0)
                return r;
        take_sites(&planning);
        take_roles(&planning);
        take_allowances(&planning);
        take_names(&planning);
        take_install(&planning, job->install);
        *ret = TAKE(planning, (Planning){0});
        return 0;
}

void planning_clear(Planning *planning)
{
        for (size_t i = 0; planning->plan_sites && i < planning->sites.count; i++)
                fleet__identity__free_unpacked(
                        (Fleet__Identity *)planning->plan_sites[i].identity, NULL);
        free(planning->plan_sites);
        free(planning->allowed);
        series_settings_clear(&planning->settings);
        text_list_clear(&planning->install);
        text_list_clear(&planning->taken);
        series_clear(&planning->series);
        rows_clear(&planning->sites);
        rows_clear(&planning->site_series);
        rows_clear(&planning->allowances);
        *planning = (Planning){0};
}

int planning_make(Store *store, const JobRow *job, Plan *ret, bool *ret_refused, Error *error)
{
        _cleanup_planning_ Planning planning = {0};
        int r = planning_load(store, job, &planning, error);

        if (r < 0)
                return r;
        planning.input.settings = &planning.settings;
        r = plan_make(&planning.input, ret, error);
        *ret_refused = r < 0;
        return r;
}
