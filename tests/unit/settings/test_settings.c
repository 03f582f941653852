#include "../test.h"

#include "settings/settings.h"

static SeriesSettings with(const char *delta, const char *full_nights)
{
        SeriesSettings settings = {0};

        option_defaults(series_settings, &settings);
        assert_int_equal(option_set(series_setting_find("delta"), &settings, delta, NULL), 0);
        assert_int_equal(
                option_set(series_setting_find("full-nights"), &settings, full_nights, NULL), 0);
        return settings;
}

static void assert_no_delta(
        const char *delta, const char *nights, bool nightly, int weekday, const char *why)
{
        SeriesSettings settings _cleanup_settings_ = with(delta, nights);
        _cleanup_free_ char *said = series_settings_no_delta(&settings, nightly, weekday);

        if (!why)
                assert_null(said);
        else
                assert_non_null(strstr(said, why));
}

static void each_setting_has_a_default_that_its_row_takes(void **state)
{
        (void)state;
        for (const Option *option = series_settings; option->name; option++) {
                _cleanup_free_ char *text = NULL;

                assert_int_equal(
                        series_setting_check(option->name, option->fallback, &text, NULL), 0);
                assert_string_equal(text, option->fallback);
                assert_true(strlen(option->help) <= 70);
        }
}

static void an_unknown_setting_is_refused_with_all_that_there_are(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        char *text = NULL;

        (void)state;
        assert_int_equal(series_setting_check("quik", "yes", &text, &error), -EINVAL);
        assert_string_equal(error.code, "setting");
        for (const Option *option = series_settings; option->name; option++)
                assert_non_null(strstr(error.why, option->name));
        assert_non_null(error.next);
}

static void a_bad_value_is_refused_with_what_would_do(void **state)
{
        static const char *const bad[][2] = {{"quick", "maybe"}, {"native", "yes"},
                {"delta", "never"}, {"full-nights", "sun someday"}, {"full-nights", ""},
                {"compare-interval", "often"}, {"myisam", "go"}, {"clearance", "long"}};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                _cleanup_error_ Error error = ERROR_EMPTY;
                char *text = NULL;

                assert_int_equal(
                        series_setting_check(bad[i][0], bad[i][1], &text, &error), -EINVAL);
                assert_non_null(strstr(error.why, "it takes: "));
                assert_non_null(error.next);
        }
}

static void a_delta_is_allowed_as_the_series_says(void **state)
{
        (void)state;
        assert_no_delta("on-demand", "sun", false, 0, NULL);
        assert_no_delta("on-demand", "none", true, 3, "delta=on-demand, and this is a nightly run");
        assert_no_delta("off", "none", false, 3, "delta=off");
        assert_no_delta("always", "sun", true, 3, NULL);
        assert_no_delta("always", "sun wed", true, 3, "full-nights=sun wed");
        assert_no_delta("always", "all", true, 5, "full-nights=all");
        assert_no_delta("always", "none", true, 0, NULL);
        assert_no_delta("always", "all", false, 5, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_setting_has_a_default_that_its_row_takes),
                cmocka_unit_test(an_unknown_setting_is_refused_with_all_that_there_are),
                cmocka_unit_test(a_bad_value_is_refused_with_what_would_do),
                cmocka_unit_test(a_delta_is_allowed_as_the_series_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
