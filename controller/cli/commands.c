#include "cli/commands.h"

#include <ctype.h>

#include "base/text.h"
#include "cli/follow.h"
#include "cli/show.h"
#include "cli/view.h"

typedef void (*ShowFn)(const Screen *screen, const json_t *value);

// Asks and shows the answer.
static int call_and_show(
        Session *session, const char *method, const char *path, json_t *take_body, ShowFn show)
{
        json_t *answer = NULL;
        int status = session_call(session, method, path, take_body, &answer);

        if (status != COMMAND_OK)
                return status;
        if (session->json)
                session_print(session, answer);
        else
                show(&session->out, answer);
        json_decref(answer);
        return COMMAND_OK;
}

static int get_and_show(const CommandLine *line, const char *path, ShowFn show)
{
        _cleanup_session_ Session session = session_open(line);

        return call_and_show(&session, "GET", path, NULL, show);
}

// The path with the value of a positional in it.
static int get_named(const CommandLine *line, const char *format, const char *word, ShowFn show)
{
        _cleanup_free_ char *path = client_path(format, command_value(line, word));

        return get_and_show(line, path, show);
}

// A request about a series, a host or a job that starts or changes a job.
static int request_job(const CommandLine *line, const char *method, const char *format,
        const char *word, json_t *take_body, const char *wanted)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path = client_path(format, command_value(line, word));

        return follow_request(&session, method, path, take_body, wanted);
}

// "?series=...&limit=..." of what was given.
static char *list_path(const char *path, const char *series, const char *limit)
{
        _cleanup_free_ char *escaped = series ? client_path("series=%s", series) : text_copy("");

        if (!series && !limit)
                return text_copy(path);
        return text_format("%s?%s%s%s%s", path, escaped, series && limit ? "&" : "",
                limit ? "limit=" : "", limit ? limit : "");
}

// The values of a repeated word.
static json_t *texts_of(const CommandLine *line, const char *word)
{
        size_t count;
        const char *const *values = command_values(line, word, &count);
        json_t *texts = json_array();

        for (size_t i = 0; i < count; i++)
                json_array_append_new(texts, json_string(values[i]));
        return texts;
}

// ---------------------------------------------------------------- host

// The line alone on standard output, so that it can be piped to where it is needed.
static void show_join(const Screen *screen, const json_t *host)
{
        const Screen errors = screen_of(stderr);
        _cleanup_free_ char *text = text_format(
                "Host '%s' is invited. Type this on it, as root, with the directory that holds its "
                "project directories behind --root:",
                view_text(host, "name"));

        screen_paragraphs(&errors, 0, text);
        fprintf(screen->out, "%s\n", view_text(host, "join"));
}

int run_host_add(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);

        return call_and_show(&session, "POST", "/v1/hosts",
                json_pack("{s:s}", "name", command_value(line, "NAME")), show_join);
}

int run_host_list(const CommandLine *line)
{
        return get_and_show(line, "/v1/hosts", show_hosts);
}

int run_host_show(const CommandLine *line)
{
        return get_named(line, "/v1/hosts/%s", "NAME", show_host);
}

int run_host_window_show(const CommandLine *line)
{
        return get_named(line, "/v1/hosts/%s/window", "NAME", show_host_window);
}

int run_host_window_set(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path = client_path("/v1/hosts/%s/window", command_value(line, "NAME"));

        return call_and_show(&session, "POST", path,
                json_pack("{s:s, s:s*}", "window", command_value(line, "WINDOW"), "zone",
                        command_value(line, "zone")),
                show_host_window);
}

// ---------------------------------------------------------------- series

int run_series_add(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        const char *keep = command_value(line, "keep-old");
        json_t *body = json_pack("{s:s, s:s, s:s, s:s}", "name", command_value(line, "NAME"),
                "host", command_value(line, "host"), "root", command_value(line, "root"),
                "production", command_value(line, "production"));
        uint64_t seconds;

        if (keep && text_parse_duration(keep, &seconds) == 0)
                json_object_set_new(body, "keep_old_seconds", json_integer((json_int_t)seconds));
        return follow_request(&session, "POST", "/v1/series", body, "done");
}

int run_series_scan(const CommandLine *line)
{
        const char *root = command_value(line, "root");

        return request_job(line, "POST", "/v1/hosts/%s/scan", "HOST",
                root ? json_pack("{s:s}", "root", root) : json_object(), "done");
}

int run_series_list(const CommandLine *line)
{
        return get_and_show(line, "/v1/series", show_all_series);
}

int run_series_show(const CommandLine *line)
{
        return get_named(line, "/v1/series/%s", "NAME", show_series);
}

// {NAME: value, ...} of KEY=VALUE words; NULL with `error`.
static json_t *take_settings(const CommandLine *line, Error *error)
{
        size_t count;
        const char *const *words = command_values(line, "KEY=VALUE", &count);
        json_t *body = json_object();

        for (size_t i = 0; i < count; i++) {
                const char *equals = strchr(words[i], '=');
                _cleanup_free_ char *name =
                        text_copy_n(words[i], equals ? (size_t)(equals - words[i]) : 0);

                if (!equals || !*name || json_object_get(body, name)) {
                        error_set(error, -EINVAL, "setting", "'%s' cannot be understood", words[i]);
                        error_why(error, "%s",
                                equals && *name ? "it is given twice"
                                                : "it must be like quick=yes");
                        error_next(error, "What there is: understudyctl series set --help");
                        json_decref(body);
                        return NULL;
                }
                json_object_set_new(body, name, json_string(equals + 1));
        }
        return body;
}

int run_series_set(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *path =
                client_path("/v1/series/%s/settings", command_value(line, "SERIES"));
        json_t *body = take_settings(line, &error);

        if (!body)
                return session_fail(&session, -EINVAL, &error);
        return call_and_show(&session, "POST", path, body, show_series);
}

int run_series_serve(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/series/%s/serve", "NAME", json_object(), "done");
}

// ---------------------------------------------------------------- preview

int run_preview_prepare(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/series/%s/preview", "SERIES",
                json_pack("{s:s, s:o, s:b, s:b}", "site", command_value(line, "SITE"), "install",
                        texts_of(line, "install"), "dry_run", command_flag(line, "dry-run"),
                        "review", command_flag(line, "review")),
                "done");
}

int run_preview_sync(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/series/%s/sync", "SERIES",
                json_pack("{s:b, s:b, s:b}", "dry_run", command_flag(line, "dry-run"), "full",
                        command_flag(line, "full"), "nightly", command_flag(line, "nightly")),
                "done");
}

int run_preview_switch(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/series/%s/switch", "SERIES", json_object(), "done");
}

static void show_allowed(const Screen *screen, const json_t *series)
{
        fprintf(screen->out, "Noted for series '%s':\n", view_text(series, "name"));
        view_rows(screen, 2, json_object_get(series, "allowances"));
}

int run_preview_allow(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path =
                client_path("/v1/series/%s/allowances", command_value(line, "SERIES"));

        return call_and_show(&session, "POST", path,
                json_pack("{s:s, s:s}", "table", command_value(line, "TABLE"), "why",
                        command_value(line, "why")),
                show_allowed);
}

// Whether the person at the terminal means it. 0 or the exit status.
static int confirm(const char *question)
{
        char answer[16] = "";

        fprintf(stderr, "%s [y/N] ", question);
        if (!fgets(answer, sizeof(answer), stdin))
                fputc('\n', stderr);
        if (tolower((unsigned char)answer[0]) == 'y')
                return COMMAND_OK;
        fprintf(stderr, "Nothing was changed.\n");
        return CLI_REFUSED;
}

// 0, or the exit status where nobody can be asked.
static int check_terminal(Session *session, const char *refusal)
{
        _cleanup_error_ Error error = ERROR_EMPTY;

        if (isatty(STDIN_FILENO))
                return COMMAND_OK;
        error_set(&error, -EPERM, "not-confirmed", "%s", refusal);
        error_why(&error, "nobody can be asked: standard input is no terminal");
        error_next(&error, "Add --yes when you mean it.");
        return session_fail(session, -EPERM, &error);
}

// Asks before anything is given up. 0 or the exit status.
static int confirm_drop(Session *session, const char *series_path)
{
        _cleanup_free_ char *question = NULL;
        json_t *series = NULL;
        int status = check_terminal(session, "the preview is not dropped");

        if (status != COMMAND_OK)
                return status;
        status = session_call(session, "GET", series_path, NULL, &series);
        if (status != COMMAND_OK)
                return status;
        question = text_format("Give up preview '%s' of '%s' on host '%s': its project directory, "
                               "database,\nlog directory and link?",
                view_text(json_object_get(series, "preview"), "name"), view_text(series, "name"),
                view_text(series, "host"));
        json_decref(series);
        return confirm(question);
}

int run_preview_drop(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        const char *name = command_value(line, "SERIES");
        _cleanup_free_ char *series_path = client_path("/v1/series/%s", name);
        _cleanup_free_ char *path = client_path("/v1/series/%s/preview", name);
        int status = command_flag(line, "yes") ? COMMAND_OK : confirm_drop(&session, series_path);

        if (status != COMMAND_OK)
                return status;
        return follow_request(&session, "DELETE", path, NULL, "done");
}

static int confirm_retire(Session *session, const char *series, const char *site)
{
        _cleanup_free_ char *question = NULL;
        int status = check_terminal(session, "nothing is retired");

        if (status != COMMAND_OK)
                return status;
        question = text_format("Retire %s%s%s of '%s': take a last backup, then remove its project "
                               "directory,\ndatabase with its user, programs, vhost and log?",
                site ? "'" : "the old site", site ? site : "", site ? "'" : "", series);
        return confirm(question);
}

int run_series_retire(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        const char *name = command_value(line, "NAME"), *site = command_value(line, "SITE");
        _cleanup_free_ char *path = client_path("/v1/series/%s/retire", name);
        bool dry_run = command_flag(line, "dry-run");
        json_t *body;
        int status = dry_run || command_flag(line, "yes") ? COMMAND_OK
                                                          : confirm_retire(&session, name, site);

        if (status != COMMAND_OK)
                return status;
        body = json_pack("{s:b}", "dry_run", dry_run);
        if (site)
                json_object_set_new(body, "site", json_string(site));
        return follow_request(&session, "POST", path, body, "done");
}

// ---------------------------------------------------------------- job

int run_job_list(const CommandLine *line)
{
        _cleanup_free_ char *path =
                list_path("/v1/jobs", command_value(line, "series"), command_value(line, "limit"));

        return get_and_show(line, path, show_jobs);
}

int run_job_show(const CommandLine *line)
{
        return get_named(line, "/v1/jobs/%s", "ID", show_job);
}

int run_job_watch(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path = client_path("/v1/jobs/%s", command_value(line, "ID"));
        json_t *job = NULL;
        int status = session_call(&session, "GET", path, NULL, &job);

        if (status == COMMAND_OK)
                status = follow_job(&session, job, "done", session.json);
        json_decref(job);
        return status;
}

int run_job_cancel(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/jobs/%s/cancel", "ID", json_object(), "canceled");
}

int run_job_retry(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/jobs/%s/retry", "ID", json_object(), "done");
}

int run_job_resume(const CommandLine *line)
{
        return request_job(line, "POST", "/v1/jobs/%s/resume", "ID", json_object(), "done");
}

// ---------------------------------------------------------------- attempt

static int change_attempt(const CommandLine *line, const char *format, json_t *take_body)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path = client_path(format, command_value(line, "SERIES"));

        return call_and_show(&session, "POST", path, take_body, show_attempt);
}

// A duration that the command line has checked.
static json_t *seconds_of(const CommandLine *line, const char *word)
{
        uint64_t seconds = 0;

        (void)!text_parse_duration(command_value(line, word), &seconds);
        return json_integer((json_int_t)seconds);
}

static void add_anyway(const CommandLine *line, json_t *body)
{
        if (command_value(line, "anyway"))
                json_object_set_new(body, "anyway", json_string(command_value(line, "anyway")));
}

int run_attempt_plan(const CommandLine *line)
{
        json_t *body = json_pack("{s:s, s:o, s:o, s:o}", "at", command_value(line, "at"),
                "lapse_seconds", seconds_of(line, "lapse"), "voters", texts_of(line, "voter"),
                "items", texts_of(line, "item"));

        if (command_value(line, "deadline"))
                json_object_set_new(body, "deadline_seconds", seconds_of(line, "deadline"));
        if (command_value(line, "alone-after"))
                json_object_set_new(body, "alone_seconds", seconds_of(line, "alone-after"));
        if (command_value(line, "outcome-when-over"))
                json_object_set_new(
                        body, "when_over", json_string(command_value(line, "outcome-when-over")));
        add_anyway(line, body);
        return change_attempt(line, "/v1/series/%s/attempt", body);
}

int run_attempt_announce(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/announce", json_object());
}

int run_attempt_move(const CommandLine *line)
{
        json_t *body = json_pack("{s:s}", "at", command_value(line, "at"));

        if (command_value(line, "lapse"))
                json_object_set_new(body, "lapse_seconds", seconds_of(line, "lapse"));
        return change_attempt(line, "/v1/series/%s/attempt/move", body);
}

int run_attempt_open(const CommandLine *line)
{
        json_t *body = json_object();

        add_anyway(line, body);
        return request_job(line, "POST", "/v1/series/%s/attempt/open", "SERIES", body, "done");
}

int run_attempt_extend(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/extend",
                json_pack("{s:o}", "by_seconds", seconds_of(line, "by")));
}

int run_attempt_accept(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/accept", json_object());
}

int run_attempt_cancel(const CommandLine *line)
{
        return request_job(
                line, "POST", "/v1/series/%s/attempt/cancel", "SERIES", json_object(), "done");
}

int run_attempt_withdraw(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/withdraw", json_object());
}

// How it is made is drawn on standard error, so that the report alone is on standard output.
static int make_report(const Session *session, const char *path)
{
        Session drawing = *session;
        json_t *job = NULL;
        int status = session_call(&drawing, "POST", path, json_object(), &job);

        drawing.out = session->errors;
        drawing.json = false;
        if (status == COMMAND_OK)
                status = follow_job(&drawing, job, "done", false);
        json_decref(job);
        return status;
}

int run_attempt_report(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        const char *series = command_value(line, "SERIES");
        _cleanup_free_ char *about = client_path("/v1/series/%s/attempt", series),
                            *path = text_format("%s/report", about);
        json_t *attempt = NULL;
        int status = session_call(&session, "GET", about, NULL, &attempt);
        bool open = status == COMMAND_OK && text_equal(view_text(attempt, "state"), "open");

        json_decref(attempt);
        if (open)
                status = make_report(&session, path);
        return status != COMMAND_OK ? status
                                    : call_and_show(&session, "GET", path, NULL, show_report);
}

int run_attempt_show(const CommandLine *line)
{
        return get_named(line, "/v1/series/%s/attempt", "SERIES", show_attempt);
}

int run_attempt_voter_add(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/voters",
                json_pack("{s:o}", "voters", texts_of(line, "VOTER")));
}

int run_attempt_voter_remove(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/voters/remove",
                json_pack("{s:o}", "voters", texts_of(line, "VOTER")));
}

int run_attempt_item_add(const CommandLine *line)
{
        return change_attempt(line, "/v1/series/%s/attempt/items",
                json_pack("{s:o}", "items", texts_of(line, "TEXT")));
}

// Numbers that the command line has checked.
int run_attempt_sign(const CommandLine *line)
{
        size_t count;
        const char *const *values = command_values(line, "ITEM", &count);
        json_t *numbers = json_array(), *body = json_pack("{s:o}", "items", numbers);
        uint64_t number;

        for (size_t i = 0; i < count; i++)
                if (text_parse_u64(values[i], &number) == 0)
                        json_array_append_new(numbers, json_integer((json_int_t)number));
        if (command_value(line, "token"))
                json_object_set_new(body, "token", json_string(command_value(line, "token")));
        return change_attempt(line, "/v1/series/%s/attempt/sign", body);
}

int run_attempt_vote(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path =
                client_path("/v1/series/%s/attempt/vote", command_value(line, "SERIES"));
        json_t *body = json_pack("{s:s, s:s}", "token", command_value(line, "token"), "vote",
                command_value(line, "VOTE"));

        if (command_value(line, "why"))
                json_object_set_new(body, "why", json_string(command_value(line, "why")));
        return call_and_show(&session, "POST", path, body, show_vote);
}

// ---------------------------------------------------------------- schedule and calendar

int run_schedule_show(const CommandLine *line)
{
        return get_named(line, "/v1/series/%s/schedule", "SERIES", show_schedule);
}

static int change_schedule(const CommandLine *line, const char *format, json_t *take_body)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path = client_path(format, command_value(line, "SERIES"));

        return call_and_show(&session, "POST", path, take_body, show_schedule);
}

int run_schedule_set(const CommandLine *line)
{
        static const char *const members[] = {"rule", "zone", "window"};
        const char *at = command_value(line, "at");
        json_t *body = json_object();
        int minutes;

        for (size_t i = 0; i < ELEMENTS(members); i++)
                if (command_value(line, members[i]))
                        json_object_set_new(
                                body, members[i], json_string(command_value(line, members[i])));
        if (at && text_parse_time_of_day(at, &minutes) == 0) {
                _cleanup_free_ char *rule =
                        text_format("FREQ=DAILY;BYHOUR=%d;BYMINUTE=%d", minutes / 60, minutes % 60);

                json_object_set_new(body, "rule", json_string(rule));
        }
        return change_schedule(line, "/v1/series/%s/schedule", body);
}

int run_schedule_pause(const CommandLine *line)
{
        return change_schedule(line, "/v1/series/%s/schedule/pause", json_object());
}

int run_schedule_resume(const CommandLine *line)
{
        return change_schedule(line, "/v1/series/%s/schedule/resume", json_object());
}

int run_announcement_list(const CommandLine *line)
{
        _cleanup_free_ char *path =
                list_path("/v1/announcements", NULL, command_value(line, "limit"));

        return get_and_show(line, path, show_announcements);
}

int run_announcement_test(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);

        return call_and_show(
                &session, "POST", "/v1/announcements/test", json_object(), show_announcement);
}

int run_announcement_retry(const CommandLine *line)
{
        _cleanup_session_ Session session = session_open(line);
        _cleanup_free_ char *path =
                client_path("/v1/announcements/%s/retry", command_value(line, "ID"));

        return call_and_show(&session, "POST", path, json_object(), show_announcement);
}

static void write_ics(const Screen *screen, const json_t *answer)
{
        fputs(json_string_value(answer), screen->out);
}

int run_calendar(const CommandLine *line)
{
        const char *days = command_value(line, "days");
        _cleanup_free_ char *path = text_format("/v1/calendar?days=%s", days ? days : "7");

        return command_flag(line, "ics") ? get_and_show(line, "/v1/calendar.ics", write_ics)
                                         : get_and_show(line, path, show_calendar);
}

// ---------------------------------------------------------------- log

int run_log(const CommandLine *line)
{
        _cleanup_free_ char *path = list_path(
                "/v1/history", command_value(line, "SERIES"), command_value(line, "limit"));

        return get_and_show(line, path, show_history);
}
