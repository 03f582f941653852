// The page that stands in for a frozen site.
#include <sys/stat.h>

#include "serving.h"

extern const StepOps step_maintenance_ops;

#define PAGE "anna/.understudy-run/maintenance.html"

typedef struct World {
        StepFixture f;
        FakeServing s;
        Fleet__Site anna;
        Fleet__MaintenanceArguments arguments;
        Error error;
} World;

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "maintenance");
        fake_serving(&w->s);
        fake_site_make(&w->f, "anna");
        fleet__site__init(&w->anna);
        w->anna.root = w->f.root;
        w->anna.name = "anna";
        fleet__maintenance_arguments__init(&w->arguments);
        w->arguments.site = &w->anna;
        w->arguments.serving = &w->s.serving;
        w->arguments.role = "prod";
        w->arguments.up = true;
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

static void run(World *w, bool up)
{
        w->arguments.up = up;
        step_done_unseen(&w->f, &step_maintenance_ops, "maintenance", &w->arguments.base);
}

static void it_names_the_host_and_only_the_web_server_reads_it(void **state)
{
        World *w = *state;
        _cleanup_free_ char *text = NULL, *path = text_format("%s/" PAGE, w->f.root);
        struct stat st;

        run(w, true);
        assert_int_equal(lstat(path, &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0640);
        text = text_at(&w->f, PAGE);
        assert_non_null(strstr(text, "lino.example.com is being upgraded"));
        run(w, true);
        assert_true(step_fixture_said(&w->f, "Visitors of anna meet the maintenance page."));
}

static void it_is_taken_down_again_and_again(void **state)
{
        World *w = *state;

        run(w, true);
        run(w, false);
        run(w, false);
        assert_false(there(&w->f, PAGE));
}

static void a_job_that_is_taken_back_leaves_no_page(void **state)
{
        World *w = *state;

        for (int up = 0; up < 2; up++) {
                run(w, true);
                w->arguments.up = up;
                step_undone(&w->f, &step_maintenance_ops, &w->arguments.base);
                assert_false(there(&w->f, PAGE));
        }
}

static void a_link_in_the_place_of_its_directory_leads_nowhere(void **state)
{
        World *w = *state;
        _cleanup_free_ char *link = text_format("%s/anna/.understudy-run", w->f.root);
        struct stat st;

        assert_int_equal(symlink("/tmp", link), 0);
        step_refused(&w->f, &step_maintenance_ops, "maintenance", &w->arguments.base, "serving",
                &w->error);
        assert_non_null(strstr(w->error.where, "anna/.understudy-run"));
        assert_int_equal(stat("/tmp/maintenance.html", &st), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
        const struct CMUnitTest tests[] = {
                TEST(it_names_the_host_and_only_the_web_server_reads_it),
                TEST(it_is_taken_down_again_and_again),
                TEST(a_job_that_is_taken_back_leaves_no_page),
                TEST(a_link_in_the_place_of_its_directory_leads_nowhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
