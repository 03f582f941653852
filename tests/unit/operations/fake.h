// A controller with simulated workers (fake_worker.h), asked by the table of operations.
#ifndef UNDERSTUDY_TEST_FAKE_H
#define UNDERSTUDY_TEST_FAKE_H

#include "fake_worker.h"
#include "remove.h"

// ---- asking

static inline int fake_ask(const char *method, const char *path, const char *subject,
        json_t *take_body, json_t *take_query, json_t **ret)
{
        const OperationRequest request = {.who = "jane",
                .subject = {subject},
                .query = take_query ? take_query : json_object(),
                .body = take_body ? take_body : json_object()};
        const Operation *row = operations;
        int r;

        error_clear(&fake.error);
        *ret = NULL;
        while (row->path && (!text_equal(row->method, method) || !text_equal(row->path, path)))
                row++;
        assert_non_null(row->path);
        r = row->run(fake.controller, &request, ret, &fake.error);
        assert_true((r == 0) == (*ret != NULL));
        assert_true((r == 0) == (fake.error.code == NULL));
        json_decref(request.query);
        json_decref(request.body);
        return r;
}

// Asks for a job and gives its id, or the refusal.
static inline int fake_job(const char *method, const char *path, const char *subject, json_t *body)
{
        json_t *shown;
        int r = fake_ask(method, path, subject, body, NULL, &shown);

        if (r < 0)
                return r;
        r = (int)json_integer_value(json_object_get(shown, "id"));
        json_decref(shown);
        assert_true(r > 0);
        return r;
}

static inline int fake_adopt(const char *series, const char *root)
{
        return fake_job("POST", "/v1/series", NULL,
                json_pack("{s:s, s:s, s:s, s:s}", "name", series, "host", "alpha", "root", root,
                        "production", "anna"));
}

static inline int fake_prepare(const char *series)
{
        return fake_job(
                "POST", "/v1/series/{series}/preview", series, json_pack("{s:s}", "site", "bert"));
}

static inline int fake_sync(const char *series)
{
        return fake_job("POST", "/v1/series/{series}/sync", series, NULL);
}

static inline int fake_scan(const char *host)
{
        return fake_job("POST", "/v1/hosts/{host}/scan", host, NULL);
}

static inline int fake_switch(const char *series)
{
        return fake_job("POST", "/v1/series/{series}/switch", series, NULL);
}

static inline int fake_about(const char *what, int job)
{
        char path[64];
        char id[16];

        snprintf(path, sizeof path, "/v1/jobs/{job}/%s", what);
        snprintf(id, sizeof id, "%d", job);
        return fake_job("POST", path, id, NULL);
}

// A job with its tasks.
static inline json_t *fake_show(int job)
{
        json_t *shown;
        char id[16];

        snprintf(id, sizeof id, "%d", job);
        assert_int_equal(fake_ask("GET", "/v1/jobs/{job}", id, NULL, NULL, &shown), 0);
        return shown;
}

static inline void assert_job(int job, const char *state)
{
        json_t *shown = fake_show(job);

        assert_string_equal(json_string_value(json_object_get(shown, "state")), state);
        json_decref(shown);
}

static inline void assert_hint(int job, const char *part)
{
        json_t *shown = fake_show(job);
        const char *hint = json_string_value(json_object_get(shown, "hint"));

        assert_non_null(hint);
        assert_non_null(strstr(hint, part));
        json_decref(shown);
}

static inline void assert_task(int job, const char *label, const char *state)
{
        json_t *shown = fake_show(job);
        size_t i;
        json_t *task;
        bool found = false;

        json_array_foreach (json_object_get(shown, "tasks"), i, task) {
                if (!text_equal(json_string_value(json_object_get(task, "label")), label))
                        continue;
                assert_string_equal(json_string_value(json_object_get(task, "state")), state);
                found = true;
        }
        assert_true(found);
        json_decref(shown);
}

// The site of a series in a state: its name, or "" for none.
static inline void assert_site(const char *series, const char *state, const char *name)
{
        json_t *shown;
        size_t i;
        json_t *site;
        const char *found = "";

        assert_int_equal(fake_ask("GET", "/v1/series/{series}", series, NULL, NULL, &shown), 0);
        json_array_foreach (json_object_get(shown, "sites"), i, site)
                if (text_equal(json_string_value(json_object_get(site, "state")), state))
                        found = json_string_value(json_object_get(site, "name"));
        assert_string_equal(found, name);
        json_decref(shown);
}

// ---- fixtures

static inline int fake_setup(void **state)
{
        (void)state;
        memset(&fake, 0, sizeof fake);
        log_set_priority(LOG_EMERG);
        strcpy(fake.directory, "/tmp/control-XXXXXX");
        assert_non_null(mkdtemp(fake.directory));
        snprintf(fake.database, sizeof fake.database, "%s/db", fake.directory);
        fake.base = event_base_new();
        fake.setup = (ControllerSetup){.database = fake.database,
                .enrolment = "192.0.2.1:7701",
                .workers = "192.0.2.1:7700",
                .authority_key = "a key of the tests",
                .limits = {2, 8, 256},
                .transport = &fake_transport};
        fake_start();
        return 0;
}

static inline int fake_teardown(void **state)
{
        (void)state;
        fake_crash();
        controller_free(fake.controller);
        for (size_t i = 0; i < ELEMENTS(fake.hosts); i++) {
                while (fake.hosts[i].tasks)
                        fake_forget(&fake.hosts[i], &fake.hosts[i].journal[0]);
                if (fake.hosts[i].probe)
                        fleet__probe_result__free_unpacked(fake.hosts[i].probe, NULL);
        }
        event_base_free(fake.base);
        error_clear(&fake.error);
        remove_tree(fake.directory);
        return 0;
}

// One host, connected; a series "mdg" with production "anna".
static inline FakeHost *fake_world(void)
{
        FakeHost *host = fake_add_host(0, "alpha");
        int job;

        fake_connect(host);
        job = fake_adopt("mdg", ROOT);
        assert_true(job > 0);
        fake_run();
        assert_job(job, "done");
        host->log[0] = '\0';
        return host;
}

// And a preview "bert".
static inline FakeHost *fake_world_with_preview(void)
{
        FakeHost *host = fake_world();
        int job = fake_prepare("mdg");

        assert_true(job > 0);
        fake_run();
        assert_job(job, "done");
        host->log[0] = '\0';
        return host;
}

#define FAKE_TEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

#endif
