#include "base/error.h"
#include "base/text.h"
#include "test.h"

static void escape_keeps_what_people_can_read(void **state)
{
        _cleanup_free_ char *text = text_escape("Müller & Söhne.pdf", strlen("Müller & Söhne.pdf"));

        (void)state;
        assert_string_equal(text, "Müller & Söhne.pdf");
}

static void escape_shows_what_a_terminal_must_not_get(void **state)
{
        static const char bytes[] = "a\nb\\\x1b[31m\xff\xc0\xaf\xed\xa0\x80";
        _cleanup_free_ char *text = text_escape(bytes, sizeof(bytes)); // with the NUL

        (void)state;
        assert_string_equal(text, "a\\nb\\\\\\033[31m\\377\\300\\257\\355\\240\\200\\000");
}

static void invalid_utf8_becomes_replacement_characters(void **state)
{
        _cleanup_free_ char *text = text_to_utf8("a\xff"
                                                 "b\xe2\x82",
                5);
        _cleanup_free_ char *euro = text_to_utf8("\xe2\x82\xac", 3);

        (void)state;
        assert_string_equal(text, "a\xef\xbf\xbd"
                                  "b\xef\xbf\xbd\xef\xbf\xbd");
        assert_string_equal(euro, "€");
}

static void sizes_read_like_the_system_tools(void **state)
{
        (void)state;
        assert_string_equal(text_bytes(0), "0 B");
        assert_string_equal(text_bytes(999), "999 B");
        assert_string_equal(text_bytes(1000), "1.0 kB");
        assert_string_equal(text_bytes(12345678), "12 MB");
        assert_string_equal(text_bytes(UINT64_MAX), "18 EB");
}

static void times_of_day_have_two_digits_each(void **state)
{
        static const char *const wrong[] = {
                "", "2", "2:30", "02:3", "02:60", "24:00", "-1:00", "02:30 ", " 02:30", "02-30"};
        int minutes = -1;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(wrong); i++)
                assert_int_equal(text_parse_time_of_day(wrong[i], &minutes), -EINVAL);
        assert_int_equal(minutes, -1);
        assert_int_equal(text_parse_time_of_day("00:00", &minutes), 0);
        assert_int_equal(minutes, 0);
        assert_int_equal(text_parse_time_of_day("23:59", &minutes), 0);
        assert_int_equal(minutes, 1439);
}

static void durations_have_units(void **state)
{
        static const struct {
                const char *text;
                int result;
                uint64_t seconds;
        } cases[] = {
                {"90", 0, 90},
                {"90s", 0, 90},
                {"15 min", 0, 900},
                {"26h", 0, 93600},
                {"30 d", 0, 2592000},
                {"2w", 0, 1209600},
                {"", -EINVAL, 0},
                {"d", -EINVAL, 0},
                {"-1d", -EINVAL, 0},
                {"1 day", -EINVAL, 0},
                {"1.5h", -EINVAL, 0},
                {"99999999999999999999", -ERANGE, 0},
                {"18446744073709551615w", -ERANGE, 0},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                uint64_t seconds = 0;

                assert_int_equal(text_parse_duration(cases[i].text, &seconds), cases[i].result);
                assert_int_equal(seconds, cases[i].seconds);
        }
}

static void an_error_says_what_where_why_and_what_next(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY, moved = ERROR_EMPTY;
        _cleanup_free_ char *line = NULL;

        (void)state;
        assert_int_equal(
                error_set(&error, -ENOENT, "no-site", "cannot open site '%s'", "anna"), -ENOENT);
        error_where(&error, "/srv/lino/anna");
        error_next(&error, "Type 'understudyctl series list'.");
        error_move(&moved, &error);
        assert_null(error.what);
        line = error_line(&moved);
        assert_string_equal(line,
                "cannot open site 'anna': /srv/lino/anna: No such file or directory. "
                "Type 'understudyctl series list'.");
        assert_string_equal(moved.code, "no-site");
}

static void a_missing_error_is_allowed(void **state)
{
        (void)state;
        assert_int_equal(error_set(NULL, -EIO, "x", "y"), -EIO);
        error_where(NULL, "x");
        error_next(NULL, "x");
        error_move(NULL, &(Error){0});
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(escape_keeps_what_people_can_read),
                cmocka_unit_test(escape_shows_what_a_terminal_must_not_get),
                cmocka_unit_test(invalid_utf8_becomes_replacement_characters),
                cmocka_unit_test(sizes_read_like_the_system_tools),
                cmocka_unit_test(times_of_day_have_two_digits_each),
                cmocka_unit_test(durations_have_units),
                cmocka_unit_test(an_error_says_what_where_why_and_what_next),
                cmocka_unit_test(a_missing_error_is_allowed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
