#include "../test.h"
#include "base/text.h"
#include "site/lines.h"

static int collect(void *userdata, const char *line, size_t length)
{
        assert_int_equal(strlen(line) <= length, 1);
        text_list_add(userdata, line);
        return strcmp(line, "stop") == 0 ? -EPIPE : 0;
}

static void bytes_become_lines_wherever_they_are_cut(void **state)
{
        const char *text = "one\r\n\ntwo\nthree";

        (void)state;
        for (size_t cut = 0; cut <= strlen(text); cut++) {
                LineBuffer lines = {0};
                TextList list _cleanup_text_list_ = {0};

                assert_int_equal(lines_feed(&lines, text, cut, 100, collect, &list), 0);
                assert_int_equal(
                        lines_feed(&lines, text + cut, strlen(text) - cut, 100, collect, &list), 0);
                assert_int_equal(list.count, 3);
                assert_int_equal(lines_end(&lines, collect, &list), 0);
                assert_string_equal(list.items[0], "one");
                assert_string_equal(list.items[1], "");
                assert_string_equal(list.items[2], "two");
                assert_string_equal(list.items[3], "three");
                lines_clear(&lines);
        }
}

static void a_line_over_the_limit_is_cut_and_the_next_one_whole(void **state)
{
        LineBuffer lines = {0};
        TextList list _cleanup_text_list_ = {0};

        (void)state;
        for (int i = 0; i < 100; i++)
                assert_int_equal(lines_feed(&lines, "abcdefgh", 8, 10, collect, &list), 0);
        assert_true(lines.room < 1000);
        assert_int_equal(lines_feed(&lines, "\nnext\n", 6, 10, collect, &list), 0);
        assert_int_equal(list.count, 2);
        assert_string_equal(list.items[0], "abcdefghab");
        assert_string_equal(list.items[1], "next");
        lines_clear(&lines);
}

static void a_sink_can_stop_it(void **state)
{
        LineBuffer lines = {0};
        TextList list _cleanup_text_list_ = {0};

        (void)state;
        assert_int_equal(lines_feed(&lines, "a\nstop\nb\n", 9, 10, collect, &list), -EPIPE);
        assert_int_equal(list.count, 2);
        lines_clear(&lines);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_become_lines_wherever_they_are_cut),
                cmocka_unit_test(a_line_over_the_limit_is_cut_and_the_next_one_whole),
                cmocka_unit_test(a_sink_can_stop_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
