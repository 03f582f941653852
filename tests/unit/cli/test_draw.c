// Texts, tables, bars and drawings, written to memory.
#include <locale.h>

#include "base/text.h"
#include "cli/bar.h"
#include "cli/draw.h"
#include "cli/human.h"
#include "cli/table.h"
#include "test.h"

typedef struct Paper {
        Screen screen;
        char *text;
        size_t size;
} Paper;

static Paper *paper_new(bool live)
{
        Paper *paper = memory_new(sizeof(*paper));

        paper->screen = (Screen){.out = open_memstream(&paper->text, &paper->size),
                .live = live,
                .width = SCREEN_WIDTH,
                .rows = 24};
        return paper;
}

static const char *paper_text(Paper *paper)
{
        fflush(paper->screen.out);
        return paper->text;
}

static void paper_free(Paper *paper)
{
        fclose(paper->screen.out);
        free(paper->text);
        free(paper);
}
DEFINE_CLEANUP(Paper *, paper_free)
#define _cleanup_paper_ _cleanup_(paper_freep)

static void assert_safe(const char *text, const char *expected)
{
        _cleanup_free_ char *safe = screen_safe(text);

        assert_string_equal(safe, expected);
}

static void nothing_that_steers_a_terminal_comes_through(void **state)
{
        (void)state;
        assert_safe("plain, Müller, 日本", "plain, Müller, 日本");
        assert_safe("\033[2J\a\b\r\n\t\x7f", "\\x1b[2J\\x07\\x08\\x0d\\n\\t\\x7f");
        assert_safe("\xc2\x9b"
                    "31m",
                "\\x9b31m");
        assert_safe("\xe2\x80\xae"
                    "txt.exe",
                "\\u202etxt.exe");
        assert_safe("\xff\xc3(", "\\xff\\xc3(");
        assert_safe("cut \xe6\x97", "cut \\xe6\\x97");
}

static void values_are_said_as_people_say_them(void **state)
{
        (void)state;
        assert_string_equal(human_duration(0.0131), "13 ms");
        assert_string_equal(human_duration(0.84), "0.8 s");
        assert_string_equal(human_duration(9.96), "10 s");
        assert_string_equal(human_duration(59.6), "1 min 00 s");
        assert_string_equal(human_duration(3700), "1 h 01 min");
        assert_string_equal(human_duration(30 * 86400), "30 d");
        assert_string_equal(human_duration(90000), "1 d 1 h");
        assert_string_equal(human_count(0), "0");
        assert_string_equal(human_count(999), "999");
        assert_string_equal(human_count(1234567), "1,234,567");
        assert_string_equal(human_quantity(1, "object"), "1 object");
        assert_string_equal(human_quantity(2000, "object"), "2,000 objects");
}

static void a_table_breaks_its_widest_cells_to_fit(void **state)
{
        _cleanup_paper_ Paper *paper = paper_new(false);
        _cleanup_table_ Table table = {
                .columns = 3, .heads = {"A", "B", "N"}, .right = {false, false, true}};
        _cleanup_free_ char *path = memory_new(151);

        (void)state;
        memset(path, 'p', 150);
        table_add(&table, "short");
        table_add(&table, path);
        table_add(&table, "7");
        table_add(&table, NULL);
        table_add(&table, "words that are broken where there is a blank, not within a word, if "
                          "that can be");
        table_add(&table, "1,000");
        table_write(&table, &paper->screen, 2);
        for (const char *line = paper_text(paper); *line; line = strchr(line, '\n') + 1)
                assert_in_range(strchr(line, '\n') - line, 1, 80);
        assert_non_null(strstr(paper->text, "  A      B  "));
        assert_non_null(strstr(paper->text, "  -      words that"));
        assert_null(strstr(paper->text, "wit\n"));
}

static void a_rate_is_that_of_the_last_seconds(void **state)
{
        Rate rate = {0};

        (void)state;
        assert_true(rate_seconds_left(&rate, 100) < 0);
        rate_add(&rate, 10, 0);
        assert_true(rate_per_second(&rate) == 0);
        for (int i = 1; i <= 100; i++)
                rate_add(&rate, 10 + i * 0.25, i); // 4 a second
        assert_in_range((int)(rate_per_second(&rate) * 100 + 0.5), 399, 401);
        assert_in_range((int)rate_seconds_left(&rate, 300), 49, 51);
        for (int i = 1; i <= 100; i++)
                rate_add(&rate, 35 + i * 0.25, 100 + i * 4); // 16 a second
        assert_in_range((int)(rate_per_second(&rate) + 0.5), 16, 16);
        rate_add(&rate, 70, 0); // begun again
        assert_true(rate_per_second(&rate) == 0);
}

static void assert_bar(const char *progress, size_t width, const char *expected)
{
        json_t *value = json_loads(progress, 0, NULL);
        const Rate rate = {0};
        _cleanup_free_ char *text = bar_text(value, &rate, false, width);

        assert_string_equal(text, expected);
        json_decref(value);
}

static void a_bar_says_what_is_known_and_no_more(void **state)
{
        (void)state;
        assert_bar("{}", 70, "");
        assert_bar("{\"unit\":\"files\",\"done\":12}", 70, "12 files");
        assert_bar("{\"unit\":\"bytes\",\"done\":500000,\"total\":1000000}", 70,
                "##########..........   50 %  500 kB of 1.0 MB");
        assert_bar("{\"unit\":\"files\",\"done\":9,\"total\":3}", 70,
                "####################  100 %  9 of 3 files");
        assert_bar("{\"unit\":\"none\",\"note\":\"a\\u001b very long note\"}", 12, "a\\x1b very");
}

#define TASKS 40

static void event(Drawing *drawing, int task, const char *state)
{
        _cleanup_free_ char *label = text_format("step%d", task);
        json_t *value = json_pack("{s:s, s:f, s:{s:s, s:s, s:s}}", "type", "task", "at", 5.0,
                "task", "label", label, "title", "Does something", "state", state);

        drawing_event(drawing, value);
        json_decref(value);
}

// The cursor never goes up further than the lines a terminal still shows.
static void more_steps_than_rows_are_drawn_within_the_terminal(void **state)
{
        _cleanup_paper_ Paper *paper = paper_new(true);
        json_t *job = json_pack("{s:[]}", "tasks");
        Drawing *drawing = drawing_new(&paper->screen, job);
        const char *up;
        double now = 100;

        (void)state;
        for (int i = 0; i < TASKS; i++)
                event(drawing, i, "pending");
        for (int i = 0; i < TASKS; i++) {
                event(drawing, i, "running");
                drawing_turn(drawing, now++);
                event(drawing, i, "done");
                drawing_turn(drawing, now++);
        }
        drawing_say(drawing, now, "The end.");
        up = paper_text(paper);
        while ((up = strstr(up, "\033["))) {
                char *end;
                unsigned long lines = strtoul(up += 2, &end, 10);

                if (*end == 'A')
                        assert_in_range(lines, 1, 23);
        }
        for (int i = 0; i < TASKS; i++) {
                _cleanup_free_ char *line = text_format("+ step%d ", i);

                assert_non_null(strstr(paper->text, line));
        }
        assert_non_null(strstr(paper->text, "... and 18 more"));
        assert_true(text_ends(paper->text, "The end.\n"));
        drawing_free(drawing);
        json_decref(job);
}

static void a_step_taken_back_is_drawn_again(void **state)
{
        _cleanup_paper_ Paper *paper = paper_new(true);
        json_t *job = json_pack("{s:[]}", "tasks");
        Drawing *drawing = drawing_new(&paper->screen, job);

        (void)state;
        event(drawing, 1, "done");
        drawing_turn(drawing, 100);
        event(drawing, 1, "undoing");
        drawing_turn(drawing, 101);
        event(drawing, 1, "undone");
        drawing_turn(drawing, 102);
        assert_non_null(strstr(paper_text(paper), "+ step1"));
        assert_non_null(strstr(paper->text, "< step1"));
        assert_non_null(strstr(paper->text, "u step1"));
        drawing_free(drawing);
        json_decref(job);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_that_steers_a_terminal_comes_through),
                cmocka_unit_test(values_are_said_as_people_say_them),
                cmocka_unit_test(a_table_breaks_its_widest_cells_to_fit),
                cmocka_unit_test(a_rate_is_that_of_the_last_seconds),
                cmocka_unit_test(a_bar_says_what_is_known_and_no_more),
                cmocka_unit_test(more_steps_than_rows_are_drawn_within_the_terminal),
                cmocka_unit_test(a_step_taken_back_is_drawn_again),
        };

        setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
