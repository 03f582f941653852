#include "run.h"

extern const StepOps step_log_ops;

// Site anna logs to DIRECTORY/log/anna; berta is its clone without a log.
typedef struct World {
        StepFixture f;
        Fleet__Site anna, berta;
        Fleet__LogArguments arguments;
        char *logs;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "log");
        w->logs = text_format("%s/log", w->f.directory);
        shell("mkdir '%s' '%s/anna' '%s/berta' '%s/anna' && chmod 2770 '%s/anna' && "
              "ln -s '%s/anna' '%s/anna/log'",
                w->logs, w->f.root, w->f.root, w->logs, w->logs, w->logs, w->f.root);
        w->anna = fake_site(&w->f, "anna");
        w->berta = fake_site(&w->f, "berta");
        fleet__log_arguments__init(&w->arguments);
        w->arguments.production = &w->anna;
        w->arguments.preview = &w->berta;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        error_clear(&w->error);
        free(w->logs);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static char *given(World *w)
{
        Fleet__LogResult *result =
                (Fleet__LogResult *)step_done(&w->f, &step_log_ops, "log", &w->arguments.base);
        char *directory = text_copy(result->directory);

        fleet__log_result__free_unpacked(result, NULL);
        return directory;
}

static void assert_given(World *w)
{
        _cleanup_free_ char *expected = text_format("%s/berta", w->logs), *directory = given(w);
        struct stat st;

        assert_string_equal(directory, expected);
        assert_text_at(&w->f, "berta/log", expected);
        assert_int_equal(stat(expected, &st), 0);
        assert_int_equal(st.st_mode & 07777, 02770);
}

static void a_linked_log_gets_a_sibling_with_its_mode(void **state)
{
        assert_given(*state);
}

static void a_killed_run_goes_on(void **state)
{
        World *w = *state;

        shell("mkdir -m 0700 '%s/berta'", w->logs);
        assert_given(w);
        shell("echo line > '%s/berta/lino.log'", w->logs);
        assert_given(w); // what the preview has logged since does not make it another's
}

static void a_plain_directory_gets_a_plain_directory(void **state)
{
        World *w = *state;
        _cleanup_free_ char *directory = NULL, *expected = text_format("%s/berta/log", w->f.root);
        struct stat st;

        shell("rm '%s/anna/log' && mkdir -m 0750 '%s/anna/log'", w->f.root, w->f.root);
        directory = given(w);
        assert_string_equal(directory, expected);
        assert_int_equal(lstat(expected, &st), 0);
        assert_int_equal(st.st_mode, S_IFDIR | 0750);
}

static void without_a_log_there_is_none(void **state)
{
        World *w = *state;
        _cleanup_free_ char *none = NULL, *dangling = NULL;

        shell("rm '%s/anna/log'", w->f.root);
        none = given(w);
        assert_string_equal(none, "");
        shell("ln -s '%s/nowhere' '%s/anna/log'", w->logs, w->f.root); // Lino ignores it, too
        dangling = given(w);
        assert_string_equal(dangling, "");
        assert_false(there(&w->f, "berta/log"));
}

static void the_policy_can_say_where_logs_go(void **state)
{
        World *w = *state;

        shell("rm -r '%s/anna' && mkdir '%s/other'", w->logs, w->f.directory);
        w->f.policy.log_root = text_format("%s/other", w->f.directory);
        free(w->logs);
        w->logs = text_copy(w->f.policy.log_root);
        {
                _cleanup_free_ char *expected = text_format("%s/berta", w->logs);
                _cleanup_free_ char *directory = given(w);

                assert_string_equal(directory, expected);
        }
}

static void a_directory_of_somebody_else_is_left_alone(void **state)
{
        World *w = *state;

        shell("mkdir '%s/berta' && echo mine > '%s/berta/lino.log'", w->logs, w->logs);
        step_refused(&w->f, &step_log_ops, "log", &w->arguments.base, "log", &w->error);
        assert_false(there(&w->f, "berta/log"));
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        shell("grep -q mine '%s/berta/lino.log'", w->logs);
}

static void a_site_cannot_have_a_directory_made_where_it_may_not_write(void **state)
{
        World *w = *state;

        if (geteuid() != 0)
                skip();
        shell("chown -R nobody '%s/anna' '%s/berta'; chmod 755 '%s'", w->f.root, w->f.root,
                w->logs);
        text_list_add(&w->f.policy.users, "nobody");
        step_refused(&w->f, &step_log_ops, "log", &w->arguments.base, "log", &w->error);
        assert_non_null(strstr(w->error.next, "log_root = "));
        w->f.policy.log_root = text_copy(w->logs);
        assert_given(w);
}

static void a_link_gives_no_right_to_another_users_directory(void **state)
{
        World *w = *state;

        if (geteuid() != 0)
                skip();
        w->f.policy.log_root = text_copy(w->logs);
        shell("mkdir '%s/berta' && echo theirs > '%s/berta/lino.log' && chown -R daemon "
              "'%s/berta' && ln -s '%s/berta' '%s/berta/log'",
                w->logs, w->logs, w->logs, w->logs, w->f.root);
        step_refused(&w->f, &step_log_ops, "log", &w->arguments.base, "log", &w->error);
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        shell("test \"$(stat -c %%U '%s/berta')\" = daemon && grep -q theirs '%s/berta/lino.log'",
                w->logs, w->logs);
}

// Another root on this host has a berta of its own, of the same user, which logs to the same place.
static void a_directory_of_another_roots_site_of_that_name_is_not_shared(void **state)
{
        World *w = *state;

        assert_given(w);
        shell("printf /srv/other/berta > '%s/berta/.understudy-log'", w->logs);
        step_refused(&w->f, &step_log_ops, "log", &w->arguments.base, "log", &w->error);
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        assert_true(there(&w->f, "../log/berta/.understudy-log"));
        assert_false(there(&w->f, "berta/log"));
}

static void a_directory_from_before_there_were_marks_is_marked(void **state)
{
        World *w = *state;
        _cleanup_free_ char *path = text_format("%s/berta", w->f.root);

        assert_given(w);
        shell("rm '%s/berta/.understudy-log' && touch '%s/berta/lino.log'", w->logs, w->logs);
        assert_given(w);
        assert_text_at(&w->f, "../log/berta/.understudy-log", path);
}

static void undo_takes_directory_and_link_away(void **state)
{
        World *w = *state;

        assert_given(w);
        shell("echo line > '%s/berta/lino.log'", w->logs);
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        assert_false(there(&w->f, "berta/log"));
        assert_false(there(&w->f, "../log/berta"));
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        shell("mkdir '%s/berta'", w->logs); // killed before the link was set
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        assert_false(there(&w->f, "../log/berta"));
        assert_given(w);
        shell("rm '%s/berta/log'", w->f.root);
        step_undone(&w->f, &step_log_ops, &w->arguments.base);
        assert_false(there(&w->f, "../log/berta"));
        assert_true(there(&w->f, "../log/anna"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_linked_log_gets_a_sibling_with_its_mode),
                TEST(a_killed_run_goes_on),
                TEST(a_plain_directory_gets_a_plain_directory),
                TEST(without_a_log_there_is_none),
                TEST(the_policy_can_say_where_logs_go),
                TEST(a_directory_of_somebody_else_is_left_alone),
                TEST(a_site_cannot_have_a_directory_made_where_it_may_not_write),
                TEST(a_link_gives_no_right_to_another_users_directory),
                TEST(a_directory_of_another_roots_site_of_that_name_is_not_shared),
                TEST(a_directory_from_before_there_were_marks_is_marked),
                TEST(undo_takes_directory_and_link_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
