#include "calendar/due.h"
#include "calendar/ticker.h"

#include "base/clock.h"
#include "fake.h"

#define MINUTE_US (60 * US_PER_SECOND)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

// Every day at 02:30 UTC; a moment right after the next one.
static int64_t set_schedule(const char *window)
{
        json_t *shown = NULL;
        double at;

        assert_int_equal(
                fake_ask("POST", "/v1/series/{series}/schedule", "mdg",
                        json_pack("{s:s, s:s, s:s}", "rule", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
                                "zone", "UTC", "window", window),
                        NULL, &shown),
                0);
        at = json_number_value(
                json_object_get(json_array_get(json_object_get(shown, "next"), 0), "at"));
        assert_int_equal(json_array_size(json_object_get(shown, "next")), 10);
        json_decref(shown);
        return (int64_t)at * US_PER_SECOND + US_PER_SECOND;
}

static void look(int64_t now_us)
{
        assert_int_equal(due_run(fake.controller, now_us, &fake.error), 0);
        fake_commit();
}

static json_t *schedule(void)
{
        json_t *shown;

        assert_int_equal(
                fake_ask("GET", "/v1/series/{series}/schedule", "mdg", NULL, NULL, &shown), 0);
        return shown;
}

static void assert_outcome(const char *part)
{
        json_t *shown = schedule();
        const char *outcome =
                json_string_value(json_object_get(json_object_get(shown, "last"), "outcome"));

        assert_non_null(outcome);
        if (!strstr(outcome, part))
                fail_msg("the outcome is '%s'", outcome);
        json_decref(shown);
}

static size_t syncs(void)
{
        _cleanup_rows_ Rows jobs = {0};
        const JobRow *rows;
        size_t count = 0;

        assert_int_equal(jobs_newest(fake.controller->store, "mdg", 100, &jobs, NULL), 0);
        rows = jobs.items;
        for (size_t i = 0; i < jobs.count; i++)
                count += rows[i].kind == JOB_SYNC && text_equal(rows[i].who, CALENDAR_WHO);
        return count;
}

static size_t entries(const char *event)
{
        _cleanup_rows_ Rows history = {0};
        const HistoryRow *rows;
        size_t count = 0;

        assert_int_equal(history_get(fake.controller->store, "mdg", 1000, &history, NULL), 0);
        rows = history.items;
        for (size_t i = 0; i < history.count; i++)
                count += text_equal(rows[i].event, event);
        return count;
}

static void each_night_has_its_synchronisation(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        look(now_us - 2 * US_PER_SECOND);
        assert_int_equal(syncs(), 0);
        for (size_t night = 1; night <= 3; night++, now_us += DAY_US) {
                look(now_us);
                fake_run();
                assert_int_equal(syncs(), night);
        }
}

static void a_moment_is_used_once_also_when_the_clock_is_put_back(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        look(now_us);
        fake_run();
        look(now_us - 2 * HOUR_US);
        look(now_us);
        assert_int_equal(syncs(), 1);
}

static void of_several_missed_nights_the_last_one_is_made_up_for(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        look(now_us + 4 * DAY_US + 2 * HOUR_US);
        fake_run();
        assert_int_equal(syncs(), 1);
        look(now_us + 5 * DAY_US);
        fake_run();
        assert_int_equal(syncs(), 2);
}

static void a_missed_night_is_left_out_when_its_window_has_closed(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("22:00-06:00");
        look(now_us + 4 * HOUR_US);
        assert_int_equal(syncs(), 0);
        assert_outcome("the controller was not running");
        assert_int_equal(entries("synchronisation left out"), 1);
}

static void a_run_is_left_out_while_the_last_one_is_under_way(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int64_t now_us = set_schedule("");

        (void)state;
        look(now_us);
        fake_disconnect(host);
        look(now_us + 3 * HOUR_US);
        assert_int_equal(syncs(), 1);
        fake_connect(host);
        fake_commit();
        look(now_us + DAY_US);
        assert_outcome("still under way");
        assert_int_equal(syncs(), 1);
}

static void a_run_whose_host_is_away_is_canceled_when_it_is_too_late(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int64_t now_us = set_schedule("22:00-06:00");
        json_t *shown;

        (void)state;
        fake_disconnect(host);
        look(now_us);
        look(now_us + 3 * HOUR_US);
        assert_int_equal(syncs(), 1);
        look(now_us + 4 * HOUR_US);
        shown = schedule();
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(shown, "last"), "state")),
                "canceled");
        json_decref(shown);
        assert_int_equal(entries("synchronisation left out"), 1);
        fake_connect(host);
        look(now_us + DAY_US);
        fake_run();
        assert_int_equal(syncs(), 2);
}

static void a_series_without_a_preview_says_so_and_writes_no_history(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world();
        now_us = set_schedule("");
        look(now_us);
        assert_outcome("there is no preview");
        assert_int_equal(entries("synchronisation left out"), 0);
}

static void a_paused_schedule_runs_nothing_and_catches_up_on_nothing(void **state)
{
        json_t *shown;
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        assert_int_equal(
                fake_ask("POST", "/v1/series/{series}/schedule/pause", "mdg", NULL, NULL, &shown),
                0);
        assert_true(json_is_true(json_object_get(shown, "paused")));
        assert_int_equal(json_array_size(json_object_get(shown, "next")), 0);
        json_decref(shown);
        look(now_us + 3 * DAY_US);
        assert_int_equal(syncs(), 0);
        assert_int_equal(
                fake_ask("POST", "/v1/series/{series}/schedule/resume", "mdg", NULL, NULL, &shown),
                0);
        json_decref(shown);
        look(now_us - 2 * US_PER_SECOND);
        assert_int_equal(syncs(), 0);
        look(now_us);
        assert_int_equal(syncs(), 1);
}

static void a_crash_between_due_and_commit_runs_it_once(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        assert_int_equal(due_run(fake.controller, now_us, &fake.error), 0);
        fake_crash();
        assert_int_equal(syncs(), 0);
        look(now_us);
        fake_crash();
        look(now_us);
        assert_int_equal(syncs(), 1);
}

static void series_without_a_schedule_get_one_at_a_minute_of_their_own(void **state)
{
        char name[16], root[32];
        bool taken[300] = {false};
        size_t minutes = 0;

        (void)state;
        fake.setup.calendar = (CalendarDefaults){.zone = "UTC", .nightly = true};
        fake_world();
        for (int i = 0; i < 60; i++) {
                CalendarRow row _cleanup_calendar_row_ = {0};
                int hour, minute;

                snprintf(name, sizeof name, "series%d", i);
                snprintf(root, sizeof root, "/srv/lino/%d", i);
                assert_true(fake_adopt(name, root) > 0);
                fake_run();
                look(clock_now_us());
                assert_int_equal(calendar_get(fake.controller->store, name, &row, NULL), 1);
                assert_int_equal(
                        sscanf(row.rule, "FREQ=DAILY;BYHOUR=%d;BYMINUTE=%d", &hour, &minute), 2);
                assert_in_range(hour, 1, 4);
                minutes += !taken[(hour - 1) * 60 + minute];
                taken[(hour - 1) * 60 + minute] = true;
        }
        assert_true(minutes > 45);
}

static void the_loop_wakes_up_when_one_is_due(void **state)
{
        _cleanup_(ticker_freep) Ticker *ticker = NULL;
        CalendarRow row _cleanup_calendar_row_ = {0};
        int64_t began_us;

        (void)state;
        fake_world_with_preview();
        set_schedule("");
        assert_int_equal(calendar_get(fake.controller->store, "mdg", &row, NULL), 1);
        row.next_us = clock_now_us() + 200 * US_PER_MS;
        assert_int_equal(controller_begin(fake.controller, NULL), 0);
        assert_int_equal(calendar_put(fake.controller->store, &row, NULL), 0);
        fake_commit();
        assert_int_equal(ticker_new(fake.controller, &ticker, NULL), 0);
        began_us = clock_monotonic_us();
        while (syncs() == 0 && clock_monotonic_us() < began_us + 20 * US_PER_SECOND)
                event_base_loop(fake.base, EVLOOP_ONCE);
        assert_int_equal(syncs(), 1);
        assert_true(clock_now_us() >= row.next_us);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
        static const char *const bodies[][2] = {{"rule", "often"}, {"zone", "Europe/Atlantis"},
                {"window", "night"}, {"window", "06:00-08:00"}, {"rul", "FREQ=DAILY"}};
        json_t *before, *after, *shown;

        (void)state;
        fake_world_with_preview();
        set_schedule("");
        before = schedule();
        for (size_t i = 0; i < ELEMENTS(bodies); i++)
                assert_int_equal(
                        fake_ask("POST", "/v1/series/{series}/schedule", "mdg",
                                json_pack("{s:s}", bodies[i][0], bodies[i][1]), NULL, &shown),
                        -EINVAL);
        after = schedule();
        assert_true(json_equal(before, after));
        json_decref(before);
        json_decref(after);
}

static void the_calendar_lists_all_runs_and_exports_them(void **state)
{
        json_t *shown;
        const char *ics;

        (void)state;
        fake_world_with_preview();
        set_schedule("");
        assert_int_equal(fake_ask("GET", "/v1/calendar", NULL, NULL,
                                 json_pack("{s:s}", "days", "3"), &shown),
                0);
        assert_int_equal(json_array_size(shown), 3);
        json_decref(shown);
        assert_int_equal(fake_ask("GET", "/v1/calendar.ics", NULL, NULL, NULL, &shown), 0);
        ics = json_string_value(shown);
        assert_non_null(strstr(ics, "RRULE:FREQ=DAILY;BYMINUTE=30;BYHOUR=2"));
        assert_non_null(strstr(ics, "UID:sync-mdg@understudy"));
        json_decref(shown);
}

// ---- attempts

static void ask(const char *path, json_t *take_body)
{
        json_t *shown;

        if (fake_ask("POST", path, "mdg", take_body, NULL, &shown) < 0)
                fail_msg("%s: %s", path, fake.error.what);
        json_decref(shown);
}

static void announce_attempt(int64_t at_us, int lapse_seconds)
{
        time_t at = (time_t)(at_us / US_PER_SECOND);
        char text[40];
        struct tm parts;

        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts));
        ask("/v1/series/{series}/attempt", json_pack("{s:s, s:i, s:s}", "at", text, "lapse_seconds",
                                                   lapse_seconds, "anyway", "a test"));
        ask("/v1/series/{series}/attempt/announce", NULL);
}

static void assert_announced(const char *kind, size_t expected)
{
        json_t *shown, *one;
        size_t i, count = 0;

        assert_int_equal(fake_ask("GET", "/v1/announcements", NULL, NULL, NULL, &shown), 0);
        json_array_foreach (shown, i, one)
                count += text_equal(json_string_value(json_object_get(one, "kind")), kind);
        assert_int_equal(count, expected);
        json_decref(shown);
}

// What stands behind the i-th of the next runs; "": it begins.
static void assert_left_out(size_t i, const char *part)
{
        json_t *shown = schedule(), *run = json_array_get(json_object_get(shown, "next"), i);
        const char *why = json_string_value(json_object_get(run, "why"));

        assert_true(json_is_true(json_object_get(run, "left_out")) == (*part != '\0'));
        if (*part && (!why || !strstr(why, part)))
                fail_msg("run %zu: %s", i, why ? why : "it begins");
        json_decref(shown);
}

static void shortly_before_an_attempt_a_run_is_left_out_and_nobody_is_alarmed(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        announce_attempt(now_us + HOUR_US, 3600);
        assert_left_out(0, "an upgrade attempt opens ");
        assert_left_out(1, "");
        look(now_us);
        assert_int_equal(syncs(), 0);
        assert_outcome("nothing begins within");
        assert_int_equal(entries("synchronisation left out"), 1);
        assert_announced("sync-left-out", 0);
        ask("/v1/series/{series}/attempt/withdraw", NULL);
        look(now_us + DAY_US);
        fake_run();
        assert_int_equal(syncs(), 1);
}

static void how_long_before_an_attempt_is_as_the_series_is_set(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        announce_attempt(now_us + 3 * HOUR_US, 3600);
        assert_left_out(0, "");
        ask("/v1/series/{series}/settings", json_pack("{s:s}", "clearance", "4 h"));
        assert_left_out(0, "nothing begins within 240 minutes");
        ask("/v1/series/{series}/settings", json_pack("{s:s}", "clearance", "30 min"));
        assert_left_out(0, "");
}

// The synchronisations of these worlds take no time at all.
static void unless_it_is_set_it_is_twice_what_a_synchronisation_takes(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        announce_attempt(now_us + HOUR_US, 3600);
        assert_left_out(0, "nothing begins within 120 minutes");
        assert_true(fake_sync("mdg") > 0);
        fake_run();
        assert_left_out(0, "");
        assert_int_equal(sqlite3_exec(store_database(fake.controller->store),
                                 "UPDATE job SET started_us = ended_us - 2400000000"
                                 " WHERE kind = 'sync'",
                                 NULL, NULL, NULL),
                SQLITE_OK);
        assert_left_out(0, "nothing begins within 80 minutes");
}

static void while_an_attempt_is_open_runs_are_left_out(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        announce_attempt(now_us + 20 * HOUR_US, 30 * 3600);
        assert_left_out(0, "");
        assert_left_out(1, "an upgrade attempt is announced from");
        assert_left_out(2, "an upgrade attempt is announced from");
        assert_left_out(3, "");
        assert_true(fake_job("POST", "/v1/series/{series}/attempt/open", "mdg", NULL) > 0);
        fake_run();
        assert_int_equal(
                sqlite3_exec(store_database(fake.controller->store),
                        "UPDATE site SET state = 'preview' WHERE state = 'old'", NULL, NULL, NULL),
                SQLITE_OK);
        look(now_us);
        assert_int_equal(syncs(), 0);
        assert_outcome("an upgrade attempt is open until");
        assert_announced("sync-left-out", 0);
}

// It waited for its host, and would now stand before the opening.
static void a_run_that_has_not_begun_makes_room_for_an_attempt(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int64_t now_us = set_schedule("");

        (void)state;
        announce_attempt(now_us + 3 * HOUR_US, 3600);
        fake_disconnect(host);
        look(now_us);
        assert_int_equal(syncs(), 1);
        look(now_us + HOUR_US - 2 * MINUTE_US);
        assert_int_equal(entries("synchronisation left out"), 0);
        look(now_us + HOUR_US + 2 * MINUTE_US);
        assert_int_equal(entries("synchronisation left out"), 1);
        assert_announced("sync-left-out", 0);
        fake_connect(host);
        fake_run();
        assert_string_equal(host->log, "");
}

// ---- windows of hosts

static json_t *host_window(const char *window)
{
        json_t *shown;

        if (fake_ask("POST", "/v1/hosts/{host}/window", "alpha",
                    json_pack("{s:s, s:s}", "window", window, "zone", "UTC"), NULL, &shown) < 0)
                fail_msg("%s", fake.error.what);
        return shown;
}

// The i-th of the next runs: the end of its local time, and what it says.
static void assert_run(size_t i, const char *time, const char *why)
{
        json_t *shown = schedule(), *run = json_array_get(json_object_get(shown, "next"), i);
        const char *local = json_string_value(json_object_get(run, "local"));
        const char *said = json_string_value(json_object_get(run, "why"));

        if (!text_ends(local, time) || !strstr(said ? said : "", why))
                fail_msg("%s: %s", local, said);
        json_decref(shown);
}

static void a_run_waits_until_its_hosts_window_is_open_too(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("22:00-06:00"); // 02:30
        json_decref(host_window("04:00-12:00"));
        assert_run(0, "04:00", "the window of host 'alpha', 04:00-12:00 in UTC, moves it from ");
        look(now_us);
        assert_int_equal(syncs(), 0);
        assert_outcome("host 'alpha'");
        look(now_us + HOUR_US);
        assert_int_equal(syncs(), 0);
        look(now_us + 2 * HOUR_US);
        fake_run();
        assert_int_equal(syncs(), 1);
        assert_outcome("");
        look(now_us + 3 * HOUR_US);
        assert_int_equal(syncs(), 1);
        assert_int_equal(entries("synchronisation left out"), 0);
}

static void windows_that_do_not_meet_leave_a_run_out_and_say_so(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("22:00-06:00");
        json_decref(host_window("06:00-22:00"));
        assert_left_out(0, "the windows of the series, 22:00-06:00, and of host 'alpha', "
                           "06:00-22:00 in UTC, do not meet after");
        look(now_us);
        assert_int_equal(syncs(), 0);
        assert_announced("sync-left-out", 1);
}

static void a_run_that_waits_is_looked_at_anew_when_the_window_changes(void **state)
{
        json_t *shown;
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        json_decref(host_window("20:00-22:00"));
        assert_run(0, "20:00", "moves it");
        look(now_us);
        shown = host_window("");
        assert_int_equal(json_array_size(json_object_get(shown, "runs")), 1);
        json_decref(shown);
        look(now_us + HOUR_US);
        fake_run();
        assert_int_equal(syncs(), 1);
}

static bool waits(void)
{
        json_t *shown = schedule();
        const json_t *last = json_object_get(shown, "last");
        bool found = json_number_value(json_object_get(last, "waits_until")) > 0;

        json_decref(shown);
        return found;
}

static void a_run_that_waits_outlives_a_clock_that_is_put_back_and_not_one_put_ahead(void **state)
{
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule(""); // 02:30
        json_decref(host_window("04:00-06:00"));
        look(now_us);
        assert_true(waits());
        look(now_us - 6 * HOUR_US);
        assert_true(waits());
        look(now_us + 4 * HOUR_US); // 06:30
        assert_false(waits());
        assert_int_equal(syncs(), 0);
        assert_outcome("the controller was not running");
        look(now_us);
        assert_int_equal(syncs(), 0);
        look(now_us + DAY_US + 2 * HOUR_US);
        assert_int_equal(syncs(), 1);
}

static void what_waits_is_dropped_when_the_schedule_is_paused(void **state)
{
        json_t *shown;
        int64_t now_us;

        (void)state;
        fake_world_with_preview();
        now_us = set_schedule("");
        json_decref(host_window("20:00-22:00"));
        look(now_us);
        assert_true(waits());
        assert_int_equal(
                fake_ask("POST", "/v1/series/{series}/schedule/pause", "mdg", NULL, NULL, &shown),
                0);
        json_decref(shown);
        ask("/v1/series/{series}/schedule/resume", NULL);
        assert_false(waits());
}

// Its host is away while both are open.
static void a_moved_run_is_canceled_when_a_window_closes(void **state)
{
        FakeHost *host = fake_world_with_preview();
        int64_t now_us = set_schedule("");

        (void)state;
        json_decref(host_window("04:00-05:00"));
        look(now_us);
        fake_disconnect(host);
        look(now_us + 90 * MINUTE_US);
        assert_int_equal(syncs(), 1);
        assert_int_equal(entries("synchronisation left out"), 0);
        look(now_us + 150 * MINUTE_US);
        assert_int_equal(entries("synchronisation left out"), 1);
}

static void what_a_person_asks_for_waits_for_no_window(void **state)
{
        (void)state;
        fake_world_with_preview();
        set_schedule("");
        for (int i = 0; i < 2; i++) {
                int job;

                json_decref(host_window(i ? "00:00-12:00" : "12:00-00:00"));
                job = fake_sync("mdg");
                fake_run();
                assert_job(job, "done");
        }
}

static void a_window_that_cannot_be_is_refused(void **state)
{
        json_t *shown;

        (void)state;
        fake_world_with_preview();
        assert_int_equal(fake_ask("POST", "/v1/hosts/{host}/window", "alpha",
                                 json_pack("{s:s}", "window", "night"), NULL, &shown),
                -EINVAL);
        assert_int_equal(fake_ask("POST", "/v1/hosts/{host}/window", "alpha",
                                 json_pack("{s:s, s:s}", "window", "22:00-06:00", "zone", "Mars"),
                                 NULL, &shown),
                -EINVAL);
        assert_int_equal(
                fake_ask("GET", "/v1/hosts/{host}/window", "alpha", NULL, NULL, &shown), 0);
        assert_string_equal(json_string_value(json_object_get(shown, "window")), "");
        json_decref(shown);
}

// ---- iCalendar

static icalcomponent *exported(void)
{
        icalcomponent *calendar;
        json_t *shown;

        assert_int_equal(fake_ask("GET", "/v1/calendar.ics", NULL, NULL, NULL, &shown), 0);
        calendar = icalparser_parse_string(json_string_value(shown));
        json_decref(shown);
        assert_non_null(calendar);
        assert_int_equal(icalcomponent_count_errors(calendar), 0);
        return calendar;
}

// The one event of a UID; borrowed.
static icalcomponent *event_of(icalcomponent *calendar, const char *uid)
{
        icalcomponent *found = NULL, *event;

        for (event = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT); event;
                event = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
                if (!text_equal(icalcomponent_get_uid(event), uid))
                        continue;
                assert_null(found);
                found = event;
        }
        if (!found)
                fail_msg("no event %s", uid);
        return found;
}

static void assert_attempt_event(icalproperty_status status, int sequence)
{
        icalcomponent *calendar = exported();
        icalcomponent *event = event_of(calendar, "attempt-1@understudy");

        assert_int_equal(icalcomponent_get_status(event), status);
        assert_int_equal(icalcomponent_get_sequence(event), sequence);
        icalcomponent_free(calendar);
}

// A moment of an event as whoever reads the file has it: by the zone that is in the file.
static time_t seconds_of(icalcomponent *event, icalproperty_kind kind, struct icaltimetype at)
{
        icalproperty *property = icalcomponent_get_first_property(event, kind);
        icalparameter *zone = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);

        assert_non_null(zone);
        assert_non_null(strstr(icalparameter_get_tzid(zone), "Europe/Brussels"));
        assert_non_null(icalcomponent_get_timezone(
                icalcomponent_get_parent(event), icalparameter_get_tzid(zone)));
        return icaltime_as_timet_with_zone(at, at.zone);
}

static void an_attempt_is_one_event_in_its_series_time_zone(void **state)
{
        icalcomponent *calendar, *event;

        (void)state;
        fake_world_with_preview();
        ask("/v1/series/{series}/schedule", json_pack("{s:s}", "zone", "Europe/Brussels"));
        announce_attempt(INT64_C(4086194400) * US_PER_SECOND, 7200); // 2099-06-26 20:00 there
        calendar = exported();
        event = event_of(calendar, "attempt-1@understudy");
        assert_true(seconds_of(event, ICAL_DTSTART_PROPERTY, icalcomponent_get_dtstart(event)) ==
                    4086194400);
        assert_true(seconds_of(event, ICAL_DTEND_PROPERTY, icalcomponent_get_dtend(event)) ==
                    4086194400 + 7200);
        icalcomponent_free(calendar);
}

static void each_change_of_an_attempt_raises_its_sequence(void **state)
{
        (void)state;
        fake_world_with_preview();
        set_schedule("");
        ask("/v1/series/{series}/attempt", json_pack("{s:s, s:i, s:s}", "at", "2099-12-31T18:00Z",
                                                   "lapse_seconds", 3600, "anyway", "a test"));
        assert_attempt_event(ICAL_STATUS_TENTATIVE, 0);
        ask("/v1/series/{series}/attempt/announce", NULL);
        assert_attempt_event(ICAL_STATUS_CONFIRMED, 1);
        ask("/v1/series/{series}/attempt/move", json_pack("{s:s}", "at", "2099-12-31T19:00Z"));
        assert_attempt_event(ICAL_STATUS_CONFIRMED, 2);
        assert_true(fake_job("POST", "/v1/series/{series}/attempt/open", "mdg", NULL) > 0);
        fake_run();
        assert_attempt_event(ICAL_STATUS_CONFIRMED, 4); // it began, and is open
        ask("/v1/series/{series}/attempt/extend", json_pack("{s:i}", "by_seconds", 600));
        assert_attempt_event(ICAL_STATUS_CONFIRMED, 5);
        ask("/v1/series/{series}/attempt/accept", NULL);
        assert_attempt_event(ICAL_STATUS_CONFIRMED, 6);
}

static void its_text_says_what_the_end_brings_by_the_rule(void **state)
{
        icalcomponent *calendar;
        const char *text;

        (void)state;
        fake_world_with_preview();
        set_schedule("");
        ask("/v1/series/{series}/settings", json_pack("{s:s}", "outcome-rule", "all-agree"));
        announce_attempt(clock_now_us() + DAY_US, 3600);
        calendar = exported();
        text = icalcomponent_get_description(event_of(calendar, "attempt-1@understudy"));
        assert_non_null(strstr(text, "accept if all voters say that it works, else cancel"));
        icalcomponent_free(calendar);
}

static void one_that_is_withdrawn_stays_as_canceled(void **state)
{
        (void)state;
        fake_world_with_preview();
        set_schedule("");
        announce_attempt(clock_now_us() + DAY_US, 3600);
        ask("/v1/series/{series}/attempt/withdraw", NULL);
        assert_attempt_event(ICAL_STATUS_CANCELLED, 2);
}

// An attempt in Brussels as written: when it ends.
static void assert_end(const char *at, int lapse_seconds, const char *expected)
{
        icalcomponent *calendar;
        icalproperty *end;

        ask("/v1/series/{series}/attempt", json_pack("{s:s, s:i, s:s}", "at", at, "lapse_seconds",
                                                   lapse_seconds, "anyway", "a test"));
        calendar = exported();
        for (icalcomponent *event =
                        icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT);
                event; event = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
                end = icalcomponent_get_first_property(event, ICAL_DTEND_PROPERTY);
                if (end && icalcomponent_get_status(event) == ICAL_STATUS_TENTATIVE)
                        assert_string_equal(icalproperty_get_value_as_string(end), expected);
        }
        icalcomponent_free(calendar);
        ask("/v1/series/{series}/attempt/withdraw", NULL);
}

static void a_lapse_over_midnight_is_as_long_as_agreed_whatever_the_clocks_do(void **state)
{
        (void)state;
        fake_world_with_preview();
        ask("/v1/series/{series}/schedule", json_pack("{s:s}", "zone", "Europe/Brussels"));
        assert_end("2099-06-01T23:30", 3 * 3600, "20990602T023000");
        assert_end("2099-02-28T23:30", 3600, "20990301T003000");
        assert_end("2096-02-28T23:30", 3600, "20960229T003000");
        assert_end("2099-03-28T23:30", 3 * 3600, "20990329T033000");  // the clocks skip an hour
        assert_end("2099-10-24T23:30", 3 * 3600, "20991025T023000");  // it comes twice: the first
        assert_end("2099-10-24T23:30", 4 * 3600, "20991025T013000Z"); // the second
}

static void windows_are_events_that_recur_every_day(void **state)
{
        icalcomponent *calendar, *event;

        (void)state;
        fake_world_with_preview();
        set_schedule("22:00-06:00");
        json_decref(host_window("21:30-04:00"));
        calendar = exported();
        event = event_of(calendar, "window-mdg@understudy");
        assert_int_equal(icalcomponent_get_dtstart(event).hour, 22);
        assert_int_equal(icaldurationtype_as_int(icalcomponent_get_duration(event)), 8 * 3600);
        event = event_of(calendar, "host-alpha@understudy");
        assert_int_equal(icalcomponent_get_dtstart(event).hour, 21);
        assert_int_equal(icaldurationtype_as_int(icalcomponent_get_duration(event)), 6.5 * 3600);
        icalcomponent_free(calendar);
        set_schedule("");
        json_decref(host_window(""));
        calendar = exported();
        assert_int_equal(icalcomponent_count_components(calendar, ICAL_VEVENT_COMPONENT), 1);
        icalcomponent_free(calendar);
}

static void the_calendar_lists_attempts_that_have_not_ended(void **state)
{
        json_t *shown;

        (void)state;
        fake_world_with_preview();
        set_schedule("");
        announce_attempt(clock_now_us() + DAY_US, 3600);
        for (size_t i = 0; i < 2; i++) {
                json_t *one;
                size_t k, found = 0;

                assert_int_equal(fake_ask("GET", "/v1/calendar", NULL, NULL, NULL, &shown), 0);
                json_array_foreach (shown, k, one)
                        found += text_equal(json_string_value(json_object_get(one, "what")),
                                "upgrade attempt, announced");
                assert_int_equal(found, i == 0);
                json_decref(shown);
                if (i == 0)
                        ask("/v1/series/{series}/attempt/withdraw", NULL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(each_night_has_its_synchronisation),
                FAKE_TEST(a_moment_is_used_once_also_when_the_clock_is_put_back),
                FAKE_TEST(of_several_missed_nights_the_last_one_is_made_up_for),
                FAKE_TEST(a_missed_night_is_left_out_when_its_window_has_closed),
                FAKE_TEST(a_run_is_left_out_while_the_last_one_is_under_way),
                FAKE_TEST(a_run_whose_host_is_away_is_canceled_when_it_is_too_late),
                FAKE_TEST(a_series_without_a_preview_says_so_and_writes_no_history),
                FAKE_TEST(a_paused_schedule_runs_nothing_and_catches_up_on_nothing),
                FAKE_TEST(a_crash_between_due_and_commit_runs_it_once),
                FAKE_TEST(series_without_a_schedule_get_one_at_a_minute_of_their_own),
                FAKE_TEST(the_loop_wakes_up_when_one_is_due),
                FAKE_TEST(what_cannot_be_is_refused_and_changes_nothing),
                FAKE_TEST(the_calendar_lists_all_runs_and_exports_them),
                FAKE_TEST(shortly_before_an_attempt_a_run_is_left_out_and_nobody_is_alarmed),
                FAKE_TEST(how_long_before_an_attempt_is_as_the_series_is_set),
                FAKE_TEST(unless_it_is_set_it_is_twice_what_a_synchronisation_takes),
                FAKE_TEST(while_an_attempt_is_open_runs_are_left_out),
                FAKE_TEST(a_run_that_has_not_begun_makes_room_for_an_attempt),
                FAKE_TEST(a_run_waits_until_its_hosts_window_is_open_too),
                FAKE_TEST(windows_that_do_not_meet_leave_a_run_out_and_say_so),
                FAKE_TEST(a_run_that_waits_is_looked_at_anew_when_the_window_changes),
                FAKE_TEST(what_waits_is_dropped_when_the_schedule_is_paused),
                FAKE_TEST(a_run_that_waits_outlives_a_clock_that_is_put_back_and_not_one_put_ahead),
                FAKE_TEST(a_moved_run_is_canceled_when_a_window_closes),
                FAKE_TEST(what_a_person_asks_for_waits_for_no_window),
                FAKE_TEST(a_window_that_cannot_be_is_refused),
                FAKE_TEST(an_attempt_is_one_event_in_its_series_time_zone),
                FAKE_TEST(each_change_of_an_attempt_raises_its_sequence),
                FAKE_TEST(its_text_says_what_the_end_brings_by_the_rule),
                FAKE_TEST(one_that_is_withdrawn_stays_as_canceled),
                FAKE_TEST(a_lapse_over_midnight_is_as_long_as_agreed_whatever_the_clocks_do),
                FAKE_TEST(windows_are_events_that_recur_every_day),
                FAKE_TEST(the_calendar_lists_attempts_that_have_not_ended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
