// Programs of sites, by a manager that is a program of the administrator's:
// tests/unit/steps/manager.py starts tests/integration/fake_app.py.
#include "serving.h"

extern const StepOps step_service_ops;

typedef struct World {
        StepFixture f;
        FakeServing s;
        Fleet__Program program, *programs[1];
        Fleet__ServiceArguments arguments;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "service");
        fake_serving(&w->s);
        fake_site_make(&w->f, "anna");
        write_at(&w->f, "anna/understudy_managed.json",
                "{\"role\": {\"roles\": {\"prod\": {\"hosts\": [\"lino.example.com\"]}}}}");
        w->f.policy.hosting.command.command = text_format(
                "/usr/bin/python3 " SOURCE_DIR "/tests/unit/steps/manager.py %s " SOURCE_DIR
                "/tests/integration/fake_app.py",
                w->f.root);
        fleet__program__init(&w->program);
        w->program.site = "anna";
        w->program.role = "prod";
        w->program.up = true;
        fleet__service_arguments__init(&w->arguments);
        w->programs[0] = &w->program;
        w->arguments.root = w->f.root;
        w->arguments.serving = &w->s.serving;
        w->arguments.programs = w->programs;
        w->arguments.n_programs = 1;
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        World *w = *state;

        shell("%s stop anna-prod", w->f.policy.hosting.command.command);
        error_clear(&w->error);
        free(w->f.policy.hosting.command.command);
        step_fixture_close(&w->f);
        free(w);
        return 0;
}

static void run(World *w)
{
        step_done_unseen(&w->f, &step_service_ops, "service", &w->arguments.base);
}

static void refused(World *w, const char *code)
{
        step_refused(&w->f, &step_service_ops, "service", &w->arguments.base, code, &w->error);
}

static bool runs(const World *w)
{
        return there(&w->f, "anna-prod.pid");
}

static void a_program_is_started_and_answers(void **state)
{
        World *w = *state;

        run(w);
        assert_true(runs(w));
        run(w);
        assert_true(there(&w->f, "anna/.understudy-run/prod.sock"));
}

static void stopped_it_leaves_no_socket(void **state)
{
        World *w = *state;

        run(w);
        w->program.up = false;
        run(w);
        assert_false(runs(w));
        assert_false(there(&w->f, "anna/.understudy-run/prod.sock"));
        run(w);
}

static void undone_it_is_what_it_was_before(void **state)
{
        World *w = *state;

        run(w);
        step_undone(&w->f, &step_service_ops, &w->arguments.base);
        assert_false(runs(w));
        w->program.up = false;
        step_undone(&w->f, &step_service_ops, &w->arguments.base);
        assert_true(runs(w));
}

static void as_found_only_what_ran_is_started_again(void **state)
{
        World *w = *state;

        run(w);
        w->program.up = false;
        w->arguments.as_found = true;
        run(w);
        run(w); // as after a kill
        step_undone(&w->f, &step_service_ops, &w->arguments.base);
        assert_true(runs(w));
        shell("%s stop anna-prod && rm '%s/anna/.understudy-run/.prod.stopped'",
                w->f.policy.hosting.command.command, w->f.root);
        run(w);
        step_undone(&w->f, &step_service_ops, &w->arguments.base);
        assert_false(runs(w));
}

static void a_program_that_does_not_answer_well_is_told(void **state)
{
        World *w = *state;

        fake_site_behave(&w->f, "anna", "error");
        refused(w, "health");
        assert_non_null(strstr(w->error.why, "status 500"));
        fake_site_behave(&w->f, "anna", "wrong");
        refused(w, "health");
        assert_non_null(strstr(w->error.why, "'stranger prod'"));
        w->s.serving.health_seconds = 1;
        fake_site_behave(&w->f, "anna", "hang");
        refused(w, "health");
        assert_non_null(strstr(w->error.why, "no answer within 1 s"));
        w->arguments.unasked = true;
        run(w);
}

static void a_pattern_that_tells_no_programs_apart_is_refused(void **state)
{
        World *w = *state;

        w->s.serving.program = "%s";
        refused(w, "serving");
        w->s.serving.program = "lino-%r";
        refused(w, "serving");
        w->s.serving.program = "..-%s-%r";
        refused(w, "serving");
}

static void a_manager_that_this_host_does_not_have_is_told(void **state)
{
        World *w = *state;

        w->s.serving.manager = "supervisor";
        refused(w, "manager");
        assert_non_null(strstr(w->error.next, "[supervisor]"));
        w->s.serving.manager = "upstart";
        refused(w, "manager");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_program_is_started_and_answers),
                TEST(stopped_it_leaves_no_socket),
                TEST(undone_it_is_what_it_was_before),
                TEST(as_found_only_what_ran_is_started_again),
                TEST(a_program_that_does_not_answer_well_is_told),
                TEST(a_pattern_that_tells_no_programs_apart_is_refused),
                TEST(a_manager_that_this_host_does_not_have_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
