// How the engine gives way.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tree/throttle.h"

static void the_total_of_a_pressure_file_is_read(void **state)
{
        (void)state;
        assert_int_equal(throttle_parse("some avg10=0.17 avg60=0.92 avg300=0.48 total=8436567\n"
                                        "full avg10=0.14 avg60=0.76 avg300=0.41 total=7900269\n"),
                8436567);
        assert_int_equal(throttle_parse("full avg10=0.00 total=5\n"), -1);
        assert_int_equal(throttle_parse("some total=\n"), -1);
        assert_int_equal(throttle_parse(""), -1);
}

static void pressure_above_the_limit_rests_longer_and_longer_up_to_a_bound(void **state)
{
        unsigned rest = 0, before;

        (void)state;
        do {
                before = rest;
                rest = throttle_rest(rest, 50, 20);
                assert_true(rest >= before);
        } while (rest != before);
        assert_int_equal(rest, 20000);
}

static void pressure_below_the_limit_ends_the_rest(void **state)
{
        unsigned rest = 20000;

        (void)state;
        for (int look = 0; look < 20 && rest; look++)
                rest = throttle_rest(rest, 10, 20);
        assert_int_equal(rest, 0);
}

static void bytes_are_paid_for(void **state)
{
        atomic_int stop = 0;
        Throttle throttle = {.bytes_per_second = 1000000, .stop = &stop};
        int64_t begin = clock_monotonic_us();

        (void)state;
        throttle_start(&throttle);
        for (int i = 0; i < 10; i++)
                throttle_pace(&throttle, 20000); // 200,000 bytes: 200 ms, less what may be saved up
        assert_true(clock_monotonic_us() - begin > 120 * US_PER_MS);
}

static void a_stop_ends_the_waiting(void **state)
{
        atomic_int stop = -1;
        Throttle throttle = {.bytes_per_second = 1, .stop = &stop};
        int64_t begin = clock_monotonic_us();

        (void)state;
        throttle_start(&throttle);
        throttle_pace(&throttle, 1000000);
        assert_true(clock_monotonic_us() - begin < US_PER_SECOND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_total_of_a_pressure_file_is_read),
                cmocka_unit_test(pressure_above_the_limit_rests_longer_and_longer_up_to_a_bound),
                cmocka_unit_test(pressure_below_the_limit_ends_the_rest),
                cmocka_unit_test(bytes_are_paid_for),
                cmocka_unit_test(a_stop_ends_the_waiting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
