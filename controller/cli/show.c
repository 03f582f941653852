#include "cli/show.h"

#include <time.h>

#include "base/text.h"
#include "cli/draw.h"
#include "cli/human.h"
#include "cli/table.h"
#include "cli/view.h"

// A cell of a member's value.
static void add(Table *table, const json_t *object, const char *name)
{
        _cleanup_free_ char *text = view_value(name, json_object_get(object, name));

        table_add(table, text);
}

static void add_time(Table *table, const json_t *object, const char *name)
{
        double at = view_number(object, name);

        table_add(table, at > 0 ? human_minute(at) : "");
}

static void write_title(const Screen *screen, const char *title)
{
        fprintf(screen->out, "\n%s%s%s\n", screen_style(screen, BOLD), title,
                screen_style(screen, PLAIN));
}

static void write_table(const Screen *screen, const Table *table, const char *empty)
{
        if (table->count == 0)
                fprintf(screen->out, "%s\n", empty);
        table_write(table, screen, 0);
}

// ---------------------------------------------------------------- hosts

void show_hosts(const Screen *screen, const json_t *hosts)
{
        _cleanup_table_ Table table = {.columns = 6,
                .heads = {"HOST", "STATE", "CONNECTED", "ADDRESS", "VERSION", "LAST SEEN"}};
        json_t *host;
        size_t i;

        json_array_foreach (hosts, i, host) {
                add(&table, host, "name");
                add(&table, host, "state");
                add(&table, host, "connected");
                add(&table, host, "address");
                add(&table, host, "version");
                add_time(&table, host, "last_seen_at");
        }
        write_table(screen, &table, "There is no host yet: understudyctl host add NAME");
}

void show_host(const Screen *screen, const json_t *host)
{
        view_object(screen, 0, host);
}

// ---------------------------------------------------------------- series

void show_all_series(const Screen *screen, const json_t *all)
{
        _cleanup_table_ Table table = {.columns = 6,
                .heads = {"SERIES", "HOST", "PRODUCTION", "PREVIEW", "LAST SYNC", "JOB"}};
        json_t *series;
        size_t i;

        json_array_foreach (all, i, series) {
                const json_t *sync = json_object_get(series, "last_sync");
                double at = view_number(sync, "ended_at");
                _cleanup_free_ char *last =
                        at > 0 ? text_format("%s %s", view_text(sync, "state"), human_minute(at))
                               : NULL;

                add(&table, series, "name");
                add(&table, series, "host");
                table_add(&table, view_text(json_object_get(series, "production"), "name"));
                table_add(&table, view_text(json_object_get(series, "preview"), "name"));
                table_add(&table, last);
                add(&table, series, "job");
        }
        write_table(screen, &table, "There is no series yet: understudyctl series add --help");
}

// "2026-12-24 18:00", "when asked"; of others than old ones nothing. One whose time is over waits
// until somebody has been told.
static void add_retirement(Table *table, const json_t *site)
{
        double until = view_number(site, "kept_until");
        bool waits = until > 0 && until <= (double)time(NULL) && view_number(site, "told_at") <= 0;

        if (!text_equal(view_text(site, "state"), "old"))
                table_add(table, "");
        else
                table_add(table, waits       ? "once announced"
                                 : until > 0 ? human_minute(until)
                                             : "when asked");
}

static void show_sites(const Screen *screen, const json_t *sites)
{
        _cleanup_table_ Table table = {.columns = 6,
                .heads = {"SITE", "STATE", "APPLICATION", "PYTHON", "SINCE", "RETIRED"}};
        json_t *site;
        size_t i;

        json_array_foreach (sites, i, site) {
                const json_t *versions = json_object_get(site, "versions");
                _cleanup_free_ char *application = text_format(
                        "%s %s", view_text(versions, "app"), view_text(versions, "app_version"));

                add(&table, site, "name");
                add(&table, site, "state");
                table_add(&table, strcmp(application, " ") == 0 ? "" : application);
                table_add(&table, view_text(versions, "python"));
                add_time(&table, site, "since_at");
                add_retirement(&table, site);
        }
        if (table.count)
                write_title(screen, "Sites");
        table_write(&table, screen, 2);
}

static void show_allowances(const Screen *screen, const json_t *allowances)
{
        _cleanup_table_ Table table = {.columns = 4, .heads = {"TABLE", "WHY", "WHO", "WHEN"}};
        json_t *allowance;
        size_t i;

        json_array_foreach (allowances, i, allowance) {
                add(&table, allowance, "table");
                add(&table, allowance, "why");
                add(&table, allowance, "who");
                add_time(&table, allowance, "at");
        }
        if (table.count)
                write_title(screen, "Allowed differences");
        table_write(&table, screen, 2);
}

static void show_settings(const Screen *screen, const json_t *settings)
{
        _cleanup_table_ Table table = {
                .columns = 5, .heads = {"SETTING", "VALUE", "DEFAULT", "WHO", "WHEN"}};
        json_t *setting;
        size_t i;

        // The others are in the manual of `series set`, with their defaults.
        json_array_foreach (settings, i, setting) {
                if (text_blank(view_text(setting, "who")))
                        continue;
                add(&table, setting, "setting");
                add(&table, setting, "value");
                add(&table, setting, "default");
                add(&table, setting, "who");
                add_time(&table, setting, "at");
        }
        if (table.count)
                write_title(screen, "Settings");
        table_write(&table, screen, 2);
}

static void add_last_sync(Table *table, const json_t *sync)
{
        _cleanup_free_ char *text = NULL;

        if (!json_is_object(sync))
                return;
        text = text_format("job %" JSON_INTEGER_FORMAT " %s, %s, %s, %s",
                json_integer_value(json_object_get(sync, "job")), view_text(sync, "state"),
                human_second(view_number(sync, "ended_at")),
                human_duration(view_number(sync, "wall_seconds")),
                human_quantity((uint64_t)view_number(sync, "objects"), "object"));
        table_add_pair(table, "last sync", text);
}

void show_series(const Screen *screen, const json_t *series)
{
        _cleanup_table_ Table table = {.columns = 2};
        double keep = view_number(series, "keep_old_seconds");
        _cleanup_free_ char *job = view_value("job", json_object_get(series, "job"));

        table_add_pair(&table, "series", view_text(series, "name"));
        table_add_pair(&table, "host", view_text(series, "host"));
        table_add_pair(&table, "root", view_text(series, "root"));
        table_add_pair(
                &table, "production", view_text(json_object_get(series, "production"), "name"));
        table_add_pair(&table, "preview", view_text(json_object_get(series, "preview"), "name"));
        table_add_pair(&table, "keeps old for", keep > 0 ? human_duration(keep) : "");
        table_add_pair(&table, "since", human_second(view_number(series, "created_at")));
        table_add_pair(&table, "job under way", job);
        add_last_sync(&table, json_object_get(series, "last_sync"));
        table_write(&table, screen, 0);
        show_sites(screen, json_object_get(series, "sites"));
        show_settings(screen, json_object_get(series, "settings"));
        show_allowances(screen, json_object_get(series, "allowances"));
        show_outlook(screen, series);
        show_rehearsals(screen, json_object_get(series, "rehearsals"));
}

// ---------------------------------------------------------------- jobs

void show_jobs(const Screen *screen, const json_t *jobs)
{
        _cleanup_table_ Table table = {.columns = 7,
                .heads = {"JOB", "KIND", "SERIES", "STATE", "WHO", "ASKED", "TOOK"},
                .right = {true, false, false, false, false, false, true}};
        json_t *job;
        size_t i;

        json_array_foreach (jobs, i, job) {
                double wall = view_number(job, "wall_seconds");
                _cleanup_free_ char *kind = text_format("%s%s", view_text(job, "kind"),
                        json_is_true(json_object_get(job, "dry_run")) ? " (dry run)" : "");

                add(&table, job, "id");
                table_add(&table, kind);
                add(&table, job, "series");
                add(&table, job, "state");
                add(&table, job, "who");
                add_time(&table, job, "created_at");
                table_add(&table, wall > 0 ? human_duration(wall) : "");
        }
        write_table(screen, &table, "There is no job yet.");
}

static void show_tasks(const Screen *screen, const json_t *tasks)
{
        _cleanup_table_ Table table = {.columns = 4,
                .heads = {"STEP", "STATE", "WHAT IT DOES", "TOOK"},
                .right = {false, false, false, true}};
        json_t *task;
        size_t i;

        json_array_foreach (tasks, i, task) {
                double wall = view_number(task, "wall_seconds");
                const char *state = view_text(task, "state");
                _cleanup_free_ char *marked =
                        text_format("%s %s", state_mark(screen, state), state);

                add(&table, task, "label");
                table_add(&table, marked);
                add(&table, task, "title");
                table_add(&table, json_is_true(json_object_get(task, "already")) ? "as before"
                                  : wall > 0 ? human_duration(wall)
                                             : "");
        }
        if (table.count)
                write_title(screen, "Steps");
        table_write(&table, screen, 2);
}

static void show_outcomes(const Screen *screen, const json_t *job)
{
        json_t *task;
        size_t i;

        json_array_foreach (json_object_get(job, "tasks"), i, task) {
                const json_t *result = json_object_get(task, "result");
                const json_t *failure = json_object_get(task, "failure");

                if (!json_object_size(result) && !json_is_object(failure))
                        continue;
                write_title(screen, view_text(task, "label"));
                view_object(screen, 2, result);
                if (json_is_object(failure))
                        view_failure(screen, failure);
        }
        if (json_is_object(json_object_get(job, "failure")) && !view_failure_is_a_tasks(job)) {
                fputc('\n', screen->out);
                view_failure(screen, json_object_get(job, "failure"));
        }
}

void show_job(const Screen *screen, const json_t *job)
{
        _cleanup_table_ Table table = {.columns = 2};
        static const char *const members[][2] = {{"id", "job"}, {"kind", "kind"},
                {"series", "series"}, {"host", "host"}, {"state", "state"}, {"dry_run", "dry run"},
                {"who", "who"}, {"request", "request"}, {"created_at", "asked"},
                {"started_at", "started"}, {"ended_at", "ended"}, {"wall_seconds", "took"}};

        for (size_t i = 0; i < ELEMENTS(members); i++) {
                _cleanup_free_ char *text =
                        view_value(members[i][0], json_object_get(job, members[i][0]));

                table_add_pair(&table, members[i][1], text);
        }
        table_write(&table, screen, 0);
        show_tasks(screen, json_object_get(job, "tasks"));
        show_outcomes(screen, job);
        if (*view_text(job, "hint")) {
                fputc('\n', screen->out);
                screen_paragraphs(screen, 0, view_text(job, "hint"));
        }
}

// ---------------------------------------------------------------- the calendar

static void add_last_run(Table *table, const json_t *last)
{
        _cleanup_free_ char *job = view_value("job", json_object_get(last, "job"));
        _cleanup_free_ char *text = NULL;
        const char *planned = human_minute(view_number(last, "planned_at"));
        double waits = view_number(last, "waits_until");

        if (!json_is_object(last))
                return;
        if (waits > 0)
                text = text_format("%s: waits until %s: %s", planned, human_minute(waits),
                        view_text(last, "outcome"));
        else if (*job)
                text = text_format("%s: job %s, %s", planned, job, view_text(last, "state"));
        else
                text = text_format("%s: left out: %s", planned, view_text(last, "outcome"));
        table_add_pair(table, "last run", text);
}

// "Fri 2026-11-27 02:30", with what keeps it from beginning.
static char *run_text(const json_t *run)
{
        const char *why = view_text(run, "why");

        return text_format("%s%s%s%s", view_text(run, "local"),
                json_is_true(json_object_get(run, "left_out")) ? "  left out" : "",
                *why ? ": " : "", why);
}

void show_schedule(const Screen *screen, const json_t *schedule)
{
        _cleanup_table_ Table table = {.columns = 2};
        bool paused = json_is_true(json_object_get(schedule, "paused"));
        json_t *run;
        size_t i;

        table_add_pair(&table, "series", view_text(schedule, "series"));
        table_add_pair(&table, "rule", view_text(schedule, "rule"));
        table_add_pair(&table, "time zone", view_text(schedule, "zone"));
        table_add_pair(&table, "begins between", view_text(schedule, "window"));
        table_add_pair(&table, "paused", paused ? "yes" : "no");
        add_last_run(&table, json_object_get(schedule, "last"));
        json_array_foreach (json_object_get(schedule, "next"), i, run) {
                _cleanup_free_ char *text = run_text(run);

                // The first of them has a label, the others stand beneath it.
                table_add_pair(&table, i == 0 ? "next runs" : " ", text);
        }
        table_write(&table, screen, 0);
        if (paused)
                fprintf(screen->out, "\nNothing runs by itself: understudyctl schedule resume %s\n",
                        view_text(schedule, "series"));
}

void show_host_window(const Screen *screen, const json_t *window)
{
        _cleanup_table_ Table table = {.columns = 2},
                              runs = {.columns = 2, .heads = {"SERIES", "ITS NEXT RUN"}};
        const char *text = view_text(window, "window");
        json_t *run;
        size_t i;

        table_add_pair(&table, "host", view_text(window, "host"));
        table_add_pair(&table, "heavy work", *text ? text : "at any time");
        table_add_pair(&table, "time zone", view_text(window, "zone"));
        table_write(&table, screen, 0);
        json_array_foreach (json_object_get(window, "runs"), i, run) {
                _cleanup_free_ char *when = run_text(run);

                add(&runs, run, "series");
                table_add(&runs, when);
        }
        if (runs.count)
                fputc('\n', screen->out);
        table_write(&runs, screen, 0);
}

void show_calendar(const Screen *screen, const json_t *runs)
{
        _cleanup_table_ Table table = {
                .columns = 4, .heads = {"WHEN, WHERE THE SERIES IS", "SERIES", "HOST", "WHAT"}};
        json_t *run;
        size_t i;

        json_array_foreach (runs, i, run) {
                add(&table, run, "local");
                add(&table, run, "series");
                add(&table, run, "host");
                add(&table, run, "what");
        }
        write_table(screen, &table, "Nothing is planned.");
}

// ---------------------------------------------------------------- announcements

// "mail delivered", "webhook pending after 3 tries".
static char *delivery_text(const json_t *delivery)
{
        uint64_t tries = (uint64_t)view_number(delivery, "tries");
        const char *state = view_text(delivery, "state");

        if (tries == 0 || text_equal(state, "delivered"))
                return text_format("%s %s", view_text(delivery, "channel"), state);
        return text_format("%s %s after %s %s", view_text(delivery, "channel"), state,
                human_count(tries), tries == 1 ? "try" : "tries");
}

void show_announcements(const Screen *screen, const json_t *announcements)
{
        _cleanup_table_ Table table = {.columns = 4,
                .heads = {"ID", "WHEN", "WHAT", "DELIVERIES"},
                .right = {true, false, false, false}};
        json_t *announcement, *delivery;
        size_t i, k;

        json_array_foreach (announcements, i, announcement) {
                TextList texts _cleanup_text_list_ = {0};
                _cleanup_free_ char *all = NULL, *to = NULL;

                json_array_foreach (json_object_get(announcement, "deliveries"), k, delivery)
                        text_list_take(&texts, delivery_text(delivery));
                all = text_list_join(&texts, ", ");
                to = text_format("%s%s%s", view_text(announcement, "subject"),
                        *view_text(announcement, "to") ? ", to " : "",
                        view_text(announcement, "to"));
                add(&table, announcement, "id");
                add_time(&table, announcement, "at");
                table_add(&table, to);
                table_add(&table, all);
        }
        write_table(screen, &table, "Nothing has been announced yet.");
}

void show_announcement(const Screen *screen, const json_t *announcement)
{
        fprintf(screen->out, "%s\n", view_text(announcement, "subject"));
        view_rows(screen, 2, json_object_get(announcement, "deliveries"));
        fprintf(screen->out, "See how it goes: understudyctl announcement list\n");
}

// ---------------------------------------------------------------- history

void show_history(const Screen *screen, const json_t *entries)
{
        _cleanup_table_ Table table = {.columns = 5,
                .heads = {"WHEN", "WHO", "SERIES", "JOB", "WHAT"},
                .right = {false, false, false, true, false}};
        json_t *entry;
        size_t i;

        json_array_foreach (entries, i, entry) {
                table_add(&table, human_second(view_number(entry, "at")));
                add(&table, entry, "who");
                add(&table, entry, "series");
                add(&table, entry, "job");
                add(&table, entry, "event");
                table_note(&table, view_text(entry, "detail"));
        }
        write_table(screen, &table, "Nothing has happened yet.");
}
