#include "announce/disks.h"

#include "world.h"

static void connect_host(void)
{
        HostRow row = {.name = (char *)"alpha", .state = HOST_JOINED};

        assert_int_equal(controller_begin(world.controller, NULL), 0);
        assert_int_equal(row_insert(world.controller->store, &host_table, &row, NULL), 0);
        world_commit();
        session_new(world.controller, (Link *)&world.link, "alpha", "192.0.2.7")->greeted = true;
}

// What the host says of its two disks, in GB that are free of 100.
static void look(uint64_t percent, uint64_t first, uint64_t second)
{
        Fleet__HostFacts facts = FLEET__HOST_FACTS__INIT;
        Fleet__Disk disks[] = {FLEET__DISK__INIT, FLEET__DISK__INIT};
        Fleet__Disk *list[] = {&disks[0], &disks[1]};
        ShortDisks watch = {.percent = percent};
        Blob packed = {0};

        disks[0].path = "/srv/lino";
        disks[1].path = "/var/lib";
        disks[0].total_bytes = disks[1].total_bytes = 100000000000;
        disks[0].free_bytes = first * 1000000000;
        disks[1].free_bytes = second * 1000000000;
        facts.disks = list;
        facts.n_disks = ELEMENTS(disks);
        blob_set(&packed, &facts.base);
        assert_int_equal(controller_begin(world.controller, NULL), 0);
        assert_int_equal(host_set_facts(world.controller->store, "alpha", &packed, NULL), 0);
        assert_int_equal(disks_look(&watch, world.controller, NULL), 0);
        world_commit();
        free(packed.data);
}

static void assert_told(size_t often_short, size_t often_well)
{
        assert_int_equal(world_announced(ANNOUNCE_DISK_SHORT), often_short);
        assert_int_equal(world_announced(ANNOUNCE_DISK_WELL), often_well);
}

static void a_disk_is_told_of_once_when_it_is_short_and_once_when_it_has_room(void **state)
{
        (void)state;
        connect_host();
        look(10, 50, 50);
        assert_told(0, 0);
        look(10, 9, 50);
        look(10, 8, 50);
        assert_told(1, 0);
        look(10, 40, 50);
        look(10, 41, 50);
        assert_told(1, 1);
        look(10, 1, 50);
        assert_told(2, 1);
}

static void one_that_is_on_the_edge_is_not_told_of_again_and_again(void **state)
{
        (void)state;
        connect_host();
        for (int i = 0; i < 3; i++) {
                look(10, 9, 50);
                look(10, 10, 50);
        }
        assert_told(1, 0);
        look(10, 11, 50);
        assert_told(1, 1);
}

static void each_disk_has_its_own_cause(void **state)
{
        _cleanup_announcement_ AnnouncementRow row = {0};

        (void)state;
        connect_host();
        look(10, 5, 5);
        assert_told(2, 0);
        look(10, 50, 5);
        assert_told(2, 1);
        assert_int_equal(
                announcement_last(world.controller->store, "disk", "alpha:/var/lib", &row, NULL),
                1);
        assert_int_equal(row.kind, ANNOUNCE_DISK_SHORT);
        assert_string_equal(row.subject, "The disk of alpha:/var/lib is almost full");
        assert_non_null(strstr(row.detail, "5.0 GB are free, less than 10 %"));
        assert_non_null(strstr(row.detail, "df -h /var/lib"));
}

static void nobody_is_told_when_that_is_turned_off_or_the_host_is_away(void **state)
{
        (void)state;
        connect_host();
        look(0, 1, 1);
        session_free(world.controller, session_of_host(world.controller, "alpha"));
        look(10, 1, 1);
        assert_told(0, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WORLD_TEST(a_disk_is_told_of_once_when_it_is_short_and_once_when_it_has_room),
                WORLD_TEST(one_that_is_on_the_edge_is_not_told_of_again_and_again),
                WORLD_TEST(each_disk_has_its_own_cause),
                WORLD_TEST(nobody_is_told_when_that_is_turned_off_or_the_host_is_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
