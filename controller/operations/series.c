#include "base/clock.h"
#include "base/text.h"
#include "operations/asked.h"
#include "operations/outlook.h"
#include "tell/view.h"

#define TABLE_NAME_MAX 128
#define REASON_MAX     1000

// Queues a job on a series that is there; `take_words` is what was asked, as an operator types it.
static int queue_on(Controller *controller, const SeriesRow *series,
        const OperationRequest *request, JobRow *job, char *take_words, json_t **ret, Error *error)
{
        job->series = text_copy(series->name);
        job->host = text_copy(series->host);
        job->who = text_copy(request->who);
        job->request = take_words;
        return asked_queue(controller, job, ret, error);
}

// ---- series

int series_add(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {
                "name", "host", "root", "production", "keep_old_seconds", NULL};
        const json_t *body = request->body;
        _cleanup_job_ JobRow job = {.kind = JOB_ADOPT};
        const char *name = NULL, *host = NULL, *root = NULL, *production = NULL;
        int r = asked_only(body, members, error)
                        ?: asked_text(body, "name", true, &name, error)
                        ?: asked_text(body, "host", true, &host, error)
                        ?: asked_text(body, "root", true, &root, error)
                        ?: asked_text(body, "production", true, &production, error)
                        ?: asked_seconds(body, "keep_old_seconds", &job.keep_old_seconds, error)
                        ?: asked_host(controller, host, "add a series on", error);

        if (r < 0)
                return r;
        job.series = text_copy(name);
        job.host = text_copy(host);
        job.root = text_copy(root);
        job.site = text_copy(production);
        job.who = text_copy(request->who);
        job.request = text_format(
                "series add %s --host %s --root %s --production %s", name, host, root, production);
        return asked_queue(controller, &job, ret, error);
}

int series_all(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_rows_ Rows series = {0};
        json_t *all = json_array();
        int r = controller_commit(controller, error)
                        ?: series_list(controller->store, &series, error);
        const SeriesRow *rows = series.items;

        (void)request;
        for (size_t i = 0; i < series.count && r == 0; i++) {
                json_t *shown = NULL;

                r = view_series(controller, &rows[i], &shown, error);
                json_array_append_new(all, shown);
        }
        if (r < 0)
                json_decref(all);
        else
                *ret = all;
        return r;
}

int series_show(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        json_t *shown = NULL;
        int r = controller_commit(controller, error)
                        ?: asked_series(controller, request->subject[0], &series, error)
                        ?: view_series(controller, &series, &shown, error);

        if (r < 0)
                return r;
        r = outlook_add(controller, series.name, 0, shown, error)
                    ?: outlook_add_rehearsals(controller, series.name, shown, error);
        if (r < 0)
                json_decref(shown);
        else
                *ret = shown;
        return r;
}

static int check_allowance(const char *table, const char *why, Error *error)
{
        size_t length = strlen(table);
        int r;

        if (length <= TABLE_NAME_MAX &&
                table[strspn(table, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0') {
                if (strlen(why) <= REASON_MAX)
                        return 0;
                r = error_set(error, -EINVAL, "bad-request", "the reason is too long");
                error_why(error, "it has more than %d bytes", REASON_MAX);
                return r;
        }
        r = error_set(error, -EINVAL, "bad-name", "that cannot be a table's name");
        error_why(error, "tables are called like contacts_person");
        error_next(error, "Take the name from what the failed job says.");
        return r;
}

int series_allow(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"table", "why", NULL};
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_free_ char *detail = NULL;
        const char *table = NULL, *why = NULL;
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "table", true, &table, error)
                        ?: asked_text(request->body, "why", true, &why, error)
                        ?: check_allowance(table, why, error)
                        ?: asked_series(controller, request->subject[0], &series, error)
                        ?: controller_begin(controller, error);

        if (r < 0)
                return r;
        detail = text_format("rows of %s may differ: %s", table, why);
        r = allowance_set(controller->store,
                    &(AllowanceRow){.series = series.name,
                            .name = (char *)table,
                            .why = (char *)why,
                            .who = (char *)request->who,
                            .at_us = clock_now_us()},
                    error)
                    ?: history_add(controller->store,
                               &(HistoryRow){.who = (char *)request->who,
                                       .series = series.name,
                                       .event = "allowance given",
                                       .detail = detail},
                               error);
        r = controller_finish(controller, r, error);
        return r < 0 ? r : view_series(controller, &series, ret, error);
}

static int set_one(Controller *controller, const SeriesRow *series, const char *who,
        const char *name, const char *value, Error *error)
{
        SeriesSettings before _cleanup_settings_ = {0};
        _cleanup_free_ char *text = NULL, *old = NULL, *detail = NULL;
        int r = series_setting_check(name, value, &text, error)
                        ?: settings_get(controller->store, series->name, &before, error);

        if (r < 0)
                return r;
        old = option_text(series_setting_find(name), &before);
        detail = text_format("%s: %s, before: %s", name, text, old);
        return setting_set(controller->store,
                       &(SettingRow){.series = series->name,
                               .name = (char *)name,
                               .value = text,
                               .who = (char *)who,
                               .at_us = clock_now_us()},
                       error)
                       ?: history_add(controller->store,
                                  &(HistoryRow){.who = (char *)who,
                                          .series = series->name,
                                          .event = "setting changed",
                                          .detail = detail},
                                  error);
}

// All or none.
static int check_settings(const json_t *body, Error *error)
{
        const char *name;
        json_t *value;
        int r = 0;

        json_object_foreach ((json_t *)body, name, value) {
                _cleanup_free_ char *text = NULL;
                const char *given = NULL;

                r = asked_text(body, name, true, &given, error)
                            ?: series_setting_check(name, given, &text, error);
                if (r < 0)
                        return r;
        }
        if (json_object_size(body) > 0)
                return 0;
        r = error_set(error, -EINVAL, "setting", "no setting was given");
        error_next(error, "What there is: understudyctl series set --help");
        return r;
}

int series_set(Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        _cleanup_series_ SeriesRow series = {0};
        const char *name;
        json_t *value;
        int r = asked_series(controller, request->subject[0], &series, error)
                        ?: check_settings(request->body, error)
                        ?: controller_begin(controller, error);

        if (r < 0)
                return r;
        json_object_foreach (request->body, name, value) {
                r = set_one(
                        controller, &series, request->who, name, json_string_value(value), error);
                if (r < 0)
                        break;
        }
        r = controller_finish(controller, r, error);
        return r < 0 ? r : view_series(controller, &series, ret, error);
}

// ---- its preview

// One line each, as they would stand in a requirements file; options would change what pip does.
static int take_install(const json_t *body, char **ret, Error *error)
{
        const json_t *list = json_object_get(body, "install");
        size_t i;
        json_t *item;

        *ret = NULL;
        if (!list || json_is_null(list))
                return 0;
        json_array_foreach (list, i, item) {
                const char *text = json_string_value(item);
                char *longer;

                if (text_blank(text) || *text == '-' || strpbrk(text, "\n\r") ||
                        strlen(text) != json_string_length(item))
                        goto refused;
                longer = text_format("%s%s\n", *ret ? *ret : "", text);
                free(*ret);
                *ret = longer;
        }
        if (json_is_array(list))
                return 0;
refused:
        error_set(error, -EINVAL, "bad-request", "a requirement cannot be understood");
        error_where(error, "install");
        error_why(error, "each must be one requirement, such as 'lino-noi==26.9'");
        return -EINVAL;
}

int preview_prepare(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"site", "install", "dry_run", "review", NULL};
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_job_ JobRow job = {.kind = JOB_PREPARE};
        char *words;
        const char *site = NULL;
        bool dry_run = false, review = false;
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "site", true, &site, error)
                        ?: asked_flag(request->body, "dry_run", &dry_run, error)
                        ?: asked_flag(request->body, "review", &review, error)
                        ?: take_install(request->body, &job.install, error)
                        ?: asked_series(controller, request->subject[0], &series, error);

        if (r < 0)
                return r;
        job.site = text_copy(site);
        job.dry_run = dry_run;
        job.review = review;
        words = text_format("preview prepare %s %s%s%s", series.name, site,
                dry_run ? " --dry-run" : "", review ? " --review" : "");
        return queue_on(controller, &series, request, &job, words, ret, error);
}

int preview_sync(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"dry_run", "full", "nightly", NULL};
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_job_ JobRow job = {.kind = JOB_SYNC};
        char *words;
        bool dry_run = false, full = false, nightly = false;
        int r = asked_only(request->body, members, error)
                        ?: asked_flag(request->body, "dry_run", &dry_run, error)
                        ?: asked_flag(request->body, "full", &full, error)
                        ?: asked_flag(request->body, "nightly", &nightly, error)
                        ?: asked_series(controller, request->subject[0], &series, error);

        if (r < 0)
                return r;
        job.dry_run = dry_run;
        job.full = full;
        job.nightly = nightly;
        words = text_format("preview sync %s%s%s%s", series.name, full ? " --full" : "",
                nightly ? " --nightly" : "", dry_run ? " --dry-run" : "");
        return queue_on(controller, &series, request, &job, words, ret, error);
}

static int simple(Controller *controller, const OperationRequest *request, const char *noun,
        JobKind kind, json_t **ret, Error *error)
{
        static const char *const members[] = {NULL};
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_job_ JobRow job = {.kind = kind};
        char *words;
        int r = asked_only(request->body, members, error)
                        ?: asked_series(controller, request->subject[0], &series, error);

        if (r < 0)
                return r;
        words = text_format("%s %s %s", noun, job_kind_names[kind], series.name);
        return queue_on(controller, &series, request, &job, words, ret, error);
}

int preview_switch(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return simple(controller, request, "preview", JOB_SWITCH, ret, error);
}

int preview_drop(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return simple(controller, request, "preview", JOB_DROP, ret, error);
}

int series_serve(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return simple(controller, request, "series", JOB_SERVE, ret, error);
}

// The one that was replaced, when that is clear.
static int find_old(Controller *controller, const char *series, char **ret, Error *error)
{
        _cleanup_rows_ Rows sites = {0};
        int r = sites_of_series(controller->store, series, &sites, error);
        const SiteRow *rows = sites.items;
        TextList old _cleanup_text_list_ = {0};
        _cleanup_free_ char *names = NULL;

        for (size_t i = 0; i < sites.count; i++)
                if (rows[i].state == SITE_OLD)
                        text_list_add(&old, rows[i].name);
        if (r < 0)
                return r;
        if (old.count == 1) {
                *ret = text_copy(old.items[0]);
                return 0;
        }
        names = text_list_join(&old, ", ");
        r = error_set(error, old.count ? -EINVAL : -ENOENT, "no-site",
                "it is not clear which site of series '%s' is to be retired", series);
        error_why(error, "%s%s", old.count ? "it has several old ones: " : "it has no old one",
                names);
        error_next(error, "Name it: understudyctl series retire %s SITE", series);
        return r;
}

int series_retire(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"site", "dry_run", NULL};
        _cleanup_series_ SeriesRow series = {0};
        _cleanup_job_ JobRow job = {.kind = JOB_RETIRE};
        const char *site = NULL;
        bool dry_run = false;
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "site", false, &site, error)
                        ?: asked_flag(request->body, "dry_run", &dry_run, error)
                        ?: asked_series(controller, request->subject[0], &series, error);

        if (r == 0 && !site)
                r = find_old(controller, series.name, &job.site, error);
        if (r < 0)
                return r;
        if (site)
                job.site = text_copy(site);
        job.dry_run = dry_run;
        return queue_on(controller, &series, request, &job,
                text_format("series retire %s %s%s", series.name, job.site,
                        dry_run ? " --dry-run" : ""),
                ret, error);
}
