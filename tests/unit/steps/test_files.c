// What steps do with directories of a site, whoever else is at work beside them.
#include "run.h"

#include "steps/files.h"

typedef struct World {
        StepFixture f;
        int parent, looked_at; // root, and root/old as it was found
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "purge");
        shell("cd '%s' && mkdir old new && touch old/a new/b", w->f.root);
        w->parent = open(w->f.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        w->looked_at = openat(w->parent, "old", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(w->looked_at >= 0);
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        error_clear(&w->error);
        close(w->looked_at);
        close(w->parent);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static int discarded(World *w)
{
        error_clear(&w->error);
        return directory_discard(w->f.context, w->parent, "old", w->looked_at, NULL, &w->error);
}

static void the_directory_that_was_looked_at_goes(void **state)
{
        World *w = *state;

        for (int i = 0; i < 2; i++)
                assert_int_equal(discarded(w), 0);
        shell("test \"$(ls -A '%s')\" = new", w->f.root);
}

static void a_directory_that_took_its_name_since_has_it_again(void **state)
{
        World *w = *state;

        shell("cd '%s' && mv old elsewhere && mv new old", w->f.root);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(discarded(w), -ESTALE);
                assert_string_equal(w->error.code, "changed");
                assert_string_equal(w->error.where, "old");
                assert_non_null(w->error.next);
        }
        shell("cd '%s' && test -e old/b && test -e elsewhere/a && "
              "test \"$(ls -A | tr '\\n' ' ')\" = 'elsewhere old '",
                w->f.root);
}

static void a_link_that_took_its_name_since_leads_nowhere(void **state)
{
        World *w = *state;

        shell("cd '%s' && mv old elsewhere && ln -s new old", w->f.root);
        assert_int_equal(discarded(w), -ESTALE);
        shell("cd '%s' && test -L old && test -e new/b && test -e elsewhere/a", w->f.root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_directory_that_was_looked_at_goes),
                TEST(a_directory_that_took_its_name_since_has_it_again),
                TEST(a_link_that_took_its_name_since_leads_nowhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
