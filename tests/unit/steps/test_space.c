#include "run.h"

extern const StepOps step_space_ops;

// Site afoo has 1 MB of media, and its probe says what its database has.
typedef struct World {
        StepFixture f;
        Fleet__Site afoo, bfoo;
        Fleet__ProbeResult probe;
        Fleet__SpaceArguments arguments;
        Error error;
} World;

#define MB UINT64_C(1000000)

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "space");
        shell("cd '%s' && mkdir -p afoo/media afoo/env && dd if=/dev/zero of=afoo/media/file bs=1M "
              "count=1 status=none && touch afoo/manage.py afoo/env/python",
                w->f.root);
        w->afoo = fake_site(&w->f, "afoo");
        w->bfoo = fake_site(&w->f, "bfoo");
        fleet__probe_result__init(&w->probe);
        w->probe.database_bytes = 10 * MB;
        fleet__space_arguments__init(&w->arguments);
        w->arguments.production = &w->afoo;
        w->arguments.preview = &w->bfoo;
        w->arguments.production_probe = &w->probe;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static uint64_t needed(World *w)
{
        Fleet__SpaceResult *result = (Fleet__SpaceResult *)step_done(
                &w->f, &step_space_ops, "space", &w->arguments.base);
        uint64_t bytes;

        assert_int_equal(result->n_needs, 1); // both sites are on one file system
        assert_true(result->needs[0]->free_bytes > result->needs[0]->needed_bytes);
        bytes = result->needs[0]->needed_bytes;
        fleet__space_result__free_unpacked(result, NULL);
        return bytes;
}

static void a_prepared_preview_needs_what_production_has(void **state)
{
        World *w = *state;
        uint64_t bytes = needed(w);

        assert_in_range(bytes, 11 * MB, 40 * MB);
        w->arguments.last_environment_bytes = 500 * MB;
        assert_in_range(needed(w), bytes + 499 * MB, bytes + 500 * MB);
}

static void a_sync_needs_its_dump_twice_and_the_databases_copies(void **state)
{
        World *w = *state;
        uint64_t bytes;

        shell("mkdir -p '%s/bfoo/media'", w->f.root);
        w->arguments.purpose = FLEET__PURPOSE__SYNC;
        bytes = needed(w);
        assert_in_range(bytes, 2 * 15 * MB + 22 * MB, 2 * 15 * MB + 42 * MB);
        w->arguments.last_dump_bytes = 100 * MB;
        assert_in_range(needed(w), bytes + 2 * 100 * MB, bytes + 2 * 120 * MB);
}

static void media_that_the_preview_has_is_not_needed_again(void **state)
{
        World *w = *state;
        uint64_t bytes;

        w->arguments.purpose = FLEET__PURPOSE__SYNC;
        shell("mkdir -p '%s/bfoo/media'", w->f.root);
        bytes = needed(w);
        shell("cp '%s/afoo/media/file' '%s/bfoo/media'", w->f.root, w->f.root);
        assert_in_range(bytes - needed(w), MB, 2 * MB);
}

static void too_little_space_is_refused_with_numbers(void **state)
{
        World *w = *state;

        w->probe.database_bytes = UINT64_C(1) << 60;
        step_refused(&w->f, &step_space_ops, "space", &w->arguments.base, "no-space", &w->error);
        assert_non_null(strstr(w->error.why, "are free"));
        assert_non_null(strstr(w->error.next, "Free "));
}

static void a_share_of_the_file_system_stays_free(void **state)
{
        World *w = *state;

        w->f.policy.clone_free_percent = 100;
        step_refused(&w->f, &step_space_ops, "space", &w->arguments.base, "no-space", &w->error);
        assert_non_null(strstr(w->error.why, "100 %"));
}

static void a_sync_without_a_preview_is_refused(void **state)
{
        World *w = *state;

        w->arguments.purpose = FLEET__PURPOSE__SYNC;
        step_refused(&w->f, &step_space_ops, "space", &w->arguments.base, "no-site", &w->error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_prepared_preview_needs_what_production_has),
                TEST(a_sync_needs_its_dump_twice_and_the_databases_copies),
                TEST(media_that_the_preview_has_is_not_needed_again),
                TEST(too_little_space_is_refused_with_numbers),
                TEST(a_share_of_the_file_system_stays_free),
                TEST(a_sync_without_a_preview_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
