#include <jansson.h>

#include "fake.h"

#define HOST                                                                                       \
        "{\"name\":\"web1\",\"state\":\"joined\",\"connected\":true,\"address\":\"192.0.2.7\","    \
        "\"version\":\"0.1.0\",\"last_seen_at\":1795242000.5,\"memory_bytes\":8000000000,"         \
        "\"roots\":[\"/srv/a/very/long/directory/name/that/goes/on\",\"/srv/another/long/one\"]}"

#define SERIES                                                                                     \
        "{\"name\":\"lino\",\"host\":\"web1\",\"root\":\"/srv/"                                    \
        "lino\",\"keep_old_seconds\":2592000,"                                                     \
        "\"created_at\":1795242000,\"production\":{\"name\":\"anna\"},"                            \
        "\"preview\":{\"name\":\"betty\"},\"sites\":[{\"name\":\"anna\",\"state\":\"production\"," \
        "\"versions\":{\"python\":\"3.11.2\",\"app\":\"Lino Noi\",\"app_version\":\"25.12\"},"     \
        "\"created_at\":1795242000,\"since_at\":1795242000},"                                      \
        "{\"name\":\"zoe\",\"state\":\"old\",\"kept_until\":null},"                                \
        "{\"name\":\"yves\",\"state\":\"old\",\"kept_until\":1000,\"told_at\":null},"              \
        "{\"name\":\"xena\",\"state\":\"old\",\"kept_until\":1000,\"told_at\":900}],"              \
        "\"allowances\":[{\"table\":\"comments_mention\","                                         \
        "\"why\":\"a reason that is long enough to be broken into two lines of its cell\","        \
        "\"who\":\"root\",\"at\":1795242000}],\"job\":7,\"last_sync\":{\"job\":6,\"state\":"       \
        "\"done\","                                                                                \
        "\"ended_at\":1795242000,\"wall_seconds\":32.5,\"objects\":3887}}"

static void hosts_are_listed_in_a_table(void **state)
{
        static const Exchange exchanges[] = {{"GET /v1/hosts ", 200, "[" HOST "]"}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "host|list");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "HOST  STATE   CONNECTED  ADDRESS    VERSION  LAST SEEN\n");
        assert_has(outcome.out, "web1  joined  yes        192.0.2.7  0.1.0    2026-");
        assert_narrow(outcome.out);
}

static void empty_lists_say_what_to_do(void **state)
{
        static const Exchange exchanges[] = {{"GET /v1/hosts ", 200, "[]"}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "host|list");

        (void)state;
        assert_has(outcome.out, "understudyctl host add NAME");
}

static void a_host_is_shown_with_all_that_is_known(void **state)
{
        static const Exchange exchanges[] = {{"GET /v1/hosts/web1 ", 200, HOST}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "host|show|web1");

        (void)state;
        assert_has(outcome.out, "memory        8.0 GB\n");
        assert_has(outcome.out, "/srv/another/long/one");
        assert_narrow(outcome.out);
}

static void a_join_line_stands_alone_on_standard_output(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/hosts ", 200,
                        "{\"name\":\"web1\",\"join\":\"understudy-worker join --token T\"}",
                        .body = "{\"name\":\"web1\"}"},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "host|add|web1");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_string_equal(outcome.out, "understudy-worker join --token T\n");
        assert_has(outcome.errors, "--root");
}

static void a_series_is_shown_with_sites_and_allowances(void **state)
{
        static const Exchange exchanges[] = {{"GET /v1/series/lino ", 200, SERIES}, {0}};
        static const Exchange list[] = {{"GET /v1/series ", 200, "[" SERIES "]"}, {0}};
        _cleanup_outcome_ Outcome one = run_with(exchanges, "series|show|lino");
        _cleanup_outcome_ Outcome all = run_with(list, "series|list");

        (void)state;
        assert_has(one.out, "keeps old for  30 d\n");
        assert_has(one.out, "job 6 done, 2026-");
        assert_has(one.out, ", 33 s, 3,887 objects\n");
        assert_has(one.out, "anna  production  Lino Noi 25.12  3.11.2  2026-");
        assert_has(one.out, "  when asked\n");
        assert_has(one.out, "  once announced\n");
        assert_has(one.out, "  1970-01-01 ");
        assert_has(one.out, "comments_mention  a reason that is long enough to be");
        assert_narrow(one.out);
        assert_has(all.out, "lino    web1  anna        betty    done 2026-");
        assert_narrow(all.out);
}

static void json_is_the_answer_itself(void **state)
{
        static const Exchange exchanges[] = {{"GET /v1/series/lino ", 200, SERIES}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "--json|series|show|lino");
        json_t *printed = json_loads(outcome.out, 0, NULL);
        json_t *wanted = json_loads(SERIES, 0, NULL);

        (void)state;
        assert_true(json_equal(printed, wanted));
        json_decref(printed);
        json_decref(wanted);
}

static void names_are_sent_whatever_they_hold(void **state)
{
        static const Exchange exchanges[] = {
                {"GET /v1/series/a%2F..%3F%20%C3%BC ", 404, "{\"failure\":{\"what\":\"no\"}}"},
                {0}};
        static const Exchange dots[] = {
                {"GET /v1/series/%2E%2E ", 404, "{\"failure\":{\"what\":\"no\"}}"}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "series|show|a/..? \xc3\xbc");
        _cleanup_outcome_ Outcome up = run_with(dots, "series|show|..");

        (void)state;
        assert_int_equal(outcome.status, CLI_REFUSED);
        assert_int_equal(up.status, CLI_REFUSED);
}

static void a_refusal_is_shown_whole_and_is_status_4(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/preview ", 400,
                        "{\"failure\":{\"code\":\"bad-name\",\"what\":\"'prod' cannot be the name "
                        "of a "
                        "site\",\"where\":\"lino\",\"why\":\"it is a role\",\"next\":\"Choose a "
                        "neutral "
                        "name.\"}}",
                        .body = "\"site\":\"prod\",\"install\":[\"a==1\",\"b\"],\"dry_run\":true,"
                                "\"review\":false"},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(
                exchanges, "preview|prepare|lino|prod|--install|a==1|--install=b|--dry-run");

        (void)state;
        assert_int_equal(outcome.status, CLI_REFUSED);
        assert_string_equal(outcome.out, "");
        assert_string_equal(outcome.errors,
                "Failed: 'prod' cannot be the name of a site\n"
                "  where\n    lino\n  why\n    it is a role\n  next\n    Choose a neutral name.\n");
}

static void a_refusal_is_json_with_json(void **state)
{
        static const Exchange exchanges[] = {
                {"GET /v1/hosts ", 409, "{\"failure\":{\"code\":\"busy\",\"what\":\"no\"}}"}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "host|list|--json");
        json_t *printed = json_loads(outcome.out, 0, NULL);
        json_t *failure = json_object_get(printed, "failure");

        (void)state;
        assert_int_equal(outcome.status, CLI_REFUSED);
        assert_string_equal(outcome.errors, "");
        assert_string_equal(json_string_value(json_object_get(failure, "code")), "busy");
        json_decref(printed);
}

static void an_answer_that_is_no_failure_of_ours_is_still_a_refusal(void **state)
{
        static const Exchange exchanges[] = {
                {"GET /v1/hosts ", 501, "<html>Not Implemented</html>"}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "host|list");

        (void)state;
        assert_int_equal(outcome.status, CLI_REFUSED);
        assert_has(outcome.errors, "HTTP status 501");
}

static void an_answer_without_end_or_sense_is_status_3(void **state)
{
        static const Exchange garbage[] = {{"GET /v1/hosts ", 200, "[{"}, {0}};
        _cleanup_outcome_ Outcome outcome = run_with(garbage, "host|list");

        (void)state;
        assert_int_equal(outcome.status, CLI_UNREACHABLE);
}

static void no_controller_is_status_3_and_says_how_to_start_one(void **state)
{
        _cleanup_outcome_ Outcome outcome = run_in("/nonexistent", "host|list");
        _cleanup_outcome_ Outcome json = run_in("/nonexistent", "host|list|--json");

        (void)state;
        assert_int_equal(outcome.status, CLI_UNREACHABLE);
        assert_has(outcome.errors, "/nonexistent/api.socket");
        assert_has(outcome.errors, "No such file or directory");
        assert_has(outcome.errors, "understudy-controller run");
        assert_int_equal(json.status, CLI_UNREACHABLE);
        assert_has(json.out, "\"code\": \"unreachable\"");
}

static void a_wrong_command_line_is_status_2(void **state)
{
        static const char *const lines[] = {"hots|list", "series|add|lino", "job|show|x",
                "job|show|0", "preview|allow|lino|t",
                "series|add|l|--host=h|--root=/r|--production=a|--keep-old=soon", "preview|sync"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lines); i++) {
                _cleanup_outcome_ Outcome outcome = run_in("/nonexistent", lines[i]);

                assert_int_equal(outcome.status, COMMAND_USAGE);
                assert_string_equal(outcome.out, "");
        }
}

static void durations_are_sent_in_seconds(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series ", 200, "{\"id\":3}", .body = "\"keep_old_seconds\":2592000"},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges,
                "series|add|l|--host=h|--root=/r|--production=a|--keep-old|30 d|--no-wait");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_string_equal(outcome.out, "3\n");
}

static void jobs_and_history_are_tables(void **state)
{
        static const Exchange jobs[] = {
                {"GET /v1/jobs?series=lino&limit=5 ", 200,
                        "[{\"id\":12,\"kind\":\"sync\",\"series\":\"lino\",\"state\":\"failed\","
                        "\"dry_run\":"
                        "false,\"who\":\"root\",\"created_at\":1795242000,\"wall_seconds\":75.2}]"},
                {0}};
        static const Exchange history[] = {
                {"GET /v1/history?series=lino ", 200,
                        "[{\"id\":1,\"at\":1795242000,\"who\":\"root\",\"series\":\"lino\",\"job\":"
                        "12,"
                        "\"event\":\"job failed\",\"detail\":\"\\u001b[31mred\\u202e and a long "
                        "detail "
                        "that takes more than the line has room for\",\"data\":{}}]"},
                {0}};
        _cleanup_outcome_ Outcome list = run_with(jobs, "job|list|--series|lino|--limit|5");
        _cleanup_outcome_ Outcome log = run_with(history, "log|lino");

        (void)state;
        assert_has(list.out, " 12  sync  lino    failed  root  2026-");
        assert_has(list.out, "1 min 15 s\n");
        assert_narrow(list.out);
        assert_has(log.out, "job failed");
        assert_has(log.out, "\\x1b[31mred\\u202e");
        assert_has_not(log.out, "\033");
        assert_narrow(log.out);
}

#define VOTED                                                                                      \
        "{\"series\":\"lino\",\"state\":\"open\",\"lapse_seconds\":3600,\"deadline_seconds\":"     \
        "7200,\"then\":\"accept unless a voter objects\",\"now\":{\"end\":\"cancel\",\"why\":"     \
        "\"1 of 2 voters object\"},\"voters\":[{\"voter\":\"joe@example.com\",\"vote\":"           \
        "\"objects\",\"why\":\"no "                                                                \
        "\\u001btotals\"},{\"voter\":\"jane\",\"vote\":null,\"why\":null}],"                       \
        "\"items\":[{\"number\":1,\"text\":\"Totals are rounded\",\"signed_by\":\"jane\"},"        \
        "{\"number\":2,\"text\":\"Dark "                                                           \
        "mode\",\"signed_by\":null}],\"links\":[{\"voter\":\"jane\","                              \
        "\"link\":\"understudyctl attempt vote lino works --token 7-0123456789abcdef\"}]}"

static void an_attempt_is_shown_with_votes_items_and_new_links(void **state)
{
        static const Exchange exchanges[] = {{"POST /v1/series/lino/attempt/voters ", 200, VOTED,
                                                     .body = "{\"voters\":[\"jane\",\"ann\"]}"},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges, "attempt|voter|add|lino|jane|ann");

        (void)state;
        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "60 min, then: accept unless a voter objects\n");
        assert_has(outcome.out, "1 of 2 voters object\n");
        assert_has(outcome.out, "joe@example.com  objects  no \\x1btotals\n");
        assert_has(outcome.out, "jane             -        -\n");
        assert_has(outcome.out, "   1  Totals are rounded  jane\n");
        assert_has(outcome.out, "   2  Dark mode           -\n");
        assert_has(outcome.out, "attempt vote lino works --token 7-0123456789abcdef\n");
        assert_narrow(outcome.out);
}

static void a_plan_is_sent_with_voters_and_items(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/attempt ", 200, VOTED,
                        .body = "\"voters\":[\"jane\",\"ann\"],\"items\":[\"Dark mode\"]"},
                {0}};
        _cleanup_outcome_ Outcome outcome = run_with(exchanges,
                "attempt|plan|lino|--at|now|--lapse|1 h|--voter|jane|--voter=ann|--item|Dark mode");

        (void)state;
        assert_int_equal(outcome.status, 0);
}

static void a_vote_is_noted_and_says_what_it_has_begun(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/attempt/vote ", 200,
                        "{\"voter\":\"jane\",\"vote\":\"objects\",\"job\":9}",
                        .body = "{\"token\":\"7-ab\",\"vote\":\"objects\",\"why\":\"no totals\"}"},
                {0}};
        _cleanup_outcome_ Outcome outcome =
                run_with(exchanges, "attempt|vote|lino|objects|--token|7-ab|--why|no totals");
        _cleanup_outcome_ Outcome wrong =
                run_in("/nonexistent", "attempt|vote|lino|perhaps|--token|7-ab");

        (void)state;
        assert_has(outcome.out, "Noted: jane says that it does not work.\n");
        assert_has(outcome.out, "understudyctl job watch 9\n");
        assert_int_equal(wrong.status, COMMAND_USAGE);
}

static void items_are_signed_by_their_numbers(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/attempt/sign ", 200, VOTED,
                        .body = "{\"items\":[1,2],\"token\":\"7-ab\"}"},
                {0}};
        _cleanup_outcome_ Outcome outcome =
                run_with(exchanges, "attempt|sign|lino|1|2|--token|7-ab");

        (void)state;
        assert_int_equal(outcome.status, 0);
}

static void a_drop_without_a_terminal_needs_yes(void **state)
{
        static const Exchange exchanges[] = {
                {"DELETE /v1/series/lino/preview ", 200, "{\"id\":4}"}, {0}};
        _cleanup_outcome_ Outcome refused = run_in("/nonexistent", "preview|drop|lino");
        _cleanup_outcome_ Outcome meant = run_with(exchanges, "preview|drop|lino|--yes|--no-wait");

        (void)state;
        assert_int_equal(refused.status, CLI_REFUSED);
        assert_has(refused.errors, "--yes");
        assert_int_equal(meant.status, 0);
        assert_string_equal(meant.out, "4\n");
}

static void a_retirement_names_the_site_that_is_meant(void **state)
{
        static const Exchange exchanges[] = {
                {"POST /v1/series/lino/retire ", 200, "{\"id\":4}", .body = "\"site\":\"anna\""},
                {0}};
        _cleanup_outcome_ Outcome refused = run_in("/nonexistent", "series|retire|lino|anna");
        _cleanup_outcome_ Outcome meant =
                run_with(exchanges, "series|retire|lino|anna|--yes|--no-wait");

        (void)state;
        assert_int_equal(refused.status, CLI_REFUSED);
        assert_has(refused.errors, "--yes");
        assert_int_equal(meant.status, 0);
}

static void a_drop_on_a_terminal_asks_first(void **state)
{
        static const Exchange no[] = {{"GET /v1/series/lino ", 200, SERIES}, {0}};
        static const Exchange yes[] = {{"GET /v1/series/lino ", 200, SERIES},
                {"DELETE /v1/series/lino/preview ", 200, "{\"id\":4}"}, {0}};
        Fake fake = fake_start(no);
        _cleanup_outcome_ Outcome kept =
                run_on_terminal(fake.directory, "preview|drop|lino", "[y/N]", "\n");
        Outcome dropped;

        (void)state;
        fake_stop(&fake);
        assert_int_equal(kept.status, CLI_REFUSED);
        assert_has(kept.out, "preview 'betty' of 'lino' on host 'web1'");
        assert_has(kept.out, "Nothing was changed.");
        fake = fake_start(yes);
        dropped = run_on_terminal(fake.directory, "preview|drop|lino|--no-wait", "[y/N]", "y\n");
        fake_stop(&fake);
        assert_int_equal(dropped.status, 0);
        outcome_clear(&dropped);
}

static void assert_manual(const char *words)
{
        _cleanup_free_ char *line = text_format("%s--help", words);
        _cleanup_outcome_ Outcome outcome = run_in("/nonexistent", line);

        assert_int_equal(outcome.status, 0);
        assert_has(outcome.out, "NAME\n       understudyctl");
        assert_has(outcome.out, "EXIT STATUS\n       0   Done.");
        assert_narrow(outcome.out);
}

static void assert_manuals(const Command *commands, const char *words)
{
        for (; commands && commands->name; commands++) {
                _cleanup_free_ char *deeper = text_format("%s%s|", words, commands->name);

                assert_manual(deeper);
                assert_manuals(commands->commands, deeper);
        }
}

static void every_command_has_a_manual_of_80_columns(void **state)
{
        (void)state;
        assert_manual("");
        assert_manuals(understudyctl.commands, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hosts_are_listed_in_a_table),
                cmocka_unit_test(empty_lists_say_what_to_do),
                cmocka_unit_test(a_host_is_shown_with_all_that_is_known),
                cmocka_unit_test(a_join_line_stands_alone_on_standard_output),
                cmocka_unit_test(a_series_is_shown_with_sites_and_allowances),
                cmocka_unit_test(json_is_the_answer_itself),
                cmocka_unit_test(names_are_sent_whatever_they_hold),
                cmocka_unit_test(a_refusal_is_shown_whole_and_is_status_4),
                cmocka_unit_test(a_refusal_is_json_with_json),
                cmocka_unit_test(an_answer_that_is_no_failure_of_ours_is_still_a_refusal),
                cmocka_unit_test(an_answer_without_end_or_sense_is_status_3),
                cmocka_unit_test(no_controller_is_status_3_and_says_how_to_start_one),
                cmocka_unit_test(a_wrong_command_line_is_status_2),
                cmocka_unit_test(durations_are_sent_in_seconds),
                cmocka_unit_test(jobs_and_history_are_tables),
                cmocka_unit_test(an_attempt_is_shown_with_votes_items_and_new_links),
                cmocka_unit_test(a_plan_is_sent_with_voters_and_items),
                cmocka_unit_test(a_vote_is_noted_and_says_what_it_has_begun),
                cmocka_unit_test(items_are_signed_by_their_numbers),
                cmocka_unit_test(a_drop_without_a_terminal_needs_yes),
                cmocka_unit_test(a_retirement_names_the_site_that_is_meant),
                cmocka_unit_test(a_drop_on_a_terminal_asks_first),
                cmocka_unit_test(every_command_has_a_manual_of_80_columns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
