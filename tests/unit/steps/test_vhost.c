// Vhosts, by a web server of few words: it dislikes what holds "bad". That real ones serve what
// they took is seen in tests/integration/test_serving_*.py.
#include "serving.h"

extern const StepOps step_vhost_ops;

#define MARK "# Managed by Understudy for series mdg: what is changed here is overwritten.\n"

typedef struct World {
        StepFixture f;
        FakeServing s;
        char *roles[1];
        Fleet__VhostArguments arguments;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));
        WebHosting *nginx = &w->f.policy.hosting.nginx;

        step_fixture_open(&w->f, "vhost");
        fake_serving(&w->s);
        shell("mkdir -p '%s/sites' '%s/templates/vhost'", w->f.root, w->f.root);
        nginx->vhosts = text_format("%s/sites", w->f.root);
        nginx->test = text_format(
                "/usr/bin/python3 " SOURCE_DIR "/tests/unit/steps/web.py %s", nginx->vhosts);
        nginx->reload = text_copy("/bin/true");
        w->f.policy.hosting.templates = text_format("%s/templates", w->f.root);
        w->roles[0] = "prod";
        fleet__vhost_arguments__init(&w->arguments);
        w->arguments.root = w->f.root;
        w->arguments.serving = &w->s.serving;
        w->arguments.roles = w->roles;
        w->arguments.n_roles = 1;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;
        WebHosting *nginx = &w->f.policy.hosting.nginx;

        error_clear(&w->error);
        free(nginx->vhosts);
        free(nginx->test);
        free(nginx->reload);
        free(w->f.policy.hosting.templates);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static void refused(World *w, const char *code)
{
        step_refused(&w->f, &step_vhost_ops, "vhost", &w->arguments.base, code, &w->error);
}

static void what_the_server_dislikes_is_taken_back(void **state)
{
        World *w = *state;

        write_at(&w->f, "templates/vhost/nginx.conf", "bad @hosts@\n");
        refused(w, "vhost");
        assert_non_null(strstr(w->error.why, "does not like mdg-prod.conf"));
        assert_false(there(&w->f, "sites/mdg-prod.conf"));
        write_at(&w->f, "sites/mdg-prod.conf", MARK "good\n");
        refused(w, "vhost");
        assert_text_at(&w->f, "sites/mdg-prod.conf", MARK "good\n");
        assert_false(there(&w->f, "sites/.mdg-prod.conf.before"));
}

static void a_killed_change_goes_back_to_what_was_before_it(void **state)
{
        World *w = *state;

        write_at(&w->f, "templates/vhost/nginx.conf", "bad @hosts@\n");
        write_at(&w->f, "sites/.mdg-prod.conf.before", MARK "good\n");
        write_at(&w->f, "sites/mdg-prod.conf", MARK "bad lino.example.com\n");
        refused(w, "vhost");
        assert_text_at(&w->f, "sites/mdg-prod.conf", MARK "good\n");
}

static void somebody_elses_file_is_left_alone(void **state)
{
        World *w = *state;

        write_at(&w->f, "sites/mdg-prod.conf", "server {}\n");
        refused(w, "not-ours");
        w->arguments.remove = true;
        refused(w, "not-ours");
        assert_text_at(&w->f, "sites/mdg-prod.conf", "server {}\n");
}

static void a_vhost_is_removed_once(void **state)
{
        World *w = *state;

        w->arguments.remove = true;
        write_at(&w->f, "sites/mdg-prod.conf", MARK "good\n");
        step_done_unseen(&w->f, &step_vhost_ops, "vhost", &w->arguments.base);
        assert_false(there(&w->f, "sites/mdg-prod.conf"));
        step_done_unseen(&w->f, &step_vhost_ops, "vhost", &w->arguments.base);
}

static void only_what_the_job_has_made_is_undone(void **state)
{
        World *w = *state;

        write_at(&w->f, "sites/mdg-prod.conf", MARK "good\n");
        step_undone(&w->f, &step_vhost_ops, &w->arguments.base);
        assert_true(there(&w->f, "sites/mdg-prod.conf"));
        w->arguments.made = true;
        step_undone(&w->f, &step_vhost_ops, &w->arguments.base);
        assert_false(there(&w->f, "sites/mdg-prod.conf"));
}

static void a_template_or_server_that_is_not_there_is_told(void **state)
{
        World *w = *state;

        w->s.serving.vhost = "mine";
        refused(w, "template");
        w->s.serving.web = "lighttpd";
        refused(w, "vhost");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_the_server_dislikes_is_taken_back),
                TEST(a_killed_change_goes_back_to_what_was_before_it),
                TEST(somebody_elses_file_is_left_alone),
                TEST(a_vhost_is_removed_once),
                TEST(only_what_the_job_has_made_is_undone),
                TEST(a_template_or_server_that_is_not_there_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
