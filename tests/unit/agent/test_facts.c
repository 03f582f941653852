#include "agent/facts.h"

#include <sys/statvfs.h>

#include "test.h"

static void each_file_system_is_told_of_once_with_its_room(void **state)
{
        Config config = {.directory = (char *)"/tmp"};
        _cleanup_facts_ Facts facts = {0};
        struct statvfs volume;

        (void)state;
        text_list_add(&config.policy.roots, "/tmp");
        text_list_add(&config.policy.roots, "/tmp");
        text_list_add(&config.policy.roots, "/nonexistent");
        facts_take(&config, &facts);
        assert_int_equal(facts.message.n_roots, 3);
        assert_in_range(facts.message.n_disks, 1, 2); // beside it the one of /
        assert_string_equal(facts.message.disks[0]->path, "/tmp");
        assert_int_equal(statvfs("/tmp", &volume), 0);
        assert_true(
                facts.message.disks[0]->total_bytes == (uint64_t)volume.f_blocks * volume.f_frsize);
        assert_true(facts.message.disks[0]->free_bytes <= facts.message.disks[0]->total_bytes);
        text_list_clear(&config.policy.roots);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_file_system_is_told_of_once_with_its_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
