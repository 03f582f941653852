// From the outbox to a program.

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <sys/stat.h>

#include "announce/deliver.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "control/controller.h"
#include "tell/announce.h"

static const char *const channels[] = {"command", NULL};

static struct {
        char directory[64];
        char *database, *told;
        struct event_base *base;
        ControllerSetup setup;
        Controller *controller;
        AnnounceConfig config;
        Deliverer *deliverer;
} world;

static int setup(void **state)
{
        static const char script[] = "#!/bin/sh\ncat >%s.new && mv %s.new %s\n";
        _cleanup_free_ char *text = NULL;

        (void)state;
        log_set_priority(LOG_EMERG);
        strcpy(world.directory, "/tmp/deliver-XXXXXX");
        assert_non_null(mkdtemp(world.directory));
        world.database = text_format("%s/db", world.directory);
        world.told = text_format("%s/told", world.directory);
        world.config = (AnnounceConfig){.command = text_format("%s/command", world.directory),
                .away_seconds = 3600,
                .retry_seconds = 1};
        text = text_format(script, world.told, world.told, world.told);
        assert_int_equal(file_write(world.config.command, text, strlen(text), 0700), 0);
        world.base = event_base_new();
        world.setup = (ControllerSetup){.database = world.database,
                .limits = {2, 8, 256},
                .channels = channels,
                .transport = &wire_transport};
        assert_int_equal(controller_new(world.base, &world.setup, &world.controller, NULL), 0);
        assert_int_equal(deliverer_new(world.controller, &world.config, &world.deliverer, NULL), 0);
        return 0;
}

static int teardown(void **state)
{
        _cleanup_free_ char *command = text_format("rm -rf '%s'", world.directory);

        (void)state;
        deliverer_free(world.deliverer);
        controller_free(world.controller);
        event_base_free(world.base);
        free(world.config.command);
        free(world.database);
        free(world.told);
        return system(command);
}

static void sql(const char *text)
{
        assert_int_equal(
                sqlite3_exec(store_database(world.controller->store), text, NULL, NULL, NULL),
                SQLITE_OK);
}

static void announce_a_test(void)
{
        assert_int_equal(controller_begin(world.controller, NULL), 0);
        assert_int_equal(
                announce(world.controller, ANNOUNCE_TEST, "", 0, "", "It reaches you.", NULL), 0);
        assert_int_equal(controller_commit(world.controller, NULL), 0);
}

static bool is_told(void)
{
        struct stat st;

        return stat(world.told, &st) == 0;
}

// Lets the loop go on for that long at most; true: it was told before.
static bool goes_on(int seconds)
{
        for (int i = 0; i < seconds * 20 && !is_told(); i++) {
                struct timeval turn = {.tv_usec = 50000};

                event_base_loopexit(world.base, &turn);
                event_base_dispatch(world.base);
        }
        return is_told();
}

static void what_is_announced_is_delivered(void **state)
{
        (void)state;
        announce_a_test();
        assert_true(goes_on(30));
}

static void a_database_that_cannot_be_read_for_a_while_stops_no_channel(void **state)
{
        (void)state;
        announce_a_test();
        sql("ALTER TABLE announcement RENAME TO mislaid");
        assert_false(goes_on(2));
        sql("ALTER TABLE mislaid RENAME TO announcement");
        assert_true(goes_on(30));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(what_is_announced_is_delivered),
                TEST(a_database_that_cannot_be_read_for_a_while_stops_no_channel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
