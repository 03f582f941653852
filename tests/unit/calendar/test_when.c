// Moments as people write them.
#include "calendar/when.h"

#include "base/clock.h"
#include "test.h"

static icaltimezone *zone_of(const char *name)
{
        icaltimezone *zone = NULL;

        assert_int_equal(rule_zone(name, &zone, NULL), 0);
        return zone;
}

// 2026-11-27 17:30 in Brussels, an hour ahead of UTC.
#define NOW_US (INT64_C(1795797000) * US_PER_SECOND)

static void assert_when(const char *text, const char *zone, int64_t now_us, const char *local)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        _cleanup_free_ char *found = NULL;
        int64_t at_us;

        if (when_parse(text, zone_of(zone), now_us, &at_us, &error) < 0)
                fail_msg("%s: %s", text, error.why);
        found = rule_local_text(zone_of(zone), at_us);
        assert_string_equal(found, local);
}

static void a_time_of_day_is_the_next_one(void **state)
{
        (void)state;
        assert_when("18:00", "Europe/Brussels", NOW_US, "Fri 2026-11-27 18:00");
        assert_when("17:00", "Europe/Brussels", NOW_US, "Sat 2026-11-28 17:00");
        assert_when("18:00", "America/New_York", NOW_US, "Fri 2026-11-27 18:00");
        assert_when("now", "Europe/Brussels", NOW_US, "Fri 2026-11-27 17:30");
}

static void a_date_is_the_zones_unless_it_says_another(void **state)
{
        (void)state;
        assert_when("2026-11-27T18:00", "Europe/Brussels", NOW_US, "Fri 2026-11-27 18:00");
        assert_when("2026-11-27T18:00Z", "Europe/Brussels", NOW_US, "Fri 2026-11-27 19:00");
        assert_when("2026-11-27T18:00:59", "Europe/Brussels", NOW_US, "Fri 2026-11-27 18:00");
        assert_when("2026-11-27T18:00-05:00", "Europe/Brussels", NOW_US, "Sat 2026-11-28 00:00");
        assert_when("2026-11-27T23:00+05:30", "Europe/Brussels", NOW_US, "Fri 2026-11-27 18:30");
        assert_when("2028-02-29T12:00", "Asia/Kolkata", NOW_US, "Tue 2028-02-29 12:00");
}

static void an_hour_that_the_clocks_skip_is_taken_an_hour_later(void **state)
{
        (void)state;
        assert_when("2027-03-28T02:30", "Europe/Brussels", NOW_US, "Sun 2027-03-28 03:30");
        assert_when("2027-03-14T02:30", "America/New_York", NOW_US, "Sun 2027-03-14 03:30");
}

static void what_is_no_moment_to_come_is_refused(void **state)
{
        static const char *const bad[] = {"", "soon", "25:00", "2026-11-27", "2027-02-29T10:00",
                "2026-11-27T24:30", "2026-11-27T18:00+99:00", "2026-11-27T18:00x",
                "2026-11-27T17:00", "2026-11-27T16:29Z"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                _cleanup_error_ Error error = ERROR_EMPTY;
                int64_t at_us;

                if (when_parse(bad[i], zone_of("Europe/Brussels"), NOW_US, &at_us, &error) !=
                        -EINVAL)
                        fail_msg("'%s' is taken", bad[i]);
                assert_string_equal(error.code, "bad-when");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_time_of_day_is_the_next_one),
                cmocka_unit_test(a_date_is_the_zones_unless_it_says_another),
                cmocka_unit_test(an_hour_that_the_clocks_skip_is_taken_an_hour_later),
                cmocka_unit_test(what_is_no_moment_to_come_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
