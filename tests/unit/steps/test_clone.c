#include "run.h"

extern const StepOps step_clone_ops;

// Site anna is to be cloned as berta.
typedef struct World {
        StepFixture f;
        Fleet__Site anna, berta;
        Fleet__CloneArguments arguments;
        Fleet__ProbeResult probe;
        Fleet__Identity identity;
        Fleet__Database database;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "clone");
        fake_site_make(&w->f, "anna");
        w->anna = fake_site(&w->f, "anna");
        w->berta = fake_site(&w->f, "berta");
        fleet__clone_arguments__init(&w->arguments);
        fleet__probe_result__init(&w->probe);
        fleet__identity__init(&w->identity);
        fleet__database__init(&w->database);
        w->database.engine = "sqlite";
        w->database.name = text_format("%s/anna/anna", w->f.root);
        w->identity.database = &w->database;
        w->probe.identity = &w->identity;
        w->arguments.production_probe = &w->probe;
        w->arguments.production = &w->anna;
        w->arguments.preview = &w->berta;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        free(w->database.name);
        error_clear(&w->error);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static Fleet__CloneResult *cloned(World *w)
{
        return (Fleet__CloneResult *)step_done(&w->f, &step_clone_ops, "clone", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(&w->f, &step_clone_ops, "clone", &w->arguments.base, code, &w->error);
}

static void assert_nothing_is_left(const World *w)
{
        shell("test \"$(ls -A '%s')\" = anna", w->f.root);
}

static bool left_out(const Fleet__CloneResult *result, const char *path)
{
        for (size_t i = 0; i < result->n_left_out; i++)
                if (text_equal(result->left_out[i], path))
                        return true;
        return false;
}

static void a_clone_has_what_production_has(void **state)
{
        World *w = *state;
        Fleet__CloneResult *result;
        _cleanup_free_ char *before = NULL, *after = NULL;

        shell("cd '%s/anna' && mkdir -p media/uploads config && echo x > media/uploads/a.pdf && "
              "chmod 640 media/uploads/a.pdf && echo y > config/b",
                w->f.root);
        before = fake_site_manifest(&w->f, "anna");
        result = cloned(w);
        after = fake_site_manifest(&w->f, "anna");
        assert_string_equal(before, after);
        assert_true(result->files > 4);
        fleet__clone_result__free_unpacked(result, NULL);
        shell("cd '%s' && diff -r --no-dereference -x env -x anna -x __pycache__ -x "
              ".understudy-clone anna berta && test $(stat -c %%a berta/media/uploads/a.pdf) = 640",
                w->f.root);
}

static void what_belongs_to_production_alone_is_left_out(void **state)
{
        World *w = *state;
        Fleet__CloneResult *result;

        shell("cd '%s/anna' && mkdir -p snapshot2preview log local/__pycache__ && touch "
              "anna-wal anna-shm uwsgi.pid snapshot2preview/restore.py log/lino.log && "
              "cp anna anna.previous && touch anna.conf",
                w->f.root);
        make_socket(&w->f, "anna/s");
        result = cloned(w);
        static const char *const paths[] = {"env", "log", "snapshot2preview", "anna", "anna-wal",
                "anna-shm", "anna.previous", "uwsgi.pid", "local/__pycache__", "s"};
        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                _cleanup_free_ char *path = text_format("berta/%s", paths[i]);

                if (!left_out(result, paths[i]) || there(&w->f, path))
                        fail_msg("%s is in the clone", paths[i]);
        }
        fleet__clone_result__free_unpacked(result, NULL);
        assert_true(there(&w->f, "berta/anna.conf"));
}

static void links_into_production_lead_into_the_clone(void **state)
{
        World *w = *state;
        _cleanup_free_ char *expected = text_format("%s/berta/tmp", w->f.root);

        shell("cd '%s/anna' && mkdir -p tmp media/volumes && ln -s \"$PWD/tmp\" "
              "media/volumes/inbox "
              "&& ln -s /usr/share media/volumes/other && ln -s nowhere dangling",
                w->f.root);
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        assert_text_at(&w->f, "berta/media/volumes/inbox", expected);
        assert_text_at(&w->f, "berta/media/volumes/other", "/usr/share");
        assert_text_at(&w->f, "berta/dangling", "nowhere");
}

static void links_into_production_by_another_name_lead_into_the_clone(void **state)
{
        World *w = *state;
        _cleanup_free_ char *expected = text_format("%s/berta/tmp", w->f.root);
        _cleanup_free_ char *other = text_format("%s/productionary", w->f.root);

        text_list_take(&w->f.policy.roots, text_format("%s/other", w->f.directory));
        shell("cd '%s' && ln -s root other && ln -s anna root/prod && mkdir -p root/anna/tmp && "
              "ln -s '%s/other/anna/tmp' root/anna/media/one && "
              "ln -s '%s/other/prod/tmp' root/anna/media/two && "
              "ln -s '%s/prod/tmp' root/anna/media/three && ln -s '%s' root/anna/media/four",
                w->f.directory, w->f.directory, w->f.directory, w->f.root, other);
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        assert_text_at(&w->f, "berta/media/one", expected);
        assert_text_at(&w->f, "berta/media/two", expected);
        assert_text_at(&w->f, "berta/media/three", expected);
        assert_text_at(&w->f, "berta/media/four", other);
}

static void special_files_in_media_are_reported(void **state)
{
        World *w = *state;
        Fleet__CloneResult *result;

        make_socket(&w->f, "anna/media/socket");
        result = cloned(w);
        assert_int_equal(result->n_special, 1);
        assert_string_equal(result->special[0]->path, "media/socket");
        fleet__clone_result__free_unpacked(result, NULL);
}

static void a_directory_that_exists_is_refused(void **state)
{
        World *w = *state;

        shell("mkdir '%s/berta' && echo mine > '%s/berta/file'", w->f.root, w->f.root);
        refused(w, "exists");
        step_undone(&w->f, &step_clone_ops, &w->arguments.base);
        assert_text_at(&w->f, "berta/file", "mine\n");
}

static void a_clone_of_another_job_is_refused(void **state)
{
        World *w = *state;

        fleet__clone_result__free_unpacked(cloned(w), NULL);
        write_at(&w->f, "berta/.understudy-clone", "job 7\n");
        refused(w, "exists");
        step_undone(&w->f, &step_clone_ops, &w->arguments.base);
        assert_true(there(&w->f, "berta/settings.py"));
}

static void a_clone_of_another_controller_with_the_same_job_is_refused(void **state)
{
        World *w = *state;

        w->f.policy.controller = text_copy("1111111111111111");
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        w->f.policy.controller[0] = '2'; // set up anew: its jobs begin at 1 again
        refused(w, "exists");
        step_undone(&w->f, &step_clone_ops, &w->arguments.base);
        assert_true(there(&w->f, "berta/settings.py"));
}

static void a_link_of_that_name_is_refused(void **state)
{
        World *w = *state;

        shell("ln -s anna '%s/berta'", w->f.root);
        refused(w, "escape");
        assert_text_at(&w->f, "berta", "anna");
}

static void a_name_that_is_none_is_refused(void **state)
{
        World *w = *state;

        w->berta.name = "preview";
        refused(w, "bad-name");
        w->berta.name = "../berta";
        refused(w, "bad-name");
        assert_nothing_is_left(w);
}

static void a_root_beyond_the_policy_is_refused(void **state)
{
        World *w = *state;

        w->berta.root = w->f.directory;
        refused(w, "policy");
        assert_nothing_is_left(w);
}

static void media_that_is_a_link_is_refused(void **state)
{
        World *w = *state;

        shell("cd '%s' && mv anna/media ../media && ln -s ../../media anna/media", w->f.root);
        refused(w, "media-link");
        assert_nothing_is_left(w);
}

static void a_killed_clone_begins_again(void **state)
{
        World *w = *state;

        shell("cd '%s' && mkdir -p .berta.understudy-clone/media .berta.understudy-clone/half",
                w->f.root);
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        assert_true(there(&w->f, "berta/settings.py"));
        assert_false(there(&w->f, "berta/half"));
        shell("test \"$(ls -A '%s' | tr '\\n' ' ')\" = 'anna berta '", w->f.root);
}

static void a_clone_that_is_done_is_found_done(void **state)
{
        World *w = *state;
        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__clone_result__descriptor);

        assert_int_equal(
                step_clone_ops.check(w->f.context, &w->arguments.base, result, &w->error), 0);
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        assert_int_equal(
                step_clone_ops.check(w->f.context, &w->arguments.base, result, &w->error), 1);
        assert_int_equal(
                step_clone_ops.run(w->f.context, &w->arguments.base, result, &w->error), 0);
}

static void a_clone_killed_after_it_was_published_is_tidied_up(void **state)
{
        World *w = *state;

        fleet__clone_result__free_unpacked(cloned(w), NULL);
        shell("mkdir '%s/.berta.understudy-clone'", w->f.root);
        fleet__clone_result__free_unpacked(cloned(w), NULL);
        shell("test \"$(ls -A '%s' | tr '\\n' ' ')\" = 'anna berta '", w->f.root);
}

static void undo_removes_the_clone_wherever_it_was_killed(void **state)
{
        World *w = *state;

        fleet__clone_result__free_unpacked(cloned(w), NULL);
        step_undone(&w->f, &step_clone_ops, &w->arguments.base);
        assert_nothing_is_left(w);
        step_undone(&w->f, &step_clone_ops, &w->arguments.base);
        shell("cd '%s' && mkdir -p .berta.understudy-clone/x .berta.understudy-gone/y", w->f.root);
        step_undone(&w->f, &step_clone_ops, &w->arguments.base);
        assert_nothing_is_left(w);
}

static void a_clone_that_became_production_is_not_undone(void **state)
{
        World *w = *state;

        fleet__clone_result__free_unpacked(cloned(w), NULL);
        shell("ln -s berta '%s/prod'", w->f.root);
        assert_true(step_clone_ops.undo(w->f.context, &w->arguments.base, &w->error) < 0);
        assert_string_equal(w->error.code, "in-use");
        assert_true(there(&w->f, "berta/settings.py"));
}

static void a_canceled_clone_leaves_nothing_under_the_name(void **state)
{
        World *w = *state;

        _cleanup_message_ ProtobufCMessage *result = message_new(&fleet__clone_result__descriptor);

        step_fixture_cancel(&w->f);
        assert_int_equal(step_clone_ops.run(w->f.context, &w->arguments.base, result, &w->error),
                -ECANCELED);
        assert_false(there(&w->f, "berta"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_clone_has_what_production_has),
                TEST(what_belongs_to_production_alone_is_left_out),
                TEST(links_into_production_lead_into_the_clone),
                TEST(links_into_production_by_another_name_lead_into_the_clone),
                TEST(special_files_in_media_are_reported),
                TEST(a_directory_that_exists_is_refused),
                TEST(a_clone_of_another_job_is_refused),
                TEST(a_clone_of_another_controller_with_the_same_job_is_refused),
                TEST(a_link_of_that_name_is_refused),
                TEST(a_name_that_is_none_is_refused),
                TEST(a_root_beyond_the_policy_is_refused),
                TEST(media_that_is_a_link_is_refused),
                TEST(a_killed_clone_begins_again),
                TEST(a_clone_that_is_done_is_found_done),
                TEST(a_clone_killed_after_it_was_published_is_tidied_up),
                TEST(undo_removes_the_clone_wherever_it_was_killed),
                TEST(a_clone_that_became_production_is_not_undone),
                TEST(a_canceled_clone_leaves_nothing_under_the_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
