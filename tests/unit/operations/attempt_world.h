// Upgrade attempts of series "mdg", as its operators ask for them.
#ifndef UNDERSTUDY_TEST_ATTEMPT_WORLD_H
#define UNDERSTUDY_TEST_ATTEMPT_WORLD_H

#include "base/clock.h"
#include "calendar/due.h"
#include "fake.h"

#define MINUTE_US (60 * US_PER_SECOND)
#define ATTEMPT   "/v1/series/{series}/attempt"

static inline void say(const char *path, json_t *take_body)
{
        json_t *shown;

        if (fake_ask("POST", path, "mdg", take_body, NULL, &shown) < 0)
                fail_msg("%s: %s", path, fake.error.what);
        json_decref(shown);
}

static inline void plan(const char *at, const char *when_over)
{
        say(ATTEMPT, json_pack("{s:s, s:i, s:s}", "at", at, "lapse_seconds", 3600, "when_over",
                             when_over));
}

static inline void assert_attempt(const char *state)
{
        json_t *shown;

        assert_int_equal(fake_ask("GET", ATTEMPT, "mdg", NULL, NULL, &shown), 0);
        assert_string_equal(json_string_value(json_object_get(shown, "state")), state);
        json_decref(shown);
}

// What the controller does when its clock shows `now_us`.
static inline void look(int64_t now_us)
{
        assert_int_equal(due_run(fake.controller, now_us, &fake.error), 0);
        fake_commit();
        fake_run();
}

static inline int rehearse(void)
{
        int job = fake_sync("mdg");

        assert_true(job > 0);
        fake_run();
        return job;
}

// A preview that has been rehearsed: it is fit.
static inline FakeHost *world_with_preview(void)
{
        FakeHost *host = fake_world_with_preview();

        rehearse();
        host->log[0] = '\0';
        return host;
}

static inline int open_attempt(const char *when_over)
{
        int job;

        plan("now", when_over);
        job = fake_job("POST", ATTEMPT "/open", "mdg", NULL);
        fake_run();
        return job;
}

static inline void cancel_attempt(void)
{
        assert_true(fake_job("POST", ATTEMPT "/cancel", "mdg", NULL) > 0);
        fake_run();
}

// Newest first, as "kind kind ".
static inline void assert_announced(const char *expected)
{
        json_t *shown, *one;
        char found[512] = "";
        size_t i;

        assert_int_equal(fake_ask("GET", "/v1/announcements", NULL, NULL, NULL, &shown), 0);
        json_array_foreach (shown, i, one) {
                strncat(found, json_string_value(json_object_get(one, "kind")), 60);
                strncat(found, " ", 2);
                assert_string_equal(json_string_value(json_object_get(one, "about")), "attempt");
        }
        assert_string_equal(found, expected);
        json_decref(shown);
}

#endif
