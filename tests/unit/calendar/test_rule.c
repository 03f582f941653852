#include "calendar/rule.h"

#include "base/clock.h"
#include "calendar/window.h"
#include "test.h"

// The same by the C library: seconds since the epoch of a local time that the zone's clocks show.
static int64_t at(const char *zone, int year, int month, int day, int hour, int minute)
{
        icaltimezone *found = NULL;
        struct icaltimetype local = icaltime_null_time();

        assert_int_equal(rule_zone(zone, &found, NULL), 0);
        local.year = year;
        local.month = month;
        local.day = day;
        local.hour = hour;
        local.minute = minute;
        return rule_to_us(found, local);
}

static void assert_next(
        const char *rule_text, const char *zone, int64_t after_us, const char *local)
{
        _cleanup_rule_ Rule rule = {0};
        _cleanup_free_ char *text = NULL;
        int64_t next_us;

        assert_int_equal(rule_parse(rule_text, zone, at("UTC", 2026, 1, 1, 0, 0), &rule, NULL), 0);
        next_us = rule_next(&rule, after_us);
        assert_true(next_us > after_us);
        text = rule_local_text(rule.zone, next_us);
        assert_string_equal(text, local);
}

static void a_moment_and_its_local_time_agree_with_the_system_in_three_zones(void **state)
{
        static const char *const zones[] = {"Europe/Brussels", "America/New_York", "Asia/Kolkata",
                "Australia/Lord_Howe", "UTC"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(zones); i++) {
                icaltimezone *zone;

                assert_int_equal(rule_zone(zones[i], &zone, NULL), 0);
                setenv("TZ", zones[i], 1);
                tzset();
                // Every 5 h 43 min of 2024 to 2028, so that each hour of the day is met.
                for (time_t t = 1704067200; t < 1830297600; t += 20580) {
                        struct icaltimetype local = rule_to_local(zone, t * US_PER_SECOND);
                        struct tm parts;

                        localtime_r(&t, &parts);
                        assert_int_equal(local.hour, parts.tm_hour);
                        assert_int_equal(local.minute, parts.tm_min);
                        assert_int_equal(local.day, parts.tm_mday);
                }
        }
        unsetenv("TZ");
        tzset();
}

static void a_time_that_the_clocks_skip_is_taken_an_hour_later(void **state)
{
        static const char rule[] = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30";

        (void)state;
        assert_next(rule, "Europe/Brussels", at("UTC", 2027, 3, 27, 12, 0), "Sun 2027-03-28 03:30");
        assert_next(rule, "Europe/Brussels", at("UTC", 2027, 3, 28, 12, 0), "Mon 2027-03-29 02:30");
        assert_next(
                rule, "America/New_York", at("UTC", 2027, 3, 13, 18, 0), "Sun 2027-03-14 03:30");
        // Half an hour only.
        assert_next("FREQ=DAILY;BYHOUR=2;BYMINUTE=10", "Australia/Lord_Howe",
                at("UTC", 2026, 10, 3, 0, 0), "Sun 2026-10-04 02:40");
}

static void a_time_that_comes_twice_counts_once_the_first_time(void **state)
{
        int64_t first_us = at("UTC", 2026, 10, 25, 0, 30); // 02:30 summer time in Brussels
        _cleanup_rule_ Rule rule = {0};

        (void)state;
        assert_int_equal(rule_parse("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Brussels",
                                 at("UTC", 2026, 1, 1, 0, 0), &rule, NULL),
                0);
        assert_int_equal(rule_next(&rule, first_us - 1), first_us);
        assert_int_equal(rule_next(&rule, first_us), at("UTC", 2026, 10, 26, 1, 30));
}

// From one run to the next and from that to the one after it, in minutes: also where the clocks
// change by half an hour, or never.
static void around_a_change_of_clocks_each_night_has_its_run_in_each_zone(void **state)
{
        static const struct {
                const char *zone, *rule;
                int year, month, day; // noon, UTC, before the first one
                int minutes[2];
        } nights[] = {
                {"Europe/Brussels", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", 2027, 3, 26, {1440, 1380}},
                {"Europe/Brussels", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", 2026, 10, 23, {1440, 1500}},
                {"America/New_York", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", 2027, 3, 12, {1440, 1380}},
                {"America/New_York", "FREQ=DAILY;BYHOUR=1;BYMINUTE=30", 2026, 10, 30, {1440, 1500}},
                {"Australia/Lord_Howe", "FREQ=DAILY;BYHOUR=2;BYMINUTE=10", 2026, 10, 2,
                        {1440, 1410}},
                {"Australia/Lord_Howe", "FREQ=DAILY;BYHOUR=1;BYMINUTE=45", 2027, 4, 2,
                        {1440, 1470}},
                {"Asia/Kolkata", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", 2027, 3, 26, {1440, 1440}},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(nights); i++) {
                _cleanup_rule_ Rule rule = {0};
                int64_t last_us;

                assert_int_equal(rule_parse(nights[i].rule, nights[i].zone,
                                         at("UTC", 2026, 1, 1, 0, 0), &rule, NULL),
                        0);
                last_us = rule_next(
                        &rule, at("UTC", nights[i].year, nights[i].month, nights[i].day, 12, 0));
                for (size_t k = 0; k < 2; k++) {
                        int64_t next_us = rule_next(&rule, last_us);

                        assert_int_equal(
                                (next_us - last_us) / US_PER_SECOND / 60, nights[i].minutes[k]);
                        last_us = next_us;
                }
        }
}

static void the_29th_of_february_is_met_every_fourth_year(void **state)
{
        (void)state;
        assert_next("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=0", "UTC",
                at("UTC", 2026, 6, 1, 0, 0), "Tue 2028-02-29 03:00");
        assert_next("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=3;BYMINUTE=0", "UTC",
                at("UTC", 2028, 2, 20, 0, 0), "Tue 2028-02-29 03:00");
}

static void an_interval_counts_from_the_start_however_far_that_is(void **state)
{
        (void)state;
        // Every third day from Thursday, 1 January 2026.
        assert_next("FREQ=DAILY;INTERVAL=3;BYHOUR=4;BYMINUTE=0", "UTC", at("UTC", 2026, 1, 8, 0, 0),
                "Sat 2026-01-10 04:00");
        // 100 times three days further, and a day.
        assert_next("FREQ=DAILY;INTERVAL=3;BYHOUR=4;BYMINUTE=0", "UTC",
                at("UTC", 2026, 11, 6, 0, 0), "Fri 2026-11-06 04:00");
}

static void a_rule_that_has_ended_or_never_holds_has_no_next(void **state)
{
        _cleanup_rule_ Rule ended = {0}, never = {0};
        int64_t start_us = at("UTC", 2026, 1, 1, 0, 0);

        (void)state;
        assert_int_equal(rule_parse("FREQ=DAILY;COUNT=3", "UTC", start_us, &ended, NULL), 0);
        assert_int_equal(rule_next(&ended, start_us + 3 * 86400 * US_PER_SECOND), 0);
        assert_int_equal(
                rule_parse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC", start_us, &never, NULL),
                0);
        assert_int_equal(rule_next(&never, start_us), 0);
}

static void assert_refused(const char *text, const char *zone, const char *code)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        Rule rule;

        assert_int_equal(rule_parse(text, zone, 0, &rule, &error), -EINVAL);
        assert_string_equal(error.code, code);
        assert_non_null(error.next);
}

static void what_is_no_rule_or_zone_or_too_often_is_refused(void **state)
{
        (void)state;
        assert_refused("", "UTC", "bad-rule");
        assert_refused("every night", "UTC", "bad-rule");
        assert_refused("FREQ=SOMETIMES", "UTC", "bad-rule");
        assert_refused("FREQ=MINUTELY", "UTC", "bad-rule");
        assert_refused("FREQ=DAILY;BYMINUTE=0,30", "UTC", "bad-rule");
        assert_refused("FREQ=DAILY", "Europe/Atlantis", "bad-zone");
        assert_refused("FREQ=DAILY", "../../etc/passwd", "bad-zone");
        assert_refused("FREQ=DAILY", "", "bad-zone");
}

static void a_window_goes_over_midnight_and_over_the_change_of_clocks(void **state)
{
        Window window;
        icaltimezone *zone;

        (void)state;
        assert_int_equal(rule_zone("Europe/Brussels", &zone, NULL), 0);
        assert_int_equal(window_parse("22:00-06:00", &window, NULL), 0);
        assert_true(window_holds(&window, zone, at("Europe/Brussels", 2026, 11, 26, 23, 0)));
        assert_true(window_holds(&window, zone, at("Europe/Brussels", 2026, 11, 27, 5, 59)));
        assert_false(window_holds(&window, zone, at("Europe/Brussels", 2026, 11, 27, 6, 0)));
        assert_int_equal(window_end(&window, zone, at("Europe/Brussels", 2027, 3, 27, 23, 0)),
                at("Europe/Brussels", 2027, 3, 28, 6, 0));
        assert_int_equal(window_end(&window, zone, at("Europe/Brussels", 2027, 3, 28, 1, 0)),
                at("Europe/Brussels", 2027, 3, 28, 6, 0));
        assert_int_equal(window_parse("25:00-06:00", &window, NULL), -EINVAL);
        assert_int_equal(window_parse("22:00 - 06:00", &window, NULL), -EINVAL);
        assert_int_equal(window_parse("22:00-22:00", &window, NULL), -EINVAL);
        assert_int_equal(window_parse("-1:00-06:00", &window, NULL), -EINVAL);
        assert_int_equal(window_parse("", &window, NULL), 0);
        assert_true(window_holds(&window, zone, 0));
        assert_true(window_end(&window, zone, 0) == INT64_MAX);
}

static int64_t opening(const char *zone_name, const char *text, int64_t at_us)
{
        Window window;
        icaltimezone *zone;

        assert_int_equal(rule_zone(zone_name, &zone, NULL), 0);
        assert_int_equal(window_parse(text, &window, NULL), 0);
        return window_opening(&window, zone, at_us);
}

static int64_t end(const char *zone_name, const char *text, int64_t at_us)
{
        Window window;
        icaltimezone *zone;

        assert_int_equal(rule_zone(zone_name, &zone, NULL), 0);
        assert_int_equal(window_parse(text, &window, NULL), 0);
        return window_end(&window, zone, at_us);
}

static void a_window_opens_and_closes_after_the_moment_that_is_asked_about(void **state)
{
        static const char *const zones[] = {
                "Europe/Brussels", "America/New_York", "Australia/Lord_Howe"};
        static const char *const windows[] = {"01:15-02:45", "02:15-02:45", "01:50-01:55",
                "22:00-02:30", "02:10-01:40", "23:59-00:00"};

        (void)state;
        // The days on which clocks change in these zones are the first or the last of a month.
        for (size_t i = 0; i < ELEMENTS(zones); i++)
                for (size_t k = 0; k < ELEMENTS(windows); k++)
                        for (int month = 3; month <= 11; month++)
                                for (int minutes = 0; minutes < 9 * 1440; minutes += 5) {
                                        int64_t at_us = at("UTC", 2026, month, 24, 0, 0) +
                                                        minutes * 2 * 60 * US_PER_SECOND;
                                        int64_t opens_us = opening(zones[i], windows[k], at_us);
                                        int64_t ends_us = end(zones[i], windows[k], at_us);

                                        assert_true(opens_us > at_us);
                                        assert_true(ends_us > at_us);
                                        assert_true(opens_us - at_us <= 90000 * US_PER_SECOND);
                                        assert_true(ends_us - at_us <= 90000 * US_PER_SECOND);
                                }
}

static void in_the_hour_that_comes_twice_a_window_ends_the_second_time_too(void **state)
{
        int64_t second_us = at("UTC", 2026, 10, 25, 1, 15); // 02:15, winter time, in Brussels

        (void)state;
        assert_int_equal(end("Europe/Brussels", "22:00-02:30", second_us - 3600 * US_PER_SECOND),
                at("UTC", 2026, 10, 25, 0, 30));
        assert_int_equal(
                end("Europe/Brussels", "22:00-02:30", second_us), at("UTC", 2026, 10, 25, 1, 30));
        assert_int_equal(opening("Europe/Brussels", "02:30-06:00", second_us),
                at("UTC", 2026, 10, 25, 1, 30));
}

static void a_window_that_would_open_in_the_hour_that_is_skipped_opens_an_hour_later(void **state)
{
        (void)state;
        assert_int_equal(
                opening("Europe/Brussels", "02:30-06:00", at("Europe/Brussels", 2027, 3, 28, 0, 0)),
                at("UTC", 2027, 3, 28, 1, 30));
}

static void a_window_goes_over_the_29th_of_february(void **state)
{
        (void)state;
        assert_int_equal(end("UTC", "22:00-06:00", at("UTC", 2028, 2, 28, 23, 0)),
                at("UTC", 2028, 2, 29, 6, 0));
        assert_int_equal(opening("UTC", "05:00-06:00", at("UTC", 2028, 2, 28, 12, 0)),
                at("UTC", 2028, 2, 29, 5, 0));
        assert_int_equal(opening("UTC", "05:00-06:00", at("UTC", 2028, 2, 29, 12, 0)),
                at("UTC", 2028, 3, 1, 5, 0));
        assert_int_equal(opening("UTC", "05:00-06:00", at("UTC", 2027, 2, 28, 12, 0)),
                at("UTC", 2027, 3, 1, 5, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_moment_and_its_local_time_agree_with_the_system_in_three_zones),
                cmocka_unit_test(a_time_that_the_clocks_skip_is_taken_an_hour_later),
                cmocka_unit_test(a_time_that_comes_twice_counts_once_the_first_time),
                cmocka_unit_test(around_a_change_of_clocks_each_night_has_its_run_in_each_zone),
                cmocka_unit_test(the_29th_of_february_is_met_every_fourth_year),
                cmocka_unit_test(an_interval_counts_from_the_start_however_far_that_is),
                cmocka_unit_test(a_rule_that_has_ended_or_never_holds_has_no_next),
                cmocka_unit_test(what_is_no_rule_or_zone_or_too_often_is_refused),
                cmocka_unit_test(a_window_goes_over_midnight_and_over_the_change_of_clocks),
                cmocka_unit_test(a_window_opens_and_closes_after_the_moment_that_is_asked_about),
                cmocka_unit_test(in_the_hour_that_comes_twice_a_window_ends_the_second_time_too),
                cmocka_unit_test(
                        a_window_that_would_open_in_the_hour_that_is_skipped_opens_an_hour_later),
                cmocka_unit_test(a_window_goes_over_the_29th_of_february),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
