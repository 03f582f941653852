#include "tell/view.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/session.h"
#include "store/announcement.h"
#include "json/message.h"

// ---- values; absent is null

static json_t *text_or_null(const char *text)
{
        return text_blank(text) ? json_null() : json_string(text);
}

json_t *view_time(int64_t at_us)
{
        return at_us ? json_real((double)at_us / US_PER_SECOND) : json_null();
}

static json_t *duration_or_null(int64_t from_us, int64_t to_us)
{
        if (!from_us)
                return json_null();
        return json_real((double)((to_us ? to_us : clock_now_us()) - from_us) / US_PER_SECOND);
}

static json_t *message_or_null(const Blob *blob, const ProtobufCMessageDescriptor *type)
{
        _cleanup_message_ ProtobufCMessage *message = blob_message(blob, type);

        return message ? message_to_json(message) : json_null();
}

static void set(json_t *object, const char *name, json_t *take_value)
{
        json_object_set_new(object, name, take_value);
}

// ---- hosts

static void set_facts(json_t *shown, const HostRow *host)
{
        _cleanup_message_ ProtobufCMessage *message =
                blob_message(&host->facts, &fleet__host_facts__descriptor);
        const Fleet__HostFacts *facts = (Fleet__HostFacts *)message;
        json_t *roots = json_array(), *disks = json_array();

        for (size_t i = 0; facts && i < facts->n_roots; i++)
                json_array_append_new(roots, json_string(facts->roots[i]));
        set(shown, "hostname", text_or_null(facts ? facts->hostname : NULL));
        set(shown, "kernel", text_or_null(facts ? facts->kernel : NULL));
        set(shown, "cores", facts ? json_integer(facts->cores) : json_null());
        set(shown, "memory_bytes",
                facts ? json_integer((json_int_t)facts->memory_bytes) : json_null());
        set(shown, "roots", roots);
        for (size_t i = 0; facts && i < facts->n_disks; i++)
                json_array_append_new(disks, message_to_json(&facts->disks[i]->base));
        set(shown, "disks", disks);
}

json_t *view_host(Controller *controller, const HostRow *host)
{
        json_t *shown = json_object();
        bool connected = session_of_host(controller, host->name);

        set(shown, "name", json_string(host->name));
        set(shown, "state", json_string(host_state_names[host->state]));
        set(shown, "connected", json_boolean(connected));
        set(shown, "address", text_or_null(host->address));
        set(shown, "version", text_or_null(host->version));
        set(shown, "invited_at", view_time(host->invited_us));
        set(shown, "joined_at", view_time(host->joined_us));
        set(shown, "last_seen_at", view_time(connected ? clock_now_us() : host->last_seen_us));
        set_facts(shown, host);
        return shown;
}

// ---- series

static json_t *view_site(const SiteRow *site, int64_t kept_seconds)
{
        bool due = site->state == SITE_OLD && kept_seconds >= 0;

        json_t *shown = json_object();

        set(shown, "name", json_string(site->name));
        set(shown, "state", json_string(site_state_names[site->state]));
        set(shown, "identity", message_or_null(&site->identity, &fleet__identity__descriptor));
        set(shown, "versions", message_or_null(&site->versions, &fleet__versions__descriptor));
        set(shown, "created_at", view_time(site->created_us));
        set(shown, "since_at", view_time(site->since_us));
        set(shown, "kept_until",
                view_time(due ? site->since_us + kept_seconds * US_PER_SECOND : 0));
        return shown;
}

static int set_sites(Controller *controller, const char *series, json_t *shown,
        int64_t kept_seconds, Error *error)
{
        _cleanup_rows_ Rows sites = {0};
        json_t *all = json_array();
        int r = sites_of_series(controller->store, series, &sites, error);
        const SiteRow *rows = sites.items;

        set(shown, "production", json_null());
        set(shown, "preview", json_null());
        for (size_t i = 0; i < sites.count; i++) {
                json_t *site = view_site(&rows[i], kept_seconds);
                int64_t told_us = 0;

                if (r == 0 && rows[i].notice)
                        r = announcement_told(controller->store, rows[i].notice, &told_us, error);
                set(site, "told_at", view_time(told_us));

                if (rows[i].state == SITE_PRODUCTION || rows[i].state == SITE_PREVIEW)
                        json_object_set(shown, site_state_names[rows[i].state], site);
                json_array_append_new(all, site);
        }
        set(shown, "sites", all);
        return r;
}

static int set_allowances(Controller *controller, const char *series, json_t *shown, Error *error)
{
        _cleanup_rows_ Rows allowances = {0};
        json_t *all = json_array();
        int r = allowances_of(controller->store, series, &allowances, error);
        const AllowanceRow *rows = allowances.items;

        for (size_t i = 0; i < allowances.count; i++)
                json_array_append_new(all,
                        json_pack("{s:s, s:s, s:s, s:o}", "table", rows[i].name, "why", rows[i].why,
                                "who", rows[i].who, "at", view_time(rows[i].at_us)));
        set(shown, "allowances", all);
        return r;
}

static json_t *view_setting(const Option *option, const SeriesSettings *settings, const Rows *set)
{
        _cleanup_free_ char *value = option_text(option, settings);
        const SettingRow *rows = set->items;
        json_t *shown = json_pack("{s:s, s:s, s:s}", "setting", option->name, "value", value,
                "default", option->fallback);

        for (size_t i = 0; i < set->count; i++) {
                if (!text_equal(rows[i].name, option->name))
                        continue;
                json_object_set_new(shown, "who", json_string(rows[i].who));
                json_object_set_new(shown, "at", view_time(rows[i].at_us));
        }
        return shown;
}

static int set_settings(Controller *controller, const char *series, json_t *shown, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        _cleanup_rows_ Rows rows = {0};
        json_t *all = json_array();
        int r = settings_get(controller->store, series, &settings, error)
                        ?: settings_of(controller->store, series, &rows, error);

        for (const Option *option = series_settings; r == 0 && option->name; option++)
                json_array_append_new(all, view_setting(option, &settings, &rows));
        set(shown, "settings", all);
        return r;
}

static int restored_objects(Controller *controller, int64_t job, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        int r = tasks_of_job(controller->store, job, &tasks, error);
        const TaskRow *rows = tasks.items;

        *ret = json_null();
        for (size_t i = 0; i < tasks.count; i++) {
                _cleanup_message_ ProtobufCMessage *result = NULL;

                if (!text_equal(rows[i].step, "restore"))
                        continue;
                result = blob_message(&rows[i].result, &fleet__restore_result__descriptor);
                if (result)
                        *ret = json_integer((json_int_t)((Fleet__RestoreResult *)result)->loaded);
        }
        return r;
}

static int set_last_sync(Controller *controller, const char *series, json_t *shown, Error *error)
{
        _cleanup_job_ JobRow job = {0};
        json_t *objects = NULL;
        int r = job_newest_of_kind(controller->store, series, JOB_SYNC, &job, error);

        if (r > 0)
                r = restored_objects(controller, job.id, &objects, error);
        if (r < 0 || job.id == 0) {
                set(shown, "last_sync", json_null());
                return r;
        }
        set(shown, "last_sync",
                json_pack("{s:I, s:s, s:o, s:o, s:o}", "job", (json_int_t)job.id, "state",
                        job_state_names[job.state], "ended_at", view_time(job.ended_us),
                        "wall_seconds", duration_or_null(job.started_us, job.ended_us), "objects",
                        objects));
        return 0;
}

static int set_job_under_way(
        Controller *controller, const char *series, json_t *shown, Error *error)
{
        _cleanup_rows_ Rows jobs = {0};
        int r = jobs_under_way(controller->store, &jobs, error);
        const JobRow *rows = jobs.items;

        set(shown, "job", json_null());
        for (size_t i = 0; i < jobs.count; i++)
                if (text_equal(rows[i].series, series)) {
                        set(shown, "job", json_integer(rows[i].id));
                        break;
                }
        return r;
}

int view_series(Controller *controller, const SeriesRow *series, json_t **ret, Error *error)
{
        SeriesSettings settings _cleanup_settings_ = {0};
        json_t *shown;
        int64_t kept;
        int r = settings_get(controller->store, series->name, &settings, error);

        if (r < 0)
                return r;
        kept = series_settings_kept(&settings);
        shown = json_object();
        set(shown, "name", json_string(series->name));
        set(shown, "host", json_string(series->host));
        set(shown, "root", json_string(series->root));
        set(shown, "keep_old_seconds", kept >= 0 ? json_real((double)kept) : json_null());
        set(shown, "created_at", view_time(series->created_us));
        r = set_sites(controller, series->name, shown, kept, error)
                    ?: set_settings(controller, series->name, shown, error)
                    ?: set_allowances(controller, series->name, shown, error)
                    ?: set_job_under_way(controller, series->name, shown, error)
                    ?: set_last_sync(controller, series->name, shown, error);
        if (r < 0) {
                json_decref(shown);
                return r;
        }
        *ret = shown;
        return 0;
}

// ---- jobs

static json_t *labels(const char *depends)
{
        json_t *list = json_array();

        for (const char *at = depends ? depends : ""; *at; at += strspn(at, " ")) {
                size_t length = strcspn(at, " ");

                json_array_append_new(list, json_stringn(at, length));
                at += length;
        }
        return list;
}

json_t *view_task(const TaskRow *task)
{
        const StepInfo *info = step_info_find(task->step);
        json_t *shown = json_object();

        set(shown, "label", json_string(task->label));
        set(shown, "step", json_string(task->step));
        set(shown, "title", json_string(info->title));
        set(shown, "host", json_string(task->host));
        set(shown, "state", json_string(task_state_names[task->state]));
        set(shown, "depends", labels(task->depends));
        set(shown, "already", json_boolean(task->already));
        set(shown, "progress", message_or_null(&task->progress, &fleet__progress__descriptor));
        set(shown, "started_at", view_time(task->started_us));
        set(shown, "ended_at", view_time(task->ended_us));
        set(shown, "wall_seconds", duration_or_null(task->started_us, task->ended_us));
        set(shown, "result", message_or_null(&task->result, info->result));
        set(shown, "failure", message_or_null(&task->failure, &fleet__failure__descriptor));
        return shown;
}

static void set_tasks(json_t *shown, const Rows *tasks)
{
        const TaskRow *rows = tasks->items;
        json_t *all = json_array();

        for (size_t i = 0; i < tasks->count; i++)
                json_array_append_new(all, view_task(&rows[i]));
        set(shown, "tasks", all);
}

int view_job(Controller *controller, const JobRow *job, bool with_tasks, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows tasks = {0};
        _cleanup_free_ char *hint = NULL;
        json_t *shown;
        int r = tasks_of_job(controller->store, job->id, &tasks, error)
                        ?: hint_of_job(controller, job, &tasks, &hint, error);

        if (r < 0)
                return r;
        shown = json_object();
        set(shown, "id", json_integer(job->id));
        set(shown, "kind", json_string(job_kind_names[job->kind]));
        set(shown, "series", text_or_null(job->series));
        set(shown, "host", json_string(job->host));
        set(shown, "state", json_string(job_state_names[job->state]));
        set(shown, "dry_run", json_boolean(job->dry_run));
        set(shown, "who", json_string(job->who));
        set(shown, "request", json_string(job->request));
        set(shown, "created_at", view_time(job->created_us));
        set(shown, "started_at", view_time(job->started_us));
        set(shown, "ended_at", view_time(job->ended_us));
        set(shown, "wall_seconds", duration_or_null(job->started_us, job->ended_us));
        set(shown, "failure", message_or_null(&job->failure, &fleet__failure__descriptor));
        set(shown, "hint", text_or_null(hint));
        if (with_tasks)
                set_tasks(shown, &tasks);
        *ret = shown;
        return 0;
}

// ---- history

json_t *view_entry(const HistoryRow *entry)
{
        json_t *shown = json_object();
        json_t *data = entry->data ? json_loads(entry->data, 0, NULL) : NULL;

        set(shown, "id", json_integer(entry->id));
        set(shown, "at", view_time(entry->at_us));
        set(shown, "who", json_string(entry->who));
        set(shown, "series", text_or_null(entry->series));
        set(shown, "job", entry->job ? json_integer(entry->job) : json_null());
        set(shown, "event", json_string(entry->event));
        set(shown, "detail", json_string(entry->detail));
        set(shown, "data", data ? data : json_null());
        return shown;
}
