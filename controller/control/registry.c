#include "control/registry.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/planning.h"
#include "control/report.h"
#include "store/calendar.h"
#include "tell/record.h"
#include "tell/words.h"

static const char *app_version(const Fleet__Versions *versions)
{
        return versions && !text_blank(versions->app_version) ? versions->app_version
                                                              : "of unknown version";
}

static const char *app_name(const Fleet__Versions *versions)
{
        return versions && !text_blank(versions->app) ? versions->app : "Lino";
}

// Opens what a job's end is told with: "series adopted", or "dry run of ... done".
static int tell(Controller *controller, const JobRow *job, Error *error, const char *detail)
{
        _cleanup_free_ char *rehearsed =
                text_format("dry run of %s done", job_words[job->kind].noun);

        return record_history(controller, job, job->who,
                job->dry_run ? rehearsed : job_words[job->kind].done, error, "%s", detail);
}

// ---- adopt

int registry_check(
        Controller *controller, const JobRow *job, const Rows *tasks, Error *refusal, Error *error)
{
        _cleanup_planning_ Planning planning = {0};
        _cleanup_message_ ProtobufCMessage *answer = NULL;
        int r;

        if (job->kind != JOB_ADOPT)
                return 0;
        r = planning_load(controller->store, job, &planning, error);
        if (r < 0)
                return r;
        answer = tasks_result(tasks, "probe");
        // Another series may have come in since this one was asked for.
        r = plan_refuse(&planning.input, refusal)
                    ?: plan_check_adopted(&planning.input, (Fleet__ProbeResult *)answer, refusal);
        return r < 0;
}

static int add_series(
        Controller *controller, const JobRow *job, const Fleet__ProbeResult *answer, Error *error)
{
        SeriesRow series = {
                .name = job->series,
                .host = job->host,
                .root = job->root,
                .created_us = clock_now_us(),
                .prod_link = answer->prod,
                .preview_link = answer->preview,
        };

        return row_insert(controller->store, &series_table, &series, error);
}

static int add_setting(Controller *controller, const JobRow *job, Error *error)
{
        _cleanup_free_ char *value = text_format("%lld s", (long long)job->keep_old_seconds);

        if (job->keep_old_seconds == 0)
                return 0;
        return setting_set(controller->store,
                &(SettingRow){.series = job->series,
                        .name = "keep-old",
                        .value = value,
                        .who = job->who,
                        .at_us = clock_now_us()},
                error);
}

static int add_site(Controller *controller, const JobRow *job, const Fleet__ProbeResult *answer,
        const char *log_directory, SiteEvent event, Error *error)
{
        SiteRow site = {
                .series = job->series,
                .name = job->site,
                .log_directory = (char *)log_directory,
        };
        int r;

        blob_set(&site.identity, answer->identity ? &answer->identity->base : NULL);
        blob_set(&site.versions, answer->versions ? &answer->versions->base : NULL);
        r = site_move(controller->store, &site, event, clock_now_us(), error);
        controller->schedules_complete = false;
        free(site.identity.data);
        free(site.versions.data);
        return r;
}

static int apply_adopt(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message = tasks_result(tasks, "probe");
        const Fleet__ProbeResult *answer = (Fleet__ProbeResult *)message;
        bool linked = !text_blank(answer->preview);
        _cleanup_free_ char *detail = text_format("%s in %s on %s, %s %s%s%s%s%s", job->site,
                job->root, job->host, app_name(answer->versions), app_version(answer->versions),
                text_blank(answer->prod) ? "; there is no link 'prod'" : "",
                linked ? "; the link 'preview' points at '" : "", linked ? answer->preview : "",
                linked ? "'" : "");

        return add_series(controller, job, answer, error)
                       ?: add_setting(controller, job, error)
                       ?: add_site(controller, job, answer, NULL, SITE_ADOPTED, error)
                       ?: tell(controller, job, error, detail);
}

// ---- prepare, switch, drop

static int apply_prepare(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_message_ ProtobufCMessage *probe = tasks_result(tasks, "preview_probe");
        _cleanup_message_ ProtobufCMessage *log = tasks_result(tasks, "log");
        _cleanup_message_ ProtobufCMessage *environment = tasks_result(tasks, "environment");
        const Fleet__ProbeResult *answer = (Fleet__ProbeResult *)probe;
        _cleanup_free_ char *detail = text_format(
                "%s in %s on %s, %s %s; %zu packages differ from production", job->site,
                job->series, job->host, app_name(answer->versions), app_version(answer->versions),
                ((Fleet__EnvironmentResult *)environment)->n_changes);

        return add_site(controller, job, answer, ((Fleet__LogResult *)log)->directory,
                       SITE_PREPARED, error)
                       ?: tell(controller, job, error, detail);
}

static int move(Controller *controller, const JobRow *job, SiteState from, SiteEvent event,
        char **ret_name, Error *error)
{
        _cleanup_site_row_ SiteRow site = {0};
        int r = site_get(controller->store, job->series, from, &site, error);

        if (r == 0)
                r = error_set(error, -ENOENT, "internal", "series '%s' has no site in state '%s'",
                        job->series, site_state_names[from]);
        if (r < 0)
                return r;
        *ret_name = text_copy(site.name);
        return site_move(controller->store, &site, event, clock_now_us(), error);
}

// Production leaves its place first: there is one at a time.
static int move_sites(Controller *controller, const JobRow *job, char **ret_told, Error *error)
{
        _cleanup_site_row_ SiteRow preview = {0};
        _cleanup_free_ char *left = NULL;
        _cleanup_free_ char *came = NULL;
        int forward = site_get(controller->store, job->series, SITE_PREVIEW, &preview, error);
        int r;

        if (forward < 0)
                return forward;
        r = move(controller, job, SITE_PRODUCTION, forward ? SITE_REPLACED : SITE_SWITCHED_BACK,
                    &left, error)
                    ?: move(controller, job, forward ? SITE_PREVIEW : SITE_OLD,
                               forward ? SITE_SWITCHED : SITE_SWITCHED_BACK, &came, error);
        if (r < 0)
                return r;
        *ret_told = text_format("%s is production now, %s is %s", came, left,
                forward ? "kept as the old one" : "the preview again");
        return 0;
}

static int apply_switch(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_free_ char *told = NULL;

        (void)tasks;
        return move_sites(controller, job, &told, error) ?: tell(controller, job, error, told);
}

static int apply_drop(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message = tasks_result(tasks, "purge");
        const Fleet__PurgeResult *purge = (Fleet__PurgeResult *)message;
        _cleanup_free_ char *name = NULL;
        _cleanup_free_ char *detail = NULL;
        int r = move(controller, job, SITE_PREVIEW, SITE_DROPPED, &name, error);

        if (r < 0)
                return r;
        detail = text_format("%s is gone: %llu files, %s", name, (unsigned long long)purge->files,
                text_bytes(purge->bytes));
        return tell(controller, job, error, detail);
}

// With the last one of a series there is nothing to be synchronised any more.
static int end_schedule(Controller *controller, const JobRow *job, Error *error)
{
        return calendar_remove(controller->store, job->series, error)
                       ?: record_history(controller, job, job->who, "series retired", error,
                                  "%s was its last production: it has no schedule any more",
                                  job->site);
}

static int apply_retire(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_message_ ProtobufCMessage *purged = tasks_result(tasks, "purge");
        _cleanup_message_ ProtobufCMessage *kept = tasks_result(tasks, "backup");
        const Fleet__PurgeResult *purge = (Fleet__PurgeResult *)purged;
        const Fleet__BackupResult *backup = (Fleet__BackupResult *)kept;
        _cleanup_site_row_ SiteRow site = {0};
        _cleanup_free_ char *detail = NULL;
        bool last;
        int r = site_named(controller->store, job->series, job->site, &site, error);

        if (r <= 0)
                return r < 0 ? r
                             : error_set(error, -ENOENT, "internal", "series '%s' has no site '%s'",
                                       job->series, job->site);
        last = site.state == SITE_PRODUCTION;
        detail = text_format("%s is gone: %llu files, %s; its last backup is %s on %s", job->site,
                (unsigned long long)purge->files, text_bytes(purge->bytes), backup->directory,
                job->host);
        r = site_move(controller->store, &site, SITE_RETIRED, clock_now_us(), error)
                    ?: tell(controller, job, error, detail);
        return r == 0 && last ? end_schedule(controller, job, error) : r;
}

static int apply_serve(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        (void)tasks;
        return tell(controller, job, error, "by its settings");
}

// ---- sync

static int tell_allowed(
        Controller *controller, const JobRow *job, const Fleet__LedgerResult *ledger, Error *error)
{
        int r = 0;

        for (size_t i = 0; i < ledger->n_differences && r == 0; i++) {
                const Fleet__LedgerRow *row = ledger->differences[i];

                r = record_history(controller, job, job->who, "difference allowed", error,
                        "%s: %llu rows in production's dump, %llu in the preview; %s", row->table,
                        (unsigned long long)row->written, (unsigned long long)row->found,
                        row->allowed);
        }
        return r;
}

// What was verified is what the preview is; the differences that were allowed, in the history.
static int learn_sync(
        Controller *controller, const JobRow *job, const Rows *tasks, char **ret_told, Error *error)
{
        _cleanup_site_row_ SiteRow preview = {0};
        _cleanup_message_ ProtobufCMessage *verify = tasks_result(tasks, "verify");
        _cleanup_message_ ProtobufCMessage *restore = tasks_result(tasks, "restore");
        _cleanup_message_ ProtobufCMessage *ledger = tasks_result(tasks, "ledger");
        const Fleet__Versions *versions = ((Fleet__VerifyResult *)verify)->versions;
        const char *told = restore ? ((Fleet__RestoreResult *)restore)->told : NULL;
        int r = site_get(controller->store, job->series, SITE_PREVIEW, &preview, error);

        if (r < 0)
                return r;
        *ret_told = text_format("%s; %.1f s", text_blank(told) ? "done" : told,
                (double)(clock_now_us() - job->started_us) / US_PER_SECOND);
        if (r > 0 && versions) {
                blob_set(&preview.versions, &versions->base);
                r = row_update(controller->store, &site_table, &preview, error);
        }
        return r < 0 ? r : tell_allowed(controller, job, (Fleet__LedgerResult *)ledger, error);
}

static int apply_sync(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_free_ char *told = NULL;

        return learn_sync(controller, job, tasks, &told, error)
                       ?: tell(controller, job, error, told);
}

static int apply_open(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_free_ char *told = NULL, *moved = NULL, *detail = NULL;
        int r = learn_sync(controller, job, tasks, &told, error)
                        ?: move_sites(controller, job, &moved, error);

        if (r < 0)
                return r;
        detail = text_format("%s; %s", moved, told);
        return tell(controller, job, error, detail);
}

// ---- scan

static int apply_scan(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_message_ ProtobufCMessage *message = tasks_result(tasks, "scan");
        const Fleet__ScanResult *scan = (Fleet__ScanResult *)message;
        size_t counts[3] = {0};
        _cleanup_free_ char *detail = NULL;

        for (size_t i = 0; i < scan->n_findings; i++) {
                unsigned severity = (unsigned)scan->findings[i]->severity;

                if (severity < ELEMENTS(counts)) // a worker may send any number
                        counts[severity]++;
        }
        detail = text_format("%s: %zu sites, %zu dangers, %zu warnings, %zu notices", job->host,
                scan->n_found, counts[FLEET__SEVERITY__DANGER], counts[FLEET__SEVERITY__WARNING],
                counts[FLEET__SEVERITY__NOTICE]);
        return tell(controller, job, error, detail);
}

static int apply_report(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        _cleanup_message_ ProtobufCMessage *loss = tasks_result(tasks, "loss");
        int r = tell(controller, job, error, job->site);

        return r < 0 || !loss ? r : report_keep(controller, job, (Fleet__LossResult *)loss, error);
}

int registry_apply(Controller *controller, const JobRow *job, const Rows *tasks, Error *error)
{
        static int (*const apply[])(Controller *, const JobRow *, const Rows *, Error *) = {
                [JOB_ADOPT] = apply_adopt,
                [JOB_PREPARE] = apply_prepare,
                [JOB_SYNC] = apply_sync,
                [JOB_SWITCH] = apply_switch,
                [JOB_DROP] = apply_drop,
                [JOB_SCAN] = apply_scan,
                [JOB_SERVE] = apply_serve,
                [JOB_OPEN] = apply_open,
                [JOB_REPORT] = apply_report,
                [JOB_RETIRE] = apply_retire,
                [JOB_STANDBY] = apply_switch,
        };

        if (job->dry_run)
                return tell(controller, job, error, job->request);
        return apply[job->kind](controller, job, tasks, error);
}
