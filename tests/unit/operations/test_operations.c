#include "fake.h"
#include "wire/pki.h"

// One row for each operation: how it is asked well, and what it must answer.
typedef struct Case {
        const char *method, *path;
        const char *subject; // known one
        const char *body;    // good one
        const char *member;  // that its answer must have; NULL: the answer is a list, or a text
        bool strict;         // refuses a member that it does not know
} Case;

// In an order in which each finds what it needs.
static const Case cases[] = {
        {"POST", "/v1/hosts", NULL, "{'name': 'beta'}", "join", true},
        {"GET", "/v1/hosts", NULL, "{}", NULL, false},
        {"GET", "/v1/hosts/{host}", "alpha", "{}", "connected", false},
        {"GET", "/v1/hosts/{host}/window", "alpha", "{}", "window", false},
        {"POST", "/v1/hosts/{host}/window", "alpha", "{'window': '', 'zone': 'UTC'}", "runs", true},
        {"POST", "/v1/series", NULL,
                "{'name': 'second', 'host': 'alpha', 'root': '/srv/lino/two',"
                " 'production': 'anna', 'keep_old_seconds': 86400}",
                "tasks", true},
        {"GET", "/v1/series", NULL, "{}", NULL, false},
        {"GET", "/v1/series/{series}", "mdg", "{}", "last_sync", false},
        {"POST", "/v1/series/{series}/preview", "mdg",
                "{'site': 'bert', 'install': ['lino==26.9'], 'dry_run': false, 'review': true}",
                "tasks", true},
        {"POST", "/v1/jobs/{job}/resume", "3", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/sync", "mdg", "{'dry_run': false}", "tasks", true},
        {"POST", "/v1/jobs/{job}/retry", "4", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/allowances", "mdg",
                "{'table': 'uploads_upload', 'why': 'gone in 26.9'}", "allowances", true},
        {"POST", "/v1/series/{series}/settings", "mdg", "{'quick': 'yes'}", "settings", true},
        {"GET", "/v1/series/{series}/schedule", "mdg", "{}", "next", false},
        {"POST", "/v1/series/{series}/schedule", "mdg", "{'zone': 'UTC'}", "next", true},
        {"POST", "/v1/series/{series}/schedule/pause", "mdg", "{}", "next", true},
        {"POST", "/v1/series/{series}/schedule/resume", "mdg", "{}", "next", true},
        {"POST", "/v1/announcements/test", NULL, "{}", "deliveries", true},
        {"POST", "/v1/announcements/{announcement}/retry", "1", "{}", "deliveries", true},
        {"GET", "/v1/announcements", NULL, "{}", NULL, false},
        {"GET", "/v1/calendar", NULL, "{}", NULL, false},
        {"GET", "/v1/calendar.ics", NULL, "{}", NULL, false},
        {"POST", "/v1/series/{series}/switch", "mdg", "{}", "tasks", true},
        {"POST", "/v1/jobs/{job}/cancel", "5", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/attempt", "mdg",
                "{'at': '2099-12-31T18:00', 'lapse_seconds': 3600, 'when_over': 'accept'}", "state",
                true},
        {"POST", "/v1/series/{series}/attempt/announce", "mdg", "{}", "state", true},
        {"POST", "/v1/series/{series}/attempt/move", "mdg", "{'at': '2099-12-30T18:00'}",
                "at_local", true},
        {"POST", "/v1/series/{series}/attempt/withdraw", "mdg", "{}", "state", true},
        {"POST", "/v1/series/{series}/attempt", "mdg", "{'at': 'now', 'lapse_seconds': 60}",
                "state", true},
        {"POST", "/v1/series/{series}/attempt/open", "mdg", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/attempt/extend", "mdg", "{'by_seconds': 600}", "ends_at",
                true},
        {"POST", "/v1/series/{series}/attempt/voters", "mdg", "{'voters': ['joe']}", "links", true},
        {"POST", "/v1/series/{series}/attempt/vote", "mdg",
                "{'token': 'TOKEN', 'vote': 'objects', 'why': 'no totals'}", "voted_at", true},
        {"POST", "/v1/series/{series}/attempt/items", "mdg", "{'items': ['Totals']}", "items_open",
                true},
        {"POST", "/v1/series/{series}/attempt/sign", "mdg", "{'items': [1]}", "items_open", true},
        {"POST", "/v1/series/{series}/attempt/voters/remove", "mdg", "{'voters': ['joe']}",
                "voters", true},
        {"POST", "/v1/series/{series}/attempt/report", "mdg", "{}", "tasks", true},
        {"GET", "/v1/series/{series}/attempt/report", "mdg", "{}", "tables", false},
        {"POST", "/v1/series/{series}/attempt/cancel", "mdg", "{}", "tasks", true},
        {"GET", "/v1/series/{series}/attempt", "mdg", "{}", "state", false},
        {"POST", "/v1/series/{series}/attempt", "mdg", "{'at': '18:00', 'lapse_seconds': 60}",
                "state", true},
        {"POST", "/v1/series/{series}/attempt/open", "mdg", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/attempt/accept", "mdg", "{}", "ended_at", true},
        {"POST", "/v1/series/{series}/switch", "mdg", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/settings", "mdg",
                "{'prod-hosts': 'lino.example.com', 'preview-hosts': 'preview.example.com'}",
                "settings", true},
        {"POST", "/v1/series/{series}/serve", "mdg", "{}", "tasks", true},
        {"DELETE", "/v1/series/{series}/preview", "mdg", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/preview", "mdg", "{'site': 'carla'}", "tasks", true},
        {"POST", "/v1/series/{series}/switch", "mdg", "{}", "tasks", true},
        {"POST", "/v1/series/{series}/retire", "mdg", "{'site': 'anna', 'dry_run': false}", "tasks",
                true},
        {"POST", "/v1/hosts/{host}/scan", "alpha", "{'root': '/srv/lino/one'}", "tasks", true},
        {"GET", "/v1/jobs", NULL, "{}", NULL, false},
        {"GET", "/v1/jobs/{job}", "1", "{}", "hint", false},
        {"GET", "/v1/history", NULL, "{}", NULL, false},
};

static json_t *parse(const char *quoted)
{
        char *text = text_copy(quoted);
        json_t *json;

        for (char *at = text; *at; at++)
                if (*at == '\'')
                        *at = '"';
        json = json_loads(text, 0, NULL);
        free(text);
        assert_non_null(json);
        return json;
}

// The link that was shown last.
static char *link_token;

static void remember_link(const json_t *shown)
{
        const json_t *link = json_array_get(json_object_get(shown, "links"), 0);
        const char *text = json_string_value(json_object_get(link, "link"));

        if (!text)
                return;
        free(link_token);
        link_token = text_copy(strrchr(text, ' ') + 1);
}

static json_t *body_of(const Case *row)
{
        json_t *body = parse(row->body);

        if (link_token && json_object_get(body, "token"))
                json_object_set_new(body, "token", json_string(link_token));
        return body;
}

static const Case *case_of(const Operation *operation)
{
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                if (text_equal(cases[i].method, operation->method) &&
                        text_equal(cases[i].path, operation->path))
                        return &cases[i];
        return NULL;
}

static char *authority, *authority_key;

static const char *const channels[] = {"mail", NULL};

static int setup(void **state)
{
        fake_setup(state);
        assert_int_equal(pki_make_authority(&authority, &authority_key, NULL), 0);
        fake.setup.authority = authority;
        fake.setup.channels = channels;
        return 0;
}

static int teardown(void **state)
{
        free(authority);
        free(authority_key);
        free(TAKE_PTR(link_token));
        return fake_teardown(state);
}

static void every_operation_has_a_case_here(void **state)
{
        (void)state;
        for (const Operation *row = operations; row->path; row++)
                if (!case_of(row))
                        fail_msg("%s %s is not tested", row->method, row->path);
}

static void every_operation_answers_what_it_promises(void **state)
{
        FakeHost *host = fake_world();

        (void)state;
        host->hold = "restore"; // the retry needs a sync that failed
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                json_t *shown;
                int r;

                if (text_equal(cases[i].path, "/v1/jobs/{job}/retry"))
                        host->hold = NULL;
                if (text_equal(cases[i].path, "/v1/series/{series}/sync"))
                        host->fail = "dump";
                r = fake_ask(cases[i].method, cases[i].path, cases[i].subject, body_of(&cases[i]),
                        NULL, &shown);
                if (r < 0)
                        fail_msg("%s %s: %s", cases[i].method, cases[i].path, fake.error.what);
                remember_link(shown);
                if (cases[i].member)
                        assert_non_null(json_object_get(shown, cases[i].member));
                else
                        assert_true(json_array_size(shown) > 0 || json_string_length(shown) > 0);
                json_decref(shown);
                // The cancel finds its switch still queued, behind a retried sync that is held.
                if (text_equal(cases[i].path, "/v1/jobs/{job}/retry")) {
                        host->fail = NULL;
                        host->hold = "dump";
                }
                fake_run();
                if (text_equal(cases[i].path, "/v1/jobs/{job}/cancel")) {
                        fake_release(host);
                        fake_run();
                }
        }
}

static void every_operation_refuses_what_it_does_not_know(void **state)
{
        fake_world();
        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                json_t *shown;
                json_t *body = parse(cases[i].body);

                if (!cases[i].strict) {
                        json_decref(body);
                        continue;
                }
                json_object_set_new(body, "dryrun", json_true());
                assert_int_equal(fake_ask(cases[i].method, cases[i].path, cases[i].subject, body,
                                         NULL, &shown),
                        -EINVAL);
                assert_string_equal(fake.error.where, "dryrun");
        }
}

static void every_operation_on_something_unknown_says_so(void **state)
{
        fake_world();
        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                json_t *shown;

                if (!cases[i].subject)
                        continue;
                assert_int_equal(fake_ask(cases[i].method, cases[i].path, "nobody",
                                         parse(cases[i].body), NULL, &shown),
                        -ENOENT);
                assert_non_null(strstr(fake.error.what, "nobody"));
                assert_non_null(strstr(fake.error.next, "understudyctl"));
        }
}

static void members_of_the_wrong_type_are_refused(void **state)
{
        static const struct {
                const char *path, *body;
        } bad[] = {
                {"/v1/hosts", "{'name': 7}"},
                {"/v1/hosts", "{}"},
                {"/v1/hosts", "{'name': ''}"},
                {"/v1/hosts", "{'name': 'a b'}"},
                {"/v1/series/{series}/preview", "{'site': 'bert', 'dry_run': 'yes'}"},
                {"/v1/series/{series}/preview", "{'site': 'bert', 'install': 'lino'}"},
                {"/v1/series/{series}/preview", "{'site': 'bert', 'install': [7]}"},
                {"/v1/series/{series}/preview", "{'site': 'bert', 'install': ['']}"},
                {"/v1/series/{series}/preview", "{'site': 'bert', 'install': ['--index-url=x']}"},
                {"/v1/series/{series}/preview", "{'site': 'bert', 'install': ['a\\nb']}"},
                {"/v1/series/{series}/allowances", "{'table': 'a;b', 'why': 'x'}"},
                {"/v1/series/{series}/allowances", "{'table': 'a_b'}"},
                {"/v1/series/{series}/attempt",
                        "{'at': 'now', 'lapse_seconds': 60, 'voters': 'joe'}"},
                {"/v1/series/{series}/attempt", "{'at': 'now', 'lapse_seconds': 60, 'items': [7]}"},
                {"/v1/series/{series}/attempt/voters", "{}"},
                {"/v1/series/{series}/attempt/voters", "{'voters': ['a\\nb']}"},
                {"/v1/series/{series}/attempt/items", "{'items': ['']}"},
                {"/v1/series/{series}/attempt/sign", "{'items': ['1']}"},
                {"/v1/series/{series}/attempt/sign", "{'items': []}"},
                {"/v1/series/{series}/attempt/vote", "{'token': '1-a', 'vote': 'perhaps'}"},
                {"/v1/series/{series}/attempt/vote", "{'vote': 'works'}"},
                {"/v1/series", "{'name': 'x', 'host': 'alpha', 'root': '/srv/x',"
                               " 'production': 'anna', 'keep_old_seconds': -1}"},
        };

        fake_world();
        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                json_t *shown;
                int r = fake_ask("POST", bad[i].path, "mdg", parse(bad[i].body), NULL, &shown);

                if (r != -EINVAL)
                        fail_msg("%s %s gives %d", bad[i].path, bad[i].body, r);
        }
}

static void a_list_is_as_long_as_asked(void **state)
{
        json_t *shown;

        fake_world();
        (void)state;
        fake_prepare("mdg");
        fake_run();
        assert_int_equal(
                fake_ask("GET", "/v1/jobs", NULL, NULL, json_pack("{s:s}", "limit", "1"), &shown),
                0);
        assert_int_equal(json_array_size(shown), 1);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(shown, 0), "id")), 2);
        json_decref(shown);
        assert_int_equal(fake_ask("GET", "/v1/jobs", NULL, NULL,
                                 json_pack("{s:s}", "series", "other"), &shown),
                0);
        assert_int_equal(json_array_size(shown), 0);
        json_decref(shown);
        assert_int_equal(fake_ask("GET", "/v1/history", NULL, NULL,
                                 json_pack("{s:s}", "limit", "0"), &shown),
                -EINVAL);
}

static void a_series_cannot_be_added_on_a_host_that_has_not_joined(void **state)
{
        fake_world();
        (void)state;
        assert_int_equal(fake_job("POST", "/v1/series", NULL,
                                 parse("{'name': 'x', 'host': 'gamma', 'root': '/srv/x',"
                                       " 'production': 'anna'}")),
                -ENOENT);
        assert_non_null(strstr(fake.error.next, "host add gamma"));
}

static void the_history_says_who_asked_what_was_done_and_how_it_ended(void **state)
{
        FakeHost *host = fake_world_with_preview();
        json_t *shown;
        _cleanup_free_ char *text = NULL;

        (void)state;
        host->fail = "dump";
        fake_sync("mdg");
        fake_run();
        assert_int_equal(fake_ask("GET", "/v1/history", NULL, NULL,
                                 json_pack("{s:s}", "series", "mdg"), &shown),
                0);
        text = json_dumps(shown, JSON_COMPACT);
        json_decref(shown);
        assert_non_null(strstr(text, "\"who\":\"jane\""));
        assert_non_null(strstr(text, "series adopted"));
        assert_non_null(strstr(text, "anna in " ROOT " on alpha, Lino Noi 26.9"));
        assert_non_null(strstr(text, "preview prepared"));
        assert_non_null(strstr(text, "preview sync mdg"));
        assert_non_null(strstr(text, "synchronisation failed"));
        assert_non_null(strstr(text, "it went wrong"));
}

int main(void)
{
#define OPERATION_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_operation_has_a_case_here),
                OPERATION_TEST(every_operation_answers_what_it_promises),
                OPERATION_TEST(every_operation_refuses_what_it_does_not_know),
                OPERATION_TEST(every_operation_on_something_unknown_says_so),
                OPERATION_TEST(members_of_the_wrong_type_are_refused),
                OPERATION_TEST(a_list_is_as_long_as_asked),
                OPERATION_TEST(a_series_cannot_be_added_on_a_host_that_has_not_joined),
                OPERATION_TEST(the_history_says_who_asked_what_was_done_and_how_it_ended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
