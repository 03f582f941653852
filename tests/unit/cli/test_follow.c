#include <jansson.h>

#include "fake.h"

#define TASK(label, state, more)                                                                   \
        "{\"label\":\"" label "\",\"step\":\"" label "\",\"title\":\"What " label                  \
        " does\",\"state\":\"" state "\",\"started_at\":1795242000.0" more "}"
#define JOB(state, more, tasks)                                                                    \
        "{\"id\":7,\"kind\":\"sync\",\"series\":\"lino\",\"state\":\"" state                       \
        "\",\"dry_run\":false,\"wall_seconds\":75.0" more ",\"tasks\":[" tasks "]}"
#define EVENT(seq, rest)      "id: " #seq "\ndata: {\"seq\":" #seq ",\"at\":1795242001.0," rest "}\n\n"
#define TASK_EVENT(seq, task) EVENT(seq, "\"type\":\"task\",\"task\":" task)
#define LOG_EVENT(seq, stream, text)                                                               \
        EVENT(seq, "\"type\":\"log\",\"label\":\"dump\",\"stream\":\"" stream                      \
                   "\",\"text\":\"" text "\"")

#define PENDING JOB("queued", "", TASK("dump", "pending", "") "," TASK("swap", "pending", ""))
#define DUMPING                                                                                    \
        TASK_EVENT(1, TASK("dump", "running", ""))                                                 \
        EVENT(2, "\"type\":\"progress\",\"label\":\"dump\",\"progress\":{\"unit\":\"objects\","    \
                 "\"done\":1000,\"total\":4000,\"done_bytes\":1500000,\"note\":\"a_table\"}")
#define DUMPED                                                                                     \
        LOG_EVENT(3, "note", "a note")                                                             \
        TASK_EVENT(4, TASK("dump", "done", ",\"wall_seconds\":12.0"))
#define SWAPPED                                                                                    \
        TASK_EVENT(5, TASK("swap", "running", ""))                                                 \
        TASK_EVENT(6, TASK("swap", "done", ",\"already\":true"))
#define DONE                                                                                       \
        JOB("done", "", TASK("dump", "done", ",\"wall_seconds\":12.0") "," TASK("swap", "done", ""))

#define ASKED                                                                                      \
        {                                                                                          \
                "POST /v1/series/lino/sync ", 200, PENDING                                         \
        }
#define ENDED                                                                                      \
        {                                                                                          \
                "GET /v1/jobs/7 ", 200, DONE                                                       \
        }

static const Exchange to_the_end[] = {
        ASKED, {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING DUMPED SWAPPED}, ENDED, {0}};

static void a_job_is_followed_in_plain_lines(void **state)
{
        _cleanup_outcome_ Outcome outcome = run_with(to_the_end, "preview|sync|lino");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_string_equal(outcome.errors, "");
        assert_has(outcome.out, "Job 7: sync of lino\n");
        assert_has(outcome.out, "  dump  running  What dump does\n");
        assert_has(outcome.out, "  dump  a note\n");
        assert_has(outcome.out, "  dump  done  12 s\n");
        assert_has(outcome.out, "  swap  done  as before\n");
        assert_has(outcome.out, "Job 7 is done, after 1 min 15 s.\n");
        assert_has_not(outcome.out, "\033");
        assert_narrow(outcome.out);
}

#define PROBED(kind)                                                                               \
        "{\"id\":7,\"kind\":\"" kind                                                               \
        "\",\"series\":\"lino\",\"state\":\"done\",\"dry_run\":false,"                             \
        "\"wall_seconds\":1.0,\"tasks\":[" TASK(                                                   \
                "probe", "done", ",\"result\":{\"warnings\":[\"env is a link\"]}") "]}"

static void warnings_about_a_site_come_with_it_and_not_every_night(void **state)
{
        static const Exchange sync[] = {ASKED, {"GET /v1/jobs/7/events?after=0 ", 0, ""},
                {"GET /v1/jobs/7 ", 200, PROBED("sync")}, {0}};
        static const Exchange prepare[] = {ASKED, {"GET /v1/jobs/7/events?after=0 ", 0, ""},
                {"GET /v1/jobs/7 ", 200, PROBED("prepare")}, {0}};
        _cleanup_outcome_ Outcome nightly = run_with(sync, "preview|sync|lino");
        _cleanup_outcome_ Outcome first = run_with(prepare, "preview|sync|lino");

        (void)state;
        assert_has_not(nightly.out, "env is a link");
        assert_has(first.out, "env is a link");
}

#define SCANNED                                                                                    \
        "{\"id\":7,\"kind\":\"scan\",\"series\":null,\"host\":\"web1\",\"state\":\"done\","        \
        "\"dry_run\":false,\"wall_seconds\":1.0,\"tasks\":[" TASK("scan", "done",                  \
                ",\"result\":{\"found\":[{\"name\":\"anna\",\"root\":\"/srv/lino\",\"role\":"      \
                "\"production\",\"databases\":[\"sqlite "                                          \
                "/srv/lino/anna/anna\"],\"parts\":[{\"kind\":"                                     \
                "\"nginx vhost\",\"name\":\"x\",\"where\":\"/etc/nginx/a:1\",\"link\":\"prod\","   \
                "\"hosts\":[\"anna.example.com\"]}]}],\"findings\":[{\"severity\":\"danger\","     \
                "\"code\":\"debug-on\",\"site\":\"anna\",\"what\":\"debug is on in 'anna'\","      \
                "\"where\":\"/srv/lino/anna/settings.py:3\",\"why\":\"it shows \\u001b[2Jdata\","  \
                "\"next\":\"Set DEBUG = False.\"}],\"lines\":[{\"command\":\"understudyctl "       \
                "series "                                                                          \
                "add anna --host web1 --root /srv/lino/a/long/directory --production anna\","      \
                "\"note\":\"once the site answers\"}]}") "]}"

static void a_scan_shows_sites_findings_and_lines_to_paste(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/hosts/web1/scan ", 200, SCANNED, .body = "\"root\":\"/srv/lino\""},
                {"GET /v1/jobs/7/events?after=0 ", 0, ""}, {"GET /v1/jobs/7 ", 200, SCANNED}, {0}};
        _cleanup_outcome_ Outcome outcome =
                run_with(exchanges, "series|scan|web1|--root|/srv/lino");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "Job 7: scan of web1\n");
        assert_has(
                outcome.out, "nginx vhost anna.example.com, by the link 'prod' (/etc/nginx/a:1)\n");
        assert_has(outcome.out, "DANGER   debug-on  anna\n");
        assert_has(outcome.out, "/srv/lino/anna/settings.py:3\n");
        assert_has(outcome.out,
                "\n# once the site answers\nunderstudyctl series add anna --host web1 --root "
                "/srv/lino/a/long/directory --production anna\n");
        assert_has_not(outcome.out, "\033");
}

static void a_finished_job_is_one_json_object(void **state)
{
        _cleanup_outcome_ Outcome outcome = run_with(to_the_end, "preview|sync|lino|--json");
        json_t *printed = json_loads(outcome.out, 0, NULL);
        json_t *wanted = json_loads(DONE, 0, NULL);

        (void)state;
        assert_int_equal(outcome.status, 0);
        if (!json_equal(printed, wanted))
                fail_msg("%s", outcome.out);
        json_decref(printed);
        json_decref(wanted);
}

static void watching_with_json_is_a_line_an_event(void **state)
{
        static const Exchange exchanges[] = {{"GET /v1/jobs/7 ", 200, PENDING},
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING DUMPED SWAPPED}, ENDED, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "job|watch|7|--json");
        char *rest = outcome.out, *line;
        int count = 0;

        (void)state;
        while ((line = strsep(&rest, "\n")) && *line) {
                json_t *event = json_loads(line, 0, NULL);

                assert_int_equal(json_integer_value(json_object_get(event, "seq")), ++count);
                json_decref(event);
        }
        assert_int_equal(count, 6);
}

static void a_cut_off_watcher_goes_on_after_the_last_event(void **state)
{
        static const Exchange exchanges[] = {ASKED,
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING, .cut = true, .gone = true},
                {"GET /v1/jobs/7/events?after=2 ", 0, DUMPED, .cut = true},
                {"GET /v1/jobs/7/events?after=4 ", 0, SWAPPED}, ENDED, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "preview|sync|lino");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "The controller is away");
        assert_has(outcome.out, "The controller is back.\n");
        assert_has(outcome.out, "  swap  done");
}

static void events_seen_before_are_passed_over(void **state)
{
        static const Exchange exchanges[] = {ASKED,
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING DUMPING DUMPED SWAPPED}, ENDED, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "preview|sync|lino");
        const char *first = strstr(outcome.out, "dump  running");

        (void)state;
        assert_non_null(first);
        assert_null(strstr(first + 1, "dump  running"));
}

static void a_stream_that_ends_early_is_begun_again(void **state)
{
        static const Exchange exchanges[] = {ASKED,
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING DUMPED},
                {"GET /v1/jobs/7 ", 200, PENDING}, {"GET /v1/jobs/7/events?after=4 ", 0, SWAPPED},
                ENDED, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "preview|sync|lino");

        (void)state;
        assert_int_equal(outcome.status, 0);
}

#define FAILURE                                                                                    \
        "{\"code\":\"ledger\",\"what\":\"rows are missing\",\"where\":\"betty\",\"why\":\"table "  \
        "a: 3 "                                                                                    \
        "written, 2 found\\ntable b: 9 written, 0 found\",\"next\":\"understudyctl job retry 7\"}"

static void a_failed_job_is_status_1_and_shown_whole(void **state)
{
        static const Exchange exchanges[] = {ASKED,
                {"GET /v1/jobs/7/events?after=0 ", 0,
                        DUMPING LOG_EVENT(3, "errors", "Traceback \\u001b[2J")
                                TASK_EVENT(4, TASK("dump", "failed", ",\"failure\":" FAILURE))},
                {"GET /v1/jobs/7 ", 200,
                        JOB("failed", ",\"failure\":" FAILURE,
                                TASK("dump", "failed", ",\"failure\":" FAILURE))},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "preview|sync|lino");
        const char *first = strstr(outcome.out, "Failed: rows are missing\n");

        (void)state;
        assert_int_equal(outcome.status, COMMAND_FAILED);
        assert_non_null(first);
        assert_null(strstr(first + 1, "Failed: rows are missing"));
        assert_has(outcome.out,
                "  why\n    table a: 3 written, 2 found\n    table b: 9 written, 0 found\n");
        assert_has(outcome.out, "  next\n    understudyctl job retry 7\n");
        assert_has(outcome.out, "  last lines of dump\n    Traceback \\x1b[2J\n");
        assert_has(outcome.out, "Job 7 has failed, after 1 min 15 s.\n");
        assert_has_not(outcome.out, "\033");
        assert_narrow(outcome.out);
}

static void a_canceled_job_is_success_for_cancel_only(void **state)
{
        static const Exchange cancel[] = {{"POST /v1/jobs/7/cancel ", 200, PENDING},
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING},
                {"GET /v1/jobs/7 ", 200, JOB("canceled", "", "")}, {0}};
        static const Exchange watch[] = {{"GET /v1/jobs/7 ", 200, PENDING},
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING},
                {"GET /v1/jobs/7 ", 200, JOB("canceled", "", "")}, {0}};
        _cleanup_outcome_ Outcome canceled = run_with(cancel, "job|cancel|7");
        _cleanup_outcome_ Outcome watched = run_with(watch, "job|watch|7");

        (void)state;
        assert_int_equal(canceled.status, 0);
        assert_int_equal(watched.status, COMMAND_FAILED);
}

#define REWRITTEN                                                                                  \
        TASK("rewrite", "done",                                                                    \
                ",\"result\":{\"diff\":\"--- a/settings.py\\n+++ b/settings.py\\n@@ -1 +1 "        \
                "@@\\n-\\tanna\\n+\\tbetty\\n\",\"remaining\":[{\"path\":\"media/"                 \
                "x.py\",\"line\":3,"                                                               \
                "\"text\":\"# anna\"}]}")
#define MEASURED                                                                                   \
        TASK("space", "done",                                                                      \
                ",\"result\":{\"needs\":[{\"path\":\"/srv\",\"needed_bytes\":5000000000,"          \
                "\"free_bytes\":1000000000,\"needed_inodes\":1000,\"free_inodes\":2000000}]}")

static void a_job_under_review_shows_changes_and_both_ways_on(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/preview ", 200, PENDING, .body = "\"review\":true"},
                {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING},
                {"GET /v1/jobs/7 ", 200, JOB("waiting", "", MEASURED "," REWRITTEN)}, {0}};
        _cleanup_outcome_ Outcome outcome =
                run_with(exchanges, "preview|prepare|lino|betty|--review");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "  -       anna\n  +       betty\n");
        assert_has(outcome.out, "  media/x.py:3\n    # anna\n");
        assert_has(outcome.out, "Job 7 waits for you.");
        assert_has(outcome.out, " job resume 7\n");
        assert_has(outcome.out, " job cancel 7\n");
}

static void a_dry_run_shows_space_and_changes(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/preview ", 200,
                        JOB("queued", "",
                                TASK("space", "pending", "") "," TASK("clone", "skipped", "")),
                        .body = "\"dry_run\":true"},
                {"GET /v1/jobs/7/events?after=0 ", 0, TASK_EVENT(1, MEASURED)},
                {"GET /v1/jobs/7 ", 200,
                        "{\"id\":7,\"state\":\"done\",\"dry_run\":true,\"tasks\":[" MEASURED
                        "," REWRITTEN "]}"},
                {0}};
        _cleanup_outcome_ Outcome outcome =
                run_with(exchanges, "preview|prepare|lino|betty|--dry-run");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "  clone  skipped  What clone does\n");
        assert_has(outcome.out, "  /srv  5.0 GB  1.0 GB   1,000  2,000,000  TOO LITTLE\n");
        assert_has(outcome.out, "+       betty\n");
}

static void a_job_is_shown_with_all_results(void **state)
{
        static const Exchange exchanges[] = {
                {"GET /v1/jobs/7 ", 200,
                        JOB("failed", ",\"failure\":" FAILURE ",\"hint\":\"Do this.\"",
                                MEASURED "," REWRITTEN "," TASK("ledger", "done",
                                        ",\"result\":{\"written\":3887,\"differences\":[{\"table\":"
                                        "\"a_b\","
                                        "\"written\":3,\"loaded\":3,\"found\":2},{\"table\":\"c\","
                                        "\"missing\":true,\"allowed\":\"gone\"}]}") "," TASK("newst"
                                                                                             "ep",
                                        "done",
                                        ",\"result\":{\"some_bytes\":1500,\"inner\":{\"flag\":true}"
                                        ","
                                        "\"rows\":[{\"name\":\"x\",\"count\":1},{\"name\":\"y\"}]"
                                        "}"))},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "job|show|7");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "    TABLE  WRITTEN  LOADED     FOUND  ALLOWED\n");
        assert_has(outcome.out, "    a_b          3       3         2  NO\n");
        assert_has(outcome.out, "    c            0       0  no table  gone\n");
        assert_has(outcome.out, "  some        1.5 kB\n  inner flag  yes\n");
        assert_has(outcome.out, "    NAME  COUNT\n    x         1\n    y         -\n");
        assert_has(outcome.out, "Failed: rows are missing\n");
        assert_has(outcome.out, "\nDo this.\n");
        assert_narrow(outcome.out);
}

static void a_terminal_gets_a_bar_redrawn_in_place(void **state)
{
        static const Exchange exchanges[] = {
                ASKED, {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING, .hang = true}, {0}};
        Fake fake = fake_start(exchanges);
        _cleanup_outcome_ Outcome outcome =
                run_on_terminal(fake.directory, "preview|sync|lino", "a_table", "\003");

        (void)state;
        fake_stop(&fake);
        assert_has(outcome.out, "\033[36m  ▸\033[0m dump");
        assert_has(outcome.out, "█████░░░░░░░░░░░░░░░   25 %  1,000 of 4,000 objects  1.5 MB");
        assert_has(outcome.out, "swap");
}

static void ctrl_c_stops_watching_and_says_how_to_go_on(void **state)
{
        static const Exchange exchanges[] = {
                ASKED, {"GET /v1/jobs/7/events?after=0 ", 0, DUMPING, .hang = true}, {0}};
        Fake fake = fake_start(exchanges);
        _cleanup_outcome_ Outcome outcome =
                run_on_terminal(fake.directory, "preview|sync|lino", "a_table", "\003");
        _cleanup_free_ char *again =
                text_format("understudyctl --dir %s job watch 7", fake.directory);

        (void)state;
        fake_stop(&fake);
        assert_int_equal(outcome.status, CLI_INTERRUPTED);
        assert_has(outcome.out, "job 7 goes on");
        assert_has(outcome.out, again);
}

static void no_colour_where_it_is_not_wanted(void **state)
{
        Fake fake = fake_start(to_the_end);
        Outcome outcome;

        (void)state;
        setenv("NO_COLOR", "1", 1);
        outcome = run_on_terminal(fake.directory, "preview|sync|lino", NULL, NULL);
        unsetenv("NO_COLOR");
        fake_stop(&fake);
        assert_has(outcome.out, "✓ dump");
        assert_has_not(outcome.out, "\033[3");
        assert_int_equal(outcome.status, 0);
        outcome_clear(&outcome);
}

static void a_job_that_is_gone_is_refused(void **state)
{
        static const Exchange exchanges[] = {ASKED,
                {"GET /v1/jobs/7/events?after=0 ", 404, "{\"failure\":{\"what\":\"no such job\"}}"},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "preview|sync|lino");

        (void)state;
        assert_int_equal(outcome.status, CLI_REFUSED);
        assert_has(outcome.errors, "no such job");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_is_followed_in_plain_lines),
                cmocka_unit_test(warnings_about_a_site_come_with_it_and_not_every_night),
                cmocka_unit_test(a_scan_shows_sites_findings_and_lines_to_paste),
                cmocka_unit_test(a_finished_job_is_one_json_object),
                cmocka_unit_test(watching_with_json_is_a_line_an_event),
                cmocka_unit_test(a_cut_off_watcher_goes_on_after_the_last_event),
                cmocka_unit_test(events_seen_before_are_passed_over),
                cmocka_unit_test(a_stream_that_ends_early_is_begun_again),
                cmocka_unit_test(a_failed_job_is_status_1_and_shown_whole),
                cmocka_unit_test(a_canceled_job_is_success_for_cancel_only),
                cmocka_unit_test(a_job_under_review_shows_changes_and_both_ways_on),
                cmocka_unit_test(a_dry_run_shows_space_and_changes),
                cmocka_unit_test(a_job_is_shown_with_all_results),
                cmocka_unit_test(a_terminal_gets_a_bar_redrawn_in_place),
                cmocka_unit_test(ctrl_c_stops_watching_and_says_how_to_go_on),
                cmocka_unit_test(no_colour_where_it_is_not_wanted),
                cmocka_unit_test(a_job_that_is_gone_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
