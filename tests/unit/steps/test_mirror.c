#include "pair.h"

extern const StepOps step_mirror_ops;

typedef struct World {
        Pair pair;
        char *directories[2];
        Fleet__MirrorArguments arguments;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        pair_open(&w->pair, "mirror");
        w->directories[0] = "media";
        w->directories[1] = "snapshot2preview";
        fleet__mirror_arguments__init(&w->arguments);
        w->arguments.production = &w->pair.anna;
        w->arguments.preview = &w->pair.berta;
        w->arguments.guard = &w->pair.guard;
        w->arguments.directories = w->directories;
        w->arguments.n_directories = 2;
        shell("cd '%s/anna' && mkdir -p tmp snapshot2preview media/volumes media/a/b && "
              "echo one > media/a/one && echo two > media/a/b/two && ln -s \"$PWD/tmp\" "
              "media/volumes/inbox && echo r > snapshot2preview/restore.py && chmod 2775 media",
                w->pair.f.root);
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        pair_close(&w->pair);
        free(w);
        return 0;
}

static Fleet__MirrorResult *mirrored(World *w)
{
        return (Fleet__MirrorResult *)step_done(
                &w->pair.f, &step_mirror_ops, "mirror", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(
                &w->pair.f, &step_mirror_ops, "mirror", &w->arguments.base, code, &w->pair.error);
}

static void assert_equal(const World *w)
{
        shell("cd '%s' && rm -f anna/media/volumes/inbox && mv berta/media/volumes/inbox "
              "berta/inbox "
              "&& diff -r --no-dereference anna/media berta/media && diff -r "
              "anna/snapshot2preview berta/snapshot2preview",
                w->pair.f.root);
}

static void both_directories_become_equal_and_nothing_is_nested(void **state)
{
        World *w = *state;
        _cleanup_free_ char *inbox = text_format("%s/berta/tmp", w->pair.f.root);

        for (int i = 0; i < 2; i++) {
                Fleet__MirrorResult *result = mirrored(w);

                assert_int_equal(result->copied, i == 0 ? 3 : 0);
                fleet__mirror_result__free_unpacked(result, NULL);
                assert_false(there(&w->pair.f, "berta/media/media"));
                assert_false(there(&w->pair.f, "berta/snapshot2preview/snapshot2preview"));
                assert_text_at(&w->pair.f, "berta/media/volumes/inbox", inbox);
        }
        assert_equal(w);
}

static void the_first_mirror_makes_the_directories(void **state)
{
        World *w = *state;

        shell("rm -r '%s/berta/media'", w->pair.f.root);
        fleet__mirror_result__free_unpacked(mirrored(w), NULL);
        shell("test $(stat -c %%a '%s/berta/media') = 2775", w->pair.f.root);
        assert_equal(w);
}

static void what_production_no_longer_has_goes(void **state)
{
        World *w = *state;
        Fleet__MirrorResult *result;

        shell("cd '%s/berta' && mkdir -p snapshot2preview media/old/older && echo x > "
              "media/old/older/x && echo stale > snapshot2preview/x.py && mkdir -p media/a/one",
                w->pair.f.root);
        result = mirrored(w);
        assert_true(result->deleted >= 4);
        fleet__mirror_result__free_unpacked(result, NULL);
        assert_equal(w);
}

static void a_link_in_the_place_of_media_is_refused_on_either_side(void **state)
{
        World *w = *state;

        shell("cd '%s/berta' && rmdir media && mkdir other && ln -s other media", w->pair.f.root);
        refused(w, "media-link");
        shell("cd '%s' && rm berta/media && mv anna/media . && ln -s ../media anna/media",
                w->pair.f.root);
        refused(w, "media-link");
        assert_true(there(&w->pair.f, "media/a/b/two"));
}

static void a_directory_that_production_lacks_is_not_emptied(void **state)
{
        World *w = *state;

        shell("cd '%s' && rm -r anna/media && echo x > berta/media/x", w->pair.f.root);
        refused(w, "source-missing");
        assert_true(there(&w->pair.f, "berta/media/x"));
        shell("rm -r '%s/berta/media'", w->pair.f.root);
        fleet__mirror_result__free_unpacked(mirrored(w), NULL);
        assert_false(there(&w->pair.f, "berta/media"));
}

static void a_preview_that_says_it_is_production_is_not_touched(void **state)
{
        World *w = *state;
        _cleanup_free_ char *setting =
                text_format("DATABASES['default']['NAME'] = '%s/anna/anna'", w->pair.f.root);

        fake_site_setting(&w->pair.f, "berta", setting);
        refused(w, "interlock");
        assert_false(there(&w->pair.f, "berta/media/a"));
}

static void the_guard_must_be_about_the_target(void **state)
{
        World *w = *state;

        w->pair.guard.target = &w->pair.anna;
        refused(w, "interlock");
        w->pair.guard.target = &w->pair.berta;
        w->arguments.guard = NULL;
        refused(w, "interlock");
}

static void only_directories_of_the_project_itself_are_mirrored(void **state)
{
        static char *const names[] = {"..", "", "media/..", "/etc", ".git"};
        World *w = *state;

        w->arguments.n_directories = 1;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                w->directories[0] = names[i];
                refused(w, "bad-name");
        }
}

static void special_files_are_reported_one_by_one(void **state)
{
        World *w = *state;
        Fleet__MirrorResult *result;

        make_socket(&w->pair.f, "anna/media/socket");
        make_socket(&w->pair.f, "anna/media/a/socket2");
        result = mirrored(w);
        assert_int_equal(result->n_special, 2);
        fleet__mirror_result__free_unpacked(result, NULL);
        assert_int_equal(step_fixture_said(&w->pair.f, "media/socket"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(both_directories_become_equal_and_nothing_is_nested),
                TEST(the_first_mirror_makes_the_directories),
                TEST(what_production_no_longer_has_goes),
                TEST(a_link_in_the_place_of_media_is_refused_on_either_side),
                TEST(a_directory_that_production_lacks_is_not_emptied),
                TEST(a_preview_that_says_it_is_production_is_not_touched),
                TEST(the_guard_must_be_about_the_target),
                TEST(only_directories_of_the_project_itself_are_mirrored),
                TEST(special_files_are_reported_one_by_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
