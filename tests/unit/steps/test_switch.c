#include <sys/syscall.h>

#include "run.h"

extern const StepOps step_switch_ops;

// Sites anna, berta and carla; prod -> anna, preview -> berta; to be exchanged.
typedef struct World {
        StepFixture f;
        Fleet__SwitchArguments arguments;
        Fleet__Link prod, preview;
        Fleet__Link *links[2];
        Error error;
} World;

// In the place of the C library's: the call of this number fails; 0: none.
static unsigned fail_at;

int symlinkat(const char *target, int directory, const char *path)
{
        if (fail_at == 1) {
                fail_at = 0;
                errno = ENOSPC;
                return -1;
        }
        fail_at -= fail_at > 0;
        return (int)syscall(SYS_symlinkat, target, directory, path);
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "switch");
        shell("cd '%s' && for site in anna berta carla; do mkdir $site; touch $site/manage.py "
              "$site/settings.py; done; ln -s anna prod; ln -s berta preview",
                w->f.root);
        fleet__switch_arguments__init(&w->arguments);
        fleet__link__init(&w->prod);
        fleet__link__init(&w->preview);
        w->prod.name = "prod";
        w->prod.before = "anna";
        w->prod.site = "berta";
        w->preview.name = "preview";
        w->preview.before = "berta";
        w->preview.site = "anna";
        w->links[0] = &w->prod;
        w->links[1] = &w->preview;
        w->arguments.root = w->f.root;
        w->arguments.links = w->links;
        w->arguments.n_links = 2;
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

static void assert_links(const World *w, const char *prod, const char *preview)
{
        assert_text_at(&w->f, "prod", prod);
        if (preview)
                assert_text_at(&w->f, "preview", preview);
        else
                assert_false(there(&w->f, "preview"));
}

static void refused(World *w, const char *code)
{
        step_refused(&w->f, &step_switch_ops, "switch", &w->arguments.base, code, &w->error);
        assert_links(w, "anna", "berta");
}

static void both_links_are_exchanged_and_stay_relative(void **state)
{
        World *w = *state;
        Fleet__SwitchResult *result;

        result = (Fleet__SwitchResult *)step_done(
                &w->f, &step_switch_ops, "switch", &w->arguments.base);
        assert_int_equal(result->n_links, 2);
        assert_string_equal(result->links[0]->site, "berta");
        fleet__switch_result__free_unpacked(result, NULL);
        assert_links(w, "berta", "anna");
}

static void a_run_killed_between_the_links_goes_on(void **state)
{
        World *w = *state;

        shell("ln -sfn berta '%s/prod'", w->f.root);
        step_done_unseen(&w->f, &step_switch_ops, "switch", &w->arguments.base);
        assert_links(w, "berta", "anna");
}

static void a_run_that_is_done_is_found_done(void **state)
{
        World *w = *state;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__switch_result__descriptor);

        assert_int_equal(
                step_switch_ops.check(w->f.context, &w->arguments.base, result, &w->error), 0);
        step_done_unseen(&w->f, &step_switch_ops, "switch", &w->arguments.base);
        assert_int_equal(
                step_switch_ops.check(w->f.context, &w->arguments.base, result, &w->error), 1);
}

static void undo_puts_back_what_was_set_however_much_it_was(void **state)
{
        World *w = *state;

        step_done_unseen(&w->f, &step_switch_ops, "switch", &w->arguments.base);
        step_undone(&w->f, &step_switch_ops, &w->arguments.base);
        assert_links(w, "anna", "berta");
        shell("ln -sfn berta '%s/prod'", w->f.root);
        step_undone(&w->f, &step_switch_ops, &w->arguments.base);
        assert_links(w, "anna", "berta");
        step_undone(&w->f, &step_switch_ops, &w->arguments.base);
        assert_links(w, "anna", "berta");
}

static void a_link_can_be_made_and_removed(void **state)
{
        World *w = *state;

        w->arguments.links++; // preview only
        w->arguments.n_links = 1;
        w->preview.site = "";
        step_done_unseen(&w->f, &step_switch_ops, "switch", &w->arguments.base);
        assert_links(w, "anna", NULL);
        step_undone(&w->f, &step_switch_ops, &w->arguments.base);
        assert_links(w, "anna", "berta");
        shell("rm '%s/preview'", w->f.root);
        w->preview.before = "";
        w->preview.site = "carla";
        step_done_unseen(&w->f, &step_switch_ops, "switch", &w->arguments.base);
        assert_links(w, "anna", "carla");
        step_undone(&w->f, &step_switch_ops, &w->arguments.base);
        assert_links(w, "anna", NULL);
}

static void links_of_an_older_kind_are_understood(void **state)
{
        World *w = *state;

        shell("cd '%s' && ln -sfn \"$PWD/anna\" prod && ln -sfn ./berta/ preview", w->f.root);
        step_done_unseen(&w->f, &step_switch_ops, "switch", &w->arguments.base);
        assert_links(w, "berta", "anna");
}

static void a_link_that_somebody_else_has_set_is_left_alone(void **state)
{
        World *w = *state;

        w->preview.before = "carla";
        refused(w, "link-moved");
        assert_non_null(strstr(w->error.why, "berta"));
}

static void what_is_no_link_is_left_alone(void **state)
{
        World *w = *state;

        w->arguments.n_links = 1;
        shell("cd '%s' && rm prod && mkdir prod", w->f.root);
        step_refused(&w->f, &step_switch_ops, "switch", &w->arguments.base, "bad-link", &w->error);
        assert_true(there(&w->f, "prod"));
}

static void only_project_directories_beneath_the_root_are_linked(void **state)
{
        World *w = *state;

        w->prod.site = "dora";
        refused(w, "no-site");
        w->prod.site = "../root/berta";
        refused(w, "bad-name");
        shell("ln -s carla '%s/emma'", w->f.root);
        w->prod.site = "emma";
        refused(w, "escape");
        shell("rm '%s/berta/manage.py'", w->f.root);
        w->prod.site = "berta";
        refused(w, "no-project");
}

static void only_the_two_links_are_set_and_each_to_a_site_of_its_own(void **state)
{
        World *w = *state;

        w->prod.name = "carla";
        refused(w, "bad-link");
        w->prod.name = "prod";
        w->preview.site = "berta";
        refused(w, "bad-link");
}

static void a_root_that_the_policy_does_not_list_is_refused(void **state)
{
        World *w = *state;

        w->arguments.root = w->f.directory;
        refused(w, "policy");
}

static void no_link_is_set_when_one_of_them_cannot_be(void **state)
{
        World *w = *state;

        shell("cd '%s' && rm preview && mkdir preview", w->f.root);
        w->preview.before = "";
        step_refused(&w->f, &step_switch_ops, "switch", &w->arguments.base, "bad-link", &w->error);
        assert_text_at(&w->f, "prod", "anna");
}

static void a_second_link_that_cannot_be_set_takes_the_first_one_back(void **state)
{
        World *w = *state;

        fail_at = 2;
        refused(w, "link");
        assert_int_equal(fail_at, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(both_links_are_exchanged_and_stay_relative),
                TEST(a_run_killed_between_the_links_goes_on),
                TEST(a_run_that_is_done_is_found_done),
                TEST(undo_puts_back_what_was_set_however_much_it_was),
                TEST(a_link_can_be_made_and_removed),
                TEST(links_of_an_older_kind_are_understood),
                TEST(a_link_that_somebody_else_has_set_is_left_alone),
                TEST(what_is_no_link_is_left_alone),
                TEST(only_project_directories_beneath_the_root_are_linked),
                TEST(only_the_two_links_are_set_and_each_to_a_site_of_its_own),
                TEST(a_root_that_the_policy_does_not_list_is_refused),
                TEST(a_second_link_that_cannot_be_set_takes_the_first_one_back),
                TEST(no_link_is_set_when_one_of_them_cannot_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
