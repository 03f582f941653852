// From rehearsals to how long production will be away.

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/clock.h"
#include "base/text.h"
#include "rehearsal/forecast.h"

// A plan as an opening's, small: production is away from "freeze" to "switch".
static PlanNode nodes[] = {
        {.label = "probe", .depends = ""},
        {.label = "freeze", .depends = "probe"},
        {.label = "dump", .depends = "freeze"},
        {.label = "static", .depends = "freeze"},
        {.label = "restore", .depends = "dump"},
        {.label = "stop", .depends = "restore static"},
        {.label = "switch", .depends = "stop"},
        {.label = "linod_start", .depends = "switch"},
};
static const Plan plan = {nodes, ELEMENTS(nodes)};

// Newest first; each with how many seconds its steps took and its database's size.
typedef struct Was {
        int dump, statics, restore, megabytes;
} Was;

static RehearsalRow rows[12];

static Rows rehearsed(const Was *was, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(rows[i].steps);
                rows[i] = (RehearsalRow){
                        .state = JOB_DONE, .database_bytes = was[i].megabytes * INT64_C(1000000)};
                rehearsal_add_step(&rows[i], "probe", 500 * US_PER_SECOND);
                rehearsal_add_step(&rows[i], "dump", was[i].dump * US_PER_SECOND);
                rehearsal_add_step(&rows[i], "static", was[i].statics * US_PER_SECOND);
                rehearsal_add_step(&rows[i], "restore", was[i].restore * US_PER_SECOND);
        }
        return (Rows){.items = rows, .count = count};
}

static const ForecastStep *step_of(const Forecast *forecast, const char *label)
{
        for (size_t i = 0; i < forecast->count; i++)
                if (text_equal(forecast->steps[i].label, label))
                        return &forecast->steps[i];
        return NULL;
}

static void only_what_production_is_away_for_counts(void **state)
{
        const Was was[] = {{10, 5, 20, 0}};
        const Rows rehearsals = rehearsed(was, ELEMENTS(was));
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &rehearsals, &forecast);
        assert_int_equal(forecast.median_us, 30 * US_PER_SECOND);
        assert_null(step_of(&forecast, "probe"));
        assert_null(step_of(&forecast, "linod_start"));
        assert_true(step_of(&forecast, "restore")->critical);
        assert_false(step_of(&forecast, "static")->critical);
        assert_false(step_of(&forecast, "freeze")->known);
}

static void what_goes_on_beside_counts_when_it_is_longer(void **state)
{
        const Was was[] = {{10, 45, 20, 0}};
        const Rows rehearsals = rehearsed(was, ELEMENTS(was));
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &rehearsals, &forecast);
        assert_int_equal(forecast.median_us, 45 * US_PER_SECOND);
        assert_true(step_of(&forecast, "static")->critical);
        assert_false(step_of(&forecast, "restore")->critical);
}

static void median_and_worst_are_of_whole_rehearsals(void **state)
{
        const Was was[] = {{10, 1, 20, 0}, {50, 1, 5, 0}, {5, 1, 35, 0}};
        const Rows rehearsals = rehearsed(was, ELEMENTS(was));
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &rehearsals, &forecast);
        assert_int_equal(forecast.median_us, 40 * US_PER_SECOND);
        assert_int_equal(forecast.worst_us, 55 * US_PER_SECOND); // not 50 + 35
        assert_int_equal(step_of(&forecast, "restore")->worst_us, 35 * US_PER_SECOND);
}

static void steps_of_the_data_are_scaled_by_its_growth(void **state)
{
        const Was was[] = {{20, 1, 40, 200}, {10, 1, 20, 100}};
        const Rows rehearsals = rehearsed(was, ELEMENTS(was));
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &rehearsals, &forecast);
        assert_int_equal(forecast.median_us, 60 * US_PER_SECOND);
        assert_int_equal(step_of(&forecast, "static")->median_us, 1 * US_PER_SECOND);
}

static void what_failed_or_had_nothing_to_do_says_nothing(void **state)
{
        const Was was[] = {{900, 1, 900, 0}, {0, 0, 0, 0}, {10, 1, 20, 0}};
        const Rows rehearsals = rehearsed(was, ELEMENTS(was));
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        rows[0].state = JOB_FAILED;
        rows[1].way = (char *)"nothing";
        forecast_make(&plan, &rehearsals, &forecast);
        assert_int_equal(forecast.rehearsals, 1);
        assert_int_equal(forecast.worst_us, 30 * US_PER_SECOND);
}

static void without_rehearsals_nothing_is_forecast(void **state)
{
        const Rows none = {0};
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &none, &forecast);
        assert_int_equal(forecast.rehearsals, 0);
        assert_int_equal(forecast.median_us, 0);
        assert_false(forecast_grows(&forecast));
}

static void what_is_done_takes_no_more_time(void **state)
{
        const Was was[] = {{10, 25, 20, 0}};
        const Rows rehearsals = rehearsed(was, ELEMENTS(was));
        TaskRow tasks[] = {
                {.label = "freeze", .state = TASK_DONE},
                {.label = "dump", .state = TASK_DONE},
                {.label = "static", .state = TASK_RUNNING},
        };
        const Rows running = {.items = tasks, .count = ELEMENTS(tasks)};
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &rehearsals, &forecast);
        assert_int_equal(forecast_left_us(&forecast, &plan, &running), 25 * US_PER_SECOND);
        tasks[2].state = TASK_DONE;
        assert_int_equal(forecast_left_us(&forecast, &plan, &running), 20 * US_PER_SECOND);
}

static void growth_is_told_when_it_is_clear(void **state)
{
        const Was slower[] = {{60, 1, 60, 0}, {60, 1, 60, 0}, {60, 1, 60, 0}, {20, 1, 20, 0},
                {20, 1, 20, 0}, {20, 1, 20, 0}};
        const Was once[] = {{60, 1, 60, 0}, {20, 1, 20, 0}, {20, 1, 20, 0}, {20, 1, 20, 0},
                {20, 1, 20, 0}, {20, 1, 20, 0}};
        Rows rehearsals = rehearsed(slower, ELEMENTS(slower));
        Forecast forecast _cleanup_forecast_ = {0};

        (void)state;
        forecast_make(&plan, &rehearsals, &forecast);
        assert_true(forecast_grows(&forecast));
        forecast_clear(&forecast);
        rehearsals = rehearsed(once, ELEMENTS(once));
        forecast_make(&plan, &rehearsals, &forecast);
        assert_false(forecast_grows(&forecast));
}

static int forget(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                free(rows[i].steps);
                rows[i].steps = NULL;
        }
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_production_is_away_for_counts),
                cmocka_unit_test(what_goes_on_beside_counts_when_it_is_longer),
                cmocka_unit_test(median_and_worst_are_of_whole_rehearsals),
                cmocka_unit_test(steps_of_the_data_are_scaled_by_its_growth),
                cmocka_unit_test(what_failed_or_had_nothing_to_do_says_nothing),
                cmocka_unit_test(without_rehearsals_nothing_is_forecast),
                cmocka_unit_test(what_is_done_takes_no_more_time),
                cmocka_unit_test(growth_is_told_when_it_is_clear),
        };

        return cmocka_run_group_tests(tests, NULL, forget);
}
