#include <pthread.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "run.h"

extern const StepOps step_standby_ops;

// Production berta, and the former one, anna. The way back: an echo, the switch of both links, and
// what a test adds to it.
typedef struct World {
        StepFixture f;
        Fleet__StandbyArguments arguments;
        Fleet__Task parts[3];
        Fleet__Task *way[3];
        Fleet__EchoArguments echo;
        Fleet__SwitchArguments exchange, wrong;
        Fleet__Link prod, preview, nowhere;
        Fleet__Link *links[2], *wrong_links[1];
        Error error;
} World;

static void set_link(Fleet__Link *link, char *name, char *before, char *site)
{
        fleet__link__init(link);
        link->name = name;
        link->before = before;
        link->site = site;
}

static int open_world(void **state)
{
        World *w = memory_new(sizeof(*w));

        step_fixture_open(&w->f, "standby");
        shell("cd '%s' && for site in anna berta; do mkdir $site; touch $site/manage.py "
              "$site/settings.py; done; ln -s berta prod; ln -s anna preview",
                w->f.root);
        fleet__standby_arguments__init(&w->arguments);
        fleet__echo_arguments__init(&w->echo);
        fleet__switch_arguments__init(&w->exchange);
        fleet__switch_arguments__init(&w->wrong);
        set_link(&w->prod, "prod", "berta", "anna");
        set_link(&w->preview, "preview", "anna", "berta");
        set_link(&w->nowhere, "prod", "anna", "carla");
        w->links[0] = &w->prod;
        w->links[1] = &w->preview;
        w->wrong_links[0] = &w->nowhere;
        w->exchange.root = w->wrong.root = w->f.root;
        w->exchange.links = w->links;
        w->exchange.n_links = 2;
        w->wrong.links = w->wrong_links;
        w->wrong.n_links = 1;
        for (size_t i = 0; i < ELEMENTS(w->parts); i++) {
                fleet__task__init(&w->parts[i]);
                w->way[i] = &w->parts[i];
        }
        w->parts[0].arguments_case = FLEET__TASK__ARGUMENTS_ECHO;
        w->parts[0].echo = &w->echo;
        w->parts[1].arguments_case = FLEET__TASK__ARGUMENTS_SWITCH;
        w->parts[1].switch_ = &w->exchange;
        w->arguments.way_back = w->way;
        w->arguments.n_way_back = 2;
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

static int run(World *w, int64_t *ret_began_us)
{
        _cleanup_message_ ProtobufCMessage *result =
                message_new(&fleet__standby_result__descriptor);
        int r;

        error_clear(&w->error);
        r = step_standby_ops.run(w->f.context, &w->arguments.base, result, &w->error);
        *ret_began_us = ((Fleet__StandbyResult *)result)->began_us;
        return r;
}

static void at_its_moment_it_goes_the_way_back(void **state)
{
        World *w = *state;
        int64_t at_us = clock_now_us() + 300 * US_PER_MS, began_us;

        w->arguments.at_us = at_us;
        assert_int_equal(run(w, &began_us), 0);
        assert_true(began_us >= at_us);
        assert_text_at(&w->f, "prod", "anna");
        assert_text_at(&w->f, "preview", "berta");
        assert_int_equal(step_fixture_said(&w->f, "Nobody has said otherwise"), 1);
}

static void a_moment_that_is_over_is_now(void **state)
{
        World *w = *state;
        int64_t began_us;

        w->arguments.at_us = 1;
        assert_int_equal(run(w, &began_us), 0);
        assert_text_at(&w->f, "prod", "anna");
}

// Nor has it said anything: what it numbers after a crash of the machine comes after what the
// controller has.
static void canceled_before_it_has_done_nothing(void **state)
{
        World *w = *state;
        int64_t began_us;

        w->arguments.at_us = clock_now_us() + 3600 * US_PER_SECOND;
        step_fixture_cancel(&w->f);
        assert_int_equal(run(w, &began_us), -ECANCELED);
        assert_text_at(&w->f, "prod", "berta");
        assert_int_equal(began_us, 0);
        assert_int_equal(step_fixture_said(&w->f, ""), 0);
}

static void *cancel_soon(void *userdata)
{
        usleep(50 * 1000);
        step_fixture_cancel(userdata);
        return NULL;
}

static void a_cancel_wakes_it(void **state)
{
        World *w = *state;
        int64_t began_us;
        pthread_t thread;

        w->arguments.at_us = clock_now_us() + 3600 * US_PER_SECOND;
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &w->f), 0);
        assert_int_equal(run(w, &began_us), -ECANCELED);
        pthread_join(thread, NULL);
        assert_text_at(&w->f, "prod", "berta");
}

static void killed_on_its_way_it_goes_on_although_it_is_canceled_then(void **state)
{
        World *w = *state;
        int64_t began_us;

        assert_int_equal(step_bind(w->f.context, &w->error), 0);
        context_free(w->f.context);
        step_fixture_cancel(&w->f);
        assert_int_equal(context_open(w->f.task, &w->f.policy, w->f.cancel_fd, &w->f.deadline_over,
                                 &w->f.context, &w->error),
                0);
        shell("ln -sfn anna '%s/prod'", w->f.root);
        w->arguments.at_us = clock_now_us() + 3600 * US_PER_SECOND;
        assert_int_equal(run(w, &began_us), 0);
        assert_text_at(&w->f, "prod", "anna");
        assert_text_at(&w->f, "preview", "berta");
}

static void what_fails_on_its_way_is_taken_back(void **state)
{
        World *w = *state;
        int64_t began_us;

        w->parts[2].arguments_case = FLEET__TASK__ARGUMENTS_SWITCH;
        w->parts[2].switch_ = &w->wrong;
        w->arguments.n_way_back = 3;
        assert_true(run(w, &began_us) < 0);
        assert_text_at(&w->f, "prod", "berta");
        assert_text_at(&w->f, "preview", "anna");
        assert_int_equal(step_fixture_said(&w->f, "Taking back: Set the links"), 2);
}

static void what_it_does_not_know_it_refuses_at_once(void **state)
{
        World *w = *state;
        int64_t began_us;

        w->parts[0].arguments_case = FLEET__TASK__ARGUMENTS__NOT_SET;
        w->parts[0].echo = NULL;
        w->arguments.at_us = clock_now_us() + 3600 * US_PER_SECOND;
        assert_int_equal(run(w, &began_us), -EOPNOTSUPP);
        assert_string_equal(w->error.code, "unknown-step");
        assert_non_null(w->error.next);
        assert_text_at(&w->f, "prod", "berta");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(at_its_moment_it_goes_the_way_back),
                TEST(a_moment_that_is_over_is_now),
                TEST(canceled_before_it_has_done_nothing),
                TEST(a_cancel_wakes_it),
                TEST(killed_on_its_way_it_goes_on_although_it_is_canceled_then),
                TEST(what_fails_on_its_way_is_taken_back),
                TEST(what_it_does_not_know_it_refuses_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
