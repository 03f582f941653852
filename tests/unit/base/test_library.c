// Shared libraries that are loaded when they are wanted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/library.h"

#define FILE_NAME "libm.so.6"

static struct {
        LIBRARY_MEMBER(floor);
} table;

static void a_library_is_loaded_when_it_is_wanted(void **state)
{
        static const LibraryFunction functions[] = {LIBRARY_FUNCTION(table, floor)};

        (void)state;
        for (int times = 0; times < 2; times++)
                assert_int_equal(library_load(FILE_NAME, functions, ELEMENTS(functions), NULL), 0);
        assert_true(table.floor(2.5) == 2);
}

static void what_is_not_there_is_named(void **state)
{
        static const LibraryFunction functions[] = {{"no_such_function", &table}};
        _cleanup_error_ Error error = ERROR_EMPTY;

        (void)state;
        assert_int_equal(library_load("libnone.so.7", NULL, 0, &error), -ELIBACC);
        assert_non_null(strstr(error.why, "libnone.so.7"));
        error_clear(&error);
        assert_int_equal(library_load(FILE_NAME, functions, ELEMENTS(functions), &error), -ELIBACC);
        assert_non_null(strstr(error.why, "no_such_function"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_library_is_loaded_when_it_is_wanted),
                cmocka_unit_test(what_is_not_there_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
