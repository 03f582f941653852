// What every unit test includes: cmocka with what it needs before it.
#ifndef UNDERSTUDY_TESTS_TEST_H
#define UNDERSTUDY_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Ends the test as skipped; tests/run shows why.
#define skip_because(why)                                                                          \
        do {                                                                                       \
                print_message("skipped: %s: %s\n", __func__, why);                                 \
                skip();                                                                            \
        } while (0)

#endif
