#include "announce/deliver.h"

#include "base/file.h"
#include "world.h"

static void sql(const char *text)
{
        assert_int_equal(
                sqlite3_exec(store_database(world.controller->store), text, NULL, NULL, NULL),
                SQLITE_OK);
}

// Lets the loop run for so long, or until the delivery is done.
static bool is_delivered_within(int64_t us)
{
        int64_t end_us = clock_monotonic_us() + us;

        while (clock_monotonic_us() < end_us) {
                _cleanup_rows_ Rows rows = {0};
                const DeliveryRow *row;

                event_base_loop(world.base, EVLOOP_ONCE);
                if (deliveries_of(world.controller->store, 1, &rows, NULL) < 0)
                        continue;
                row = rows.items;
                assert_int_equal(rows.count, 1);
                if (row->state == DELIVERY_DONE)
                        return true;
        }
        return false;
}

static void announce_something(void)
{
        assert_int_equal(controller_begin(world.controller, NULL), 0);
        assert_int_equal(announce(world.controller, ANNOUNCE_TEST, "", 0, "", "Hello.", NULL), 0);
        world_commit();
}

static const AnnounceConfig config = {.command = (char *)"/bin/true", .retry_seconds = 1};

static void what_is_in_the_outbox_is_delivered(void **state)
{
        _cleanup_(deliverer_freep) Deliverer *deliverer = NULL;

        (void)state;
        announce_something();
        assert_int_equal(deliverer_new(world.controller, &config, &deliverer, NULL), 0);
        assert_true(is_delivered_within(20 * US_PER_SECOND));
}

static void a_database_that_fails_while_one_is_read_holds_nothing_up_for_good(void **state)
{
        _cleanup_(deliverer_freep) Deliverer *deliverer = NULL;

        (void)state;
        announce_something();
        assert_int_equal(deliverer_new(world.controller, &config, &deliverer, NULL), 0);
        sql("ALTER TABLE announcement RENAME TO gone");
        assert_false(is_delivered_within(2 * US_PER_SECOND + US_PER_SECOND / 2));
        sql("ALTER TABLE gone RENAME TO announcement");
        assert_true(is_delivered_within(20 * US_PER_SECOND));
}

// A disk is full: what is delivered cannot be noted, and is delivered again, but not every second.
static void assert_delivered_once(const char *failing)
{
        _cleanup_(deliverer_freep) Deliverer *deliverer = NULL;
        _cleanup_free_ char *program = text_format("%s/told", world.directory);
        _cleanup_free_ char *told = text_format("%s/lines", world.directory);
        _cleanup_free_ char *script = text_format("#!/bin/sh\necho >>%s\n", told), *lines = NULL;
        AnnounceConfig slow = {.command = program, .retry_seconds = 60};
        size_t size = 0;

        assert_int_equal(file_write(program, script, strlen(script), 0700), 0);
        announce_something();
        sql(failing);
        assert_int_equal(deliverer_new(world.controller, &slow, &deliverer, NULL), 0);
        assert_false(is_delivered_within(4 * US_PER_SECOND));
        assert_int_equal(file_read(told, 100, &lines, &size), 0);
        assert_int_equal(size, 1);
}

static void what_cannot_be_noted_is_not_delivered_again_and_again(void **state)
{
        (void)state;
        assert_delivered_once("CREATE TRIGGER full BEFORE UPDATE ON delivery"
                              " BEGIN SELECT RAISE(FAIL, 'full'); END");
}

static void nor_is_what_cannot_be_committed(void **state)
{
        (void)state;
        assert_delivered_once(
                "CREATE TABLE full (host REFERENCES host DEFERRABLE INITIALLY DEFERRED);"
                "CREATE TRIGGER full_too AFTER UPDATE ON delivery"
                " BEGIN INSERT INTO full VALUES ('nobody'); END");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WORLD_TEST(what_is_in_the_outbox_is_delivered),
                WORLD_TEST(what_cannot_be_noted_is_not_delivered_again_and_again),
                WORLD_TEST(nor_is_what_cannot_be_committed),
                WORLD_TEST(a_database_that_fails_while_one_is_read_holds_nothing_up_for_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
