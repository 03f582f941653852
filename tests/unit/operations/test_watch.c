#include "fake.h"
#include "tell/watch.h"

typedef struct Seen {
        char types[512]; // first letter of each event's type
        int64_t last_seq;
        int calls;
        bool last;
} Seen;

static Seen seen;

static void on_events(void *userdata, json_t *events, bool last)
{
        size_t i;
        json_t *event;

        (void)userdata;
        assert_false(seen.last); // nothing follows the last
        json_array_foreach (events, i, event) {
                int64_t seq = json_integer_value(json_object_get(event, "seq"));

                assert_true(seq > seen.last_seq);
                assert_true(json_is_real(json_object_get(event, "at")));
                seen.last_seq = seq;
                if (strlen(seen.types) + 1 < sizeof seen.types)
                        seen.types[strlen(seen.types)] =
                                json_string_value(json_object_get(event, "type"))[0];
        }
        seen.calls++;
        seen.last = last;
        if (last)
                event_base_loopbreak(fake.base);
}

static Watch *watch(int job, uint64_t after)
{
        Watch *made;

        memset(&seen, 0, sizeof seen);
        seen.last_seq = (int64_t)after;
        assert_int_equal(
                watch_new(fake.controller, (uint64_t)job, after, on_events, NULL, &made, NULL), 0);
        return made;
}

static void an_ended_job_is_told_as_a_whole_and_ends(void **state)
{
        Watch *made;

        fake_world();
        (void)state;
        made = watch(1, 0);
        event_base_dispatch(fake.base);
        assert_true(seen.last);
        assert_int_equal(seen.calls, 1);
        assert_int_equal(seen.types[0], 'j');
        assert_non_null(strchr(seen.types, 't'));
        assert_non_null(strchr(seen.types, 'l'));
        assert_non_null(strchr(seen.types, 'p'));
        assert_int_equal(seen.types[strlen(seen.types) - 1], 'j');
        watch_free(made);
}

static void a_watcher_goes_on_where_it_was_cut_off(void **state)
{
        Watch *made;
        int64_t all;

        fake_world();
        (void)state;
        made = watch(1, 0);
        event_base_dispatch(fake.base);
        all = seen.last_seq;
        watch_free(made);
        made = watch(1, (uint64_t)all - 1);
        event_base_dispatch(fake.base);
        assert_int_equal(strlen(seen.types), 1);
        watch_free(made);
        made = watch(1, (uint64_t)all);
        event_base_dispatch(fake.base);
        assert_true(seen.last);
        assert_int_equal(strlen(seen.types), 0);
        watch_free(made);
}

static void what_happens_is_told_in_batches(void **state)
{
        FakeHost *host = fake_world();
        Watch *made;
        int calls;

        (void)state;
        host->hold = "probe";
        made = watch(fake_prepare("mdg"), 0);
        event_base_loop(fake.base, EVLOOP_ONCE);
        calls = seen.calls;
        fake_run();
        event_base_loop(fake.base, EVLOOP_NONBLOCK);
        assert_int_equal(seen.calls, calls); // not before 100 ms are over
        fake_release(host);
        fake_run();
        event_base_dispatch(fake.base);
        assert_true(seen.last);
        assert_int_equal(seen.calls, calls + 1);
        watch_free(made);
}

static void a_job_that_waits_for_a_person_ends_the_watch(void **state)
{
        Watch *made;
        int job;

        fake_world();
        (void)state;
        job = fake_job("POST", "/v1/series/{series}/preview", "mdg",
                json_pack("{s:s, s:b}", "site", "bert", "review", 1));
        fake_run();
        made = watch(job, 0);
        event_base_dispatch(fake.base);
        assert_true(seen.last);
        fake_about("resume", job);
        fake_run();
        event_base_loop(fake.base, EVLOOP_NONBLOCK); // nothing follows
        watch_free(made);
}

static void a_watch_over_a_restart_sees_each_number_once(void **state)
{
        FakeHost *host = fake_world();
        Watch *made;
        int64_t seq;
        int job;

        (void)state;
        host->hold = "clone";
        job = fake_prepare("mdg");
        fake_run();
        made = watch(job, 0);
        event_base_loop(fake.base, EVLOOP_ONCE);
        seq = seen.last_seq;
        watch_free(made);
        fake_crash();
        fake_connect(host);
        fake_release(host);
        fake_run();
        made = watch(job, (uint64_t)seq);
        event_base_dispatch(fake.base);
        assert_true(seen.last);
        watch_free(made);
}

static void an_unknown_job_cannot_be_watched(void **state)
{
        Watch *made;

        fake_world();
        (void)state;
        assert_int_equal(
                watch_new(fake.controller, 99, 0, on_events, NULL, &made, &fake.error), -ENOENT);
        assert_int_equal(
                watch_new(fake.controller, UINT64_MAX, 0, on_events, NULL, &made, NULL), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_TEST(an_ended_job_is_told_as_a_whole_and_ends),
                FAKE_TEST(a_watcher_goes_on_where_it_was_cut_off),
                FAKE_TEST(what_happens_is_told_in_batches),
                FAKE_TEST(a_job_that_waits_for_a_person_ends_the_watch),
                FAKE_TEST(a_watch_over_a_restart_sees_each_number_once),
                FAKE_TEST(an_unknown_job_cannot_be_watched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
