// A database in a directory of its own.
#ifndef UNDERSTUDY_TEST_SCRATCH_H
#define UNDERSTUDY_TEST_SCRATCH_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/text.h"
#include "store/store.h"

static char scratch_directory[64];
static char scratch_path[96];
static Store *store;

static inline int scratch_setup(void **state)
{
        (void)state;
        strcpy(scratch_directory, "/tmp/store-XXXXXX");
        assert_non_null(mkdtemp(scratch_directory));
        snprintf(scratch_path, sizeof scratch_path, "%s/db", scratch_directory);
        assert_int_equal(store_open(scratch_path, &store, NULL), 0);
        return 0;
}

static inline void scratch_reopen(void)
{
        store_free(store);
        assert_int_equal(store_open(scratch_path, &store, NULL), 0);
}

static inline int scratch_teardown(void **state)
{
        static const char *const suffixes[] = {"", "-wal", "-shm"};

        (void)state;
        store_free(store);
        for (size_t i = 0; i < ELEMENTS(suffixes); i++) {
                _cleanup_free_ char *path = text_format("%s%s", scratch_path, suffixes[i]);

                unlink(path);
        }
        rmdir(scratch_directory);
        return 0;
}

static inline void begin(void)
{
        assert_int_equal(store_begin(store, NULL), 0);
}

static inline void commit(void)
{
        assert_int_equal(store_commit(store, NULL), 0);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

#endif
