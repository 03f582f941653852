// The life of an upgrade attempt.
#include "scratch.h"

#include "base/clock.h"
#include "store/attempt.h"
#include "store/host.h"
#include "store/series.h"

#define EVENTS 9

// Every state against every event: "." is refused, else the first letter of the state that follows.
static const char *const followed[] = {
        // announced begins opened did-not-open extended accepted taken-back withdrawn moved
        [ATTEMPT_PLANNED] = "as.....wp",
        [ATTEMPT_ANNOUNCED] = ".s.f...wa",
        [ATTEMPT_SYNCHRONISING] = "..of.....",
        [ATTEMPT_OPEN] = "....oAc..",
        [ATTEMPT_ACCEPTED] = ".........",
        [ATTEMPT_CANCELED] = ".........",
        [ATTEMPT_WITHDRAWN] = ".........",
        [ATTEMPT_FAILED] = ".........",
};
static const char letters[] = {
        [ATTEMPT_PLANNED] = 'p',
        [ATTEMPT_ANNOUNCED] = 'a',
        [ATTEMPT_SYNCHRONISING] = 's',
        [ATTEMPT_OPEN] = 'o',
        [ATTEMPT_ACCEPTED] = 'A',
        [ATTEMPT_CANCELED] = 'c',
        [ATTEMPT_WITHDRAWN] = 'w',
        [ATTEMPT_FAILED] = 'f',
};

static void each_edge_leads_where_it_should_and_no_other_is_there(void **state)
{
        (void)state;
        for (int from = ATTEMPT_PLANNED; from <= ATTEMPT_FAILED; from++)
                for (int event = 0; event < EVENTS; event++) {
                        _cleanup_error_ Error error = ERROR_EMPTY;
                        AttemptState to = ATTEMPT_PLANNED;
                        int r = attempt_next((AttemptState)from, (AttemptEvent)event, &to, &error);

                        if (followed[from][event] == '.') {
                                assert_int_equal(r, -EPERM);
                                assert_string_equal(error.code, "attempt-state");
                        } else {
                                assert_int_equal(r, 0);
                                assert_int_equal(letters[to], followed[from][event]);
                        }
                }
}

static void a_refusal_says_what_it_is_and_what_can_be_asked_for(void **state)
{
        _cleanup_error_ Error error = ERROR_EMPTY;
        AttemptState to;

        (void)state;
        assert_int_equal(attempt_next(ATTEMPT_OPEN, ATTEMPT_BEGINS, &to, &error), -EPERM);
        assert_string_equal(error.why, "it is open");
        assert_string_equal(error.next,
                "What can be asked for now: 'attempt extend', 'attempt accept', 'attempt cancel'");
}

static int add(AttemptState attempt_state, int64_t at_us, int64_t ends_us)
{
        AttemptRow row = {.series = "mdg",
                .state = attempt_state,
                .at_us = at_us,
                .ends_us = ends_us,
                .who = "jane"};

        return row_insert(store, &attempt_table, &row, NULL);
}

static void a_series_has_one_that_has_not_ended(void **state)
{
        _cleanup_rows_ Rows waiting = {0};
        int64_t next_us;

        (void)state;
        begin();
        assert_int_equal(row_insert(store, &host_table, &(HostRow){.name = "alpha"}, NULL), 0);
        assert_int_equal(
                row_insert(store, &series_table,
                        &(SeriesRow){.name = "mdg", .host = "alpha", .root = "/srv"}, NULL),
                0);
        assert_int_equal(add(ATTEMPT_CANCELED, 1, 2), 0);
        assert_int_equal(attempts_next(store, &next_us, NULL), 0);
        assert_int_equal(next_us, 0);
        assert_int_equal(add(ATTEMPT_OPEN, 100, 200), 0);
        assert_int_equal(add(ATTEMPT_PLANNED, 300, 0), -EEXIST);
        assert_int_equal(attempts_next(store, &next_us, NULL), 0);
        assert_int_equal(next_us, 200);
        assert_int_equal(attempts_waiting(store, &waiting, NULL), 0);
        assert_int_equal(waiting.count, 1);
}

static void each_state_waits_for_its_moment(void **state)
{
        AttemptRow row = {.at_us = 100 * US_PER_SECOND,
                .lapse_seconds = 7200,
                .deadline_seconds = 600,
                .began_us = 200 * US_PER_SECOND,
                .ends_us = 9000 * US_PER_SECOND};
        static const int64_t seconds[] = {100 + 15 * 60, 100, 800, 9000 - 900, 0, 0, 0, 0};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(seconds); i++) {
                row.state = (AttemptState)i;
                assert_int_equal(attempt_moment_us(&row), seconds[i] * US_PER_SECOND);
        }
        row.state = ATTEMPT_OPEN;
        row.lapse_seconds = 1200; // of a short one a quarter is left when it is told
        assert_int_equal(attempt_moment_us(&row), (9000 - 300) * US_PER_SECOND);
        row.warned = 1;
        assert_int_equal(attempt_moment_us(&row), 9000 * US_PER_SECOND);
        row.state = ATTEMPT_SYNCHRONISING;
        row.why = (char *)"it is being given back";
        assert_int_equal(attempt_moment_us(&row), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_edge_leads_where_it_should_and_no_other_is_there),
                cmocka_unit_test(a_refusal_says_what_it_is_and_what_can_be_asked_for),
                cmocka_unit_test(each_state_waits_for_its_moment),
                TEST(a_series_has_one_that_has_not_ended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
