// A controller with its database in a directory of its own, and hosts that are connected by word
// only.
#ifndef UNDERSTUDY_TESTS_ANNOUNCE_WORLD_H
#define UNDERSTUDY_TESTS_ANNOUNCE_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "control/controller.h"
#include "core/session.h"
#include "remove.h"
#include "store/announcement.h"
#include "tell/announce.h"
#include "test.h"

typedef struct World {
        char directory[64];
        char *database;
        struct event_base *base;
        ControllerSetup setup;
        Controller *controller;
        int link; // its address stands for a link
} World;

static World world;

static void world_close(Link *link, const char *code, const char *message)
{
        (void)link;
        (void)code;
        (void)message;
}

static const Transport world_transport = {.close = world_close};

static int world_setup(void **state)
{
        static const char *const channels[] = {"command", NULL};

        (void)state;
        world = (World){.directory = "/tmp/understudy-announce-XXXXXX"};
        assert_non_null(mkdtemp(world.directory));
        world.database = text_format("%s/controller.db", world.directory);
        world.base = event_base_new();
        world.setup = (ControllerSetup){.database = world.database,
                .limits = {2, 8, 256},
                .channels = channels,
                .transport = &world_transport};
        assert_int_equal(controller_new(world.base, &world.setup, &world.controller, NULL), 0);
        return 0;
}

static int world_teardown(void **state)
{
        (void)state;
        controller_free(world.controller);
        event_base_free(world.base);
        free(world.database);
        remove_tree(world.directory);
        return 0;
}

static inline void world_commit(void)
{
        assert_int_equal(controller_commit(world.controller, NULL), 0);
}

// How many announcements of a kind there are.
static inline size_t world_announced(AnnouncementKind kind)
{
        _cleanup_rows_ Rows rows = {0};
        const AnnouncementRow *row;
        size_t count = 0;

        assert_int_equal(announcements_newest(world.controller->store, 100, &rows, NULL), 0);
        row = rows.items;
        for (size_t i = 0; i < rows.count; i++)
                count += row[i].kind == kind;
        return count;
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

#endif
