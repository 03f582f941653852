#include "core/load.h"
#include "test.h"

static const ControllerLimits limits = {.host_heavy = 2, .host_tasks = 3, .fleet_tasks = 4};

static void a_host_takes_so_many_heavy_tasks_and_then_light_ones(void **state)
{
        _cleanup_(load_clear) Load load = {.limits = &limits};

        (void)state;
        load_add(&load, "alpha", true);
        assert_true(load_admits(&load, "alpha", true));
        load_add(&load, "alpha", true);
        assert_false(load_admits(&load, "alpha", true));
        assert_true(load_admits(&load, "alpha", false));
        assert_true(load_admits(&load, "beta", true));
}

static void a_host_takes_so_many_tasks_of_any_kind(void **state)
{
        _cleanup_(load_clear) Load load = {.limits = &limits};

        (void)state;
        for (int i = 0; i < 3; i++)
                load_add(&load, "alpha", false);
        assert_false(load_admits(&load, "alpha", false));
        assert_true(load_admits(&load, "beta", false));
}

static void the_fleet_takes_so_many_tasks(void **state)
{
        _cleanup_(load_clear) Load load = {.limits = &limits};

        (void)state;
        for (int i = 0; i < 4; i++)
                load_add(&load, i < 2 ? "alpha" : "beta", false);
        assert_false(load_admits(&load, "gamma", false));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_takes_so_many_heavy_tasks_and_then_light_ones),
                cmocka_unit_test(a_host_takes_so_many_tasks_of_any_kind),
                cmocka_unit_test(the_fleet_takes_so_many_tasks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
