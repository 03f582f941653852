// What every unit test includes: cmocka with what it needs before it.
#ifndef UNDERSTUDY_TESTS_TEST_H
#define UNDERSTUDY_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
