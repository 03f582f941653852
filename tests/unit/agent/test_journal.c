// The list of accepted tasks: durable with commit, gone without.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/journal.h"
#include "base/text.h"

typedef struct Place {
        char *directory, *path;
        Journal *journal;
} Place;

static Journal *open_journal(const Place *place)
{
        Journal *journal = NULL;

        assert_int_equal(journal_open(place->path, &journal, NULL), 0);
        return journal;
}

static int enter(void **state)
{
        char template[] = "/tmp/understudy-journal-XXXXXX";
        Place *place = memory_new(sizeof(*place));

        assert_non_null(mkdtemp(template));
        place->directory = text_copy(template);
        place->path = text_format("%s/journal.db", template);
        place->journal = open_journal(place);
        *state = place;
        return 0;
}

static int leave(void **state)
{
        Place *place = *state;

        journal_close(place->journal);
        unlink(place->path);
        assert_int_equal(rmdir(place->directory), 0);
        free(place->directory);
        free(place->path);
        free(place);
        return 0;
}

static int see_task(void *userdata, const char *id, const uint8_t *packed, size_t size,
        bool canceled, Error *error)
{
        char **text = userdata;
        char *longer = text_format(
                "%s%s=%.*s%s;", *text, id, (int)size, (const char *)packed, canceled ? "!" : "");

        (void)error;
        free(*text);
        *text = longer;
        return 0;
}

static void assert_tasks(Journal *journal, const char *expected)
{
        char *text = text_copy("");

        assert_int_equal(journal_each(journal, see_task, &text, NULL), 0);
        assert_string_equal(text, expected);
        free(text);
}

static void add(Journal *journal, const char *id, const char *packed)
{
        assert_int_equal(
                journal_add(journal, id, (const uint8_t *)packed, strlen(packed), NULL), 0);
}

static void reopen(Place *place)
{
        journal_close(place->journal);
        place->journal = open_journal(place);
}

static void what_was_committed_is_there_in_the_order_it_came(void **state)
{
        Place *place = *state;

        add(place->journal, "2.b.1", "two");
        add(place->journal, "1.a.1", "one");
        assert_int_equal(journal_cancel(place->journal, "1.a.1", NULL), 0);
        assert_int_equal(journal_commit(place->journal, NULL), 0);
        reopen(place);
        assert_tasks(place->journal, "2.b.1=two;1.a.1=one!;");
}

static void what_was_not_committed_is_gone(void **state)
{
        Place *place = *state;

        add(place->journal, "1.a.1", "one");
        assert_int_equal(journal_commit(place->journal, NULL), 0);
        add(place->journal, "2.b.1", "two");
        assert_int_equal(journal_forget(place->journal, "1.a.1", NULL), 0);
        reopen(place);
        assert_tasks(place->journal, "1.a.1=one;");
}

static void a_failed_change_takes_the_whole_turn_back(void **state)
{
        Place *place = *state;
        _cleanup_error_ Error error = ERROR_EMPTY;

        add(place->journal, "1.a.1", "one");
        assert_true(journal_add(place->journal, "1.a.1", (const uint8_t *)"x", 1, &error) < 0);
        assert_string_equal(error.code, "database");
        assert_int_equal(journal_commit(place->journal, NULL), 0);
        assert_tasks(place->journal, "");
        add(place->journal, "2.b.1", "two");
        assert_int_equal(journal_commit(place->journal, NULL), 0);
        assert_tasks(place->journal, "2.b.1=two;");
}

static void forgotten_tasks_are_gone_and_unknown_ones_no_matter(void **state)
{
        Place *place = *state;

        add(place->journal, "1.a.1", "one");
        assert_int_equal(journal_forget(place->journal, "1.a.1", NULL), 0);
        assert_int_equal(journal_forget(place->journal, "9.z.1", NULL), 0);
        assert_int_equal(journal_commit(place->journal, NULL), 0);
        reopen(place);
        assert_tasks(place->journal, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_was_committed_is_there_in_the_order_it_came),
                TEST(what_was_not_committed_is_gone),
                TEST(a_failed_change_takes_the_whole_turn_back),
                TEST(forgotten_tasks_are_gone_and_unknown_ones_no_matter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
