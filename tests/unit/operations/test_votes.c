// Votes on upgrade attempts through the controller's own code, with simulated workers and a
// simulated clock.
#include "attempt_world.h"
#include "control/sign_offs.h"
#include "control/voters.h"

static const char *const channels[] = {"mail", "webhook", NULL};

static int setup(void **state)
{
        fake_setup(state);
        fake.setup.channels = channels;
        return 0;
}

static json_t *answer_of(const char *path, json_t *take_body)
{
        json_t *shown;

        if (fake_ask("POST", path, "mdg", take_body, NULL, &shown) < 0)
                fail_msg("%s: %s", path, fake.error.what);
        return shown;
}

static int refused(const char *path, json_t *take_body)
{
        json_t *shown;
        int r = fake_ask("POST", path, "mdg", take_body, NULL, &shown);

        if (r == 0)
                json_decref(shown);
        else // a refusal is an answer
                assert_true(!text_blank(fake.error.why) && !text_blank(fake.error.next));
        return r;
}

static json_t *shown_attempt(void)
{
        json_t *shown;

        assert_int_equal(fake_ask("GET", ATTEMPT, "mdg", NULL, NULL, &shown), 0);
        return shown;
}

static void assert_text(const char *member, const char *expected)
{
        json_t *shown = shown_attempt();
        const char *found = json_string_value(json_object_get(shown, member));

        assert_string_equal(found ? found : "", expected);
        json_decref(shown);
}

// "joe works; jane - ".
static void assert_votes(const char *expected)
{
        json_t *shown = shown_attempt(), *voter;
        char found[256] = "";
        size_t i;

        json_array_foreach (json_object_get(shown, "voters"), i, voter) {
                const char *vote = json_string_value(json_object_get(voter, "vote"));
                _cleanup_free_ char *text = text_format("%s %s; ",
                        json_string_value(json_object_get(voter, "voter")), vote ? vote : "-");

                strncat(found, text, 60);
        }
        assert_string_equal(found, expected);
        json_decref(shown);
}

static void with_rule(const char *rule)
{
        json_t *shown;

        world_with_preview();
        assert_int_equal(fake_ask("POST", "/v1/series/{series}/settings", "mdg",
                                 json_pack("{s:s}", "outcome-rule", rule), NULL, &shown),
                0);
        json_decref(shown);
}

// The tokens of voters, in the order in which they were named.
static char *tokens[4];

static void take_tokens(json_t *take_shown)
{
        json_t *link;
        size_t i;

        json_array_foreach (json_object_get(take_shown, "links"), i, link) {
                const char *text = json_string_value(json_object_get(link, "link"));

                free(tokens[i]);
                tokens[i] = text_copy(strrchr(text, ' ') + 1);
        }
        json_decref(take_shown);
}

static int teardown(void **state)
{
        for (size_t i = 0; i < ELEMENTS(tokens); i++)
                free(TAKE_PTR(tokens[i]));
        return fake_teardown(state);
}

static void plan_with_voters(const char *when_over)
{
        take_tokens(answer_of(
                ATTEMPT, json_pack("{s:s, s:i, s:s, s:[s, s], s:[s, s], s:s}", "at",
                                 "2099-12-31T18:00Z", "lapse_seconds", 3600, "when_over", when_over,
                                 "voters", "joe@example.com", "jane", "items", "Totals are rounded",
                                 "Dark mode", "anyway", "items are signed off on the new site")));
}

static void open_with_voters(const char *when_over)
{
        plan_with_voters(when_over);
        assert_true(fake_job("POST", ATTEMPT "/open", "mdg", NULL) > 0);
        fake_run();
}

static json_t *vote_of(const char *token, const char *vote, const char *why)
{
        return json_pack("{s:s, s:s, s:s?}", "token", token, "vote", vote, "why", why);
}

static void vote(size_t voter, const char *what, const char *why)
{
        say(ATTEMPT "/vote", vote_of(tokens[voter], what, why));
}

// The newest line of the history.
static void assert_told(const char *who, const char *event, const char *detail)
{
        _cleanup_free_ char *expected = text_format("%s: %s: %s", who, event, detail);
        _cleanup_free_ char *found = NULL;
        json_t *shown, *last;

        assert_int_equal(fake_ask("GET", "/v1/history", NULL, NULL, NULL, &shown), 0);
        last = json_array_get(shown, json_array_size(shown) - 1);
        found = text_format("%s: %s: %s", json_string_value(json_object_get(last, "who")),
                json_string_value(json_object_get(last, "event")),
                json_string_value(json_object_get(last, "detail")));
        assert_string_equal(found, expected);
        json_decref(shown);
}

static void a_vote_can_be_changed_while_the_attempt_is_open(void **state)
{
        (void)state;
        with_rule("operator");
        plan_with_voters("accept");
        assert_int_equal(refused(ATTEMPT "/vote", vote_of(tokens[0], "works", NULL)), -EPERM);
        assert_non_null(strstr(fake.error.next, "once it is open"));
        fake_job("POST", ATTEMPT "/open", "mdg", NULL);
        fake_run();
        vote(0, "works", NULL);
        assert_told("joe@example.com", "vote cast", "works");
        assert_votes("joe@example.com works; jane -; ");
        vote(0, "objects", "no totals");
        assert_told("joe@example.com", "vote changed", "objects: no totals");
        assert_votes("joe@example.com objects; jane -; ");
        assert_attempt("open"); // the operator decides
        say(ATTEMPT "/accept", NULL);
        assert_int_equal(refused(ATTEMPT "/vote", vote_of(tokens[0], "works", NULL)), -EPERM);
        assert_string_equal(fake.error.why, "the attempt is accepted");
}

static void an_objection_needs_a_reason(void **state)
{
        (void)state;
        with_rule("objection-cancels");
        open_with_voters("accept");
        assert_int_equal(refused(ATTEMPT "/vote", vote_of(tokens[0], "objects", NULL)), -EINVAL);
        assert_int_equal(refused(ATTEMPT "/vote", vote_of(tokens[0], "objects", "")), -EINVAL);
        assert_votes("joe@example.com -; jane -; ");
        assert_attempt("open");
}

static void only_the_whole_token_of_the_series_lets_vote(void **state)
{
        _cleanup_free_ char *changed = NULL, *other_voter = NULL;

        (void)state;
        with_rule("operator");
        assert_true(fake_adopt("lit", "/srv/lino/two") > 0);
        fake_run();
        open_with_voters("cancel");
        changed = text_copy(tokens[0]);
        changed[strlen(changed) - 1] ^= 1;
        other_voter = text_copy(tokens[0]);
        other_voter[0] = tokens[1][0];
        {
                const char *const bad[] = {changed, other_voter, "1", "x", "1-", "-1",
                        "99999999999999999999-a", strchr(tokens[0], '-') + 1};

                for (size_t i = 0; i < ELEMENTS(bad); i++) {
                        assert_int_equal(
                                refused(ATTEMPT "/vote", vote_of(bad[i], "works", NULL)), -EPERM);
                        assert_string_equal(fake.error.code, "token");
                }
        }
        {
                json_t *shown;

                assert_int_equal(fake_ask("POST", ATTEMPT "/vote", "lit",
                                         vote_of(tokens[0], "works", NULL), NULL, &shown),
                        -EPERM);
        }
        assert_votes("joe@example.com -; jane -; ");
        vote(0, "works", NULL);
}

// Neither in what the database has nor in what others are shown.
static void a_token_is_kept_nowhere(void **state)
{
        static const char *const places[] = {ATTEMPT, "/v1/announcements", "/v1/history"};

        (void)state;
        with_rule("operator");
        open_with_voters("cancel");
        vote(0, "works", NULL);
        for (size_t i = 0; i < ELEMENTS(places); i++) {
                _cleanup_free_ char *text = NULL;
                json_t *shown;

                assert_int_equal(fake_ask("GET", places[i], "mdg", NULL, NULL, &shown), 0);
                text = json_dumps(shown, JSON_ENCODE_ANY);
                assert_null(strstr(text, strchr(tokens[0], '-') + 1));
                json_decref(shown);
        }
        {
                _cleanup_voter_ VoterRow voter = {0};

                assert_int_equal(
                        voter_find(fake.controller->store, 1, "joe@example.com", &voter, NULL), 1);
                assert_int_equal(strlen(voter.token_hash), 64);
                assert_null(strstr(tokens[0], voter.token_hash));
        }
}

static void an_objection_brings_the_former_production_back_with_its_reason(void **state)
{
        json_t *shown;

        (void)state;
        with_rule("objection-cancels");
        open_with_voters("accept");
        vote(1, "works", NULL);
        assert_attempt("open");
        shown = answer_of(ATTEMPT "/vote", vote_of(tokens[0], "objects", "no totals"));
        assert_true(json_integer_value(json_object_get(shown, "job")) > 0);
        json_decref(shown);
        assert_int_equal(refused(ATTEMPT "/vote", vote_of(tokens[0], "works", NULL)), -EBUSY);
        fake_run();
        assert_attempt("canceled");
        assert_text("why", "joe@example.com objects: no totals");
        assert_site("mdg", "production", "anna");
}

static void an_objection_that_cannot_bring_it_back_waits_for_a_person(void **state)
{
        FakeHost *host = &fake.hosts[0];

        (void)state;
        with_rule("objection-cancels");
        open_with_voters("accept");
        host->fail = "switch";
        vote(0, "objects", "no totals");
        fake_run();
        host->fail = NULL;
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("open");
        vote(1, "objects", "no totals here either");
        fake_run();
        assert_attempt("canceled");
}

static void without_an_objection_its_end_is_what_was_agreed(void **state)
{
        (void)state;
        with_rule("objection-cancels");
        open_with_voters("accept");
        assert_text("then", "accept unless a voter objects");
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("accepted");
}

static void what_all_agree_on_is_accepted_at_the_end_and_not_before(void **state)
{
        (void)state;
        with_rule("all-agree");
        open_with_voters("cancel");
        assert_text("then", "accept if all voters say that it works, else cancel");
        vote(0, "works", NULL);
        vote(1, "works", NULL);
        look(clock_now_us() + 30 * MINUTE_US);
        assert_attempt("open");
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("accepted");
}

static void one_who_does_not_agree_or_says_nothing_is_enough_against_it(void **state)
{
        (void)state;
        with_rule("all-agree");
        open_with_voters("accept");
        vote(0, "works", NULL);
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("canceled");
        assert_text("why", "1 of 2 voters say that it works");
        rehearse();
        open_with_voters("accept");
        vote(0, "works", NULL);
        vote(1, "objects", "no totals");
        assert_attempt("open");
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("canceled");
}

static void where_all_must_agree_nobody_does_not(void **state)
{
        (void)state;
        with_rule("all-agree");
        open_with_voters("accept");
        say(ATTEMPT "/voters/remove", json_pack("{s:[s, s]}", "voters", "joe@example.com", "jane"));
        look(clock_now_us() + 61 * MINUTE_US);
        assert_attempt("canceled");
}

// Newest first: "voter-asked joe@example.com 1; ", with the number of deliveries.
static void assert_asked(const char *expected)
{
        json_t *shown, *one;
        char found[512] = "";
        size_t i;

        assert_int_equal(fake_ask("GET", "/v1/announcements", NULL, NULL, NULL, &shown), 0);
        json_array_foreach (shown, i, one) {
                const char *kind = json_string_value(json_object_get(one, "kind"));
                _cleanup_free_ char *text = NULL;

                if (!text_starts(kind, "voter-"))
                        continue;
                text = text_format("%s %s %zu; ", kind,
                        json_string_value(json_object_get(one, "to")),
                        json_array_size(json_object_get(one, "deliveries")));
                strncat(found, text, 80);
        }
        assert_string_equal(found, expected);
        json_decref(shown);
}

static void who_has_an_address_is_asked_by_mail_alone_when_announced_and_when_open(void **state)
{
        (void)state;
        with_rule("operator");
        plan_with_voters("cancel");
        assert_asked("");
        say(ATTEMPT "/announce", NULL);
        assert_asked("voter-invited joe@example.com 1; ");
        say(ATTEMPT "/move", json_pack("{s:s}", "at", "2099-12-31T19:00Z"));
        assert_asked("voter-moved joe@example.com 1; voter-invited joe@example.com 1; ");
        fake_job("POST", ATTEMPT "/open", "mdg", NULL);
        fake_run();
        assert_asked("voter-asked joe@example.com 1; voter-moved joe@example.com 1; "
                     "voter-invited joe@example.com 1; ");
        say(ATTEMPT "/voters", json_pack("{s:[s]}", "voters", "ann@example.com"));
        assert_asked("voter-asked ann@example.com 1; voter-asked joe@example.com 1; "
                     "voter-moved joe@example.com 1; voter-invited joe@example.com 1; ");
}

static void who_was_asked_is_told_how_it_ended(void **state)
{
        (void)state;
        with_rule("operator");
        plan_with_voters("cancel");
        say(ATTEMPT "/withdraw", NULL);
        assert_asked(""); // they had not heard of it
        plan_with_voters("cancel");
        say(ATTEMPT "/announce", NULL);
        say(ATTEMPT "/withdraw", NULL);
        assert_asked("voter-told joe@example.com 1; voter-invited joe@example.com 1; ");
}

static void a_letter_has_the_link_until_there_is_nobody_to_be_asked(void **state)
{
        _cleanup_free_ char *letter = NULL, *none = NULL;
        _cleanup_voter_ VoterRow joe = {0};
        json_t *left;

        (void)state;
        with_rule("operator");
        open_with_voters("cancel");
        assert_int_equal(voter_find(fake.controller->store, 1, "joe@example.com", &joe, NULL), 1);
        assert_int_equal(voters_letter(fake.controller, joe.id, &letter, &fake.error), 0);
        assert_non_null(strstr(letter, tokens[0]));
        left = answer_of(
                ATTEMPT "/voters/remove", json_pack("{s:[s]}", "voters", "joe@example.com"));
        assert_null(json_object_get(left, "links"));
        json_decref(left);
        assert_int_equal(voters_letter(fake.controller, joe.id, &none, &fake.error), -ENOENT);
        assert_string_equal(fake.error.why, "the voter was removed");
        assert_int_equal(refused(ATTEMPT "/vote", vote_of(tokens[0], "works", NULL)), -EPERM);
}

static void without_mail_the_history_says_that_links_are_to_be_handed_over(void **state)
{
        (void)state;
        fake.setup.channels = NULL;
        with_rule("operator");
        plan_with_voters("cancel");
        say(ATTEMPT "/announce", NULL);
        assert_told("calendar", "voters not mailed",
                "No mail is configured in [announce] of controller.conf: hand them their links");
}

static void voters_come_and_go_all_or_none(void **state)
{
        (void)state;
        with_rule("operator");
        plan_with_voters("cancel");
        assert_int_equal(
                refused(ATTEMPT "/voters", json_pack("{s:[s, s]}", "voters", "ann", "jane")),
                -EEXIST);
        assert_int_equal(
                refused(ATTEMPT "/voters", json_pack("{s:[s, s]}", "voters", "ann", "ann")),
                -EEXIST);
        assert_int_equal(
                refused(ATTEMPT "/voters", json_pack("{s:[s]}", "voters", "ann@b <c@d>")), -EINVAL);
        assert_int_equal(refused(ATTEMPT "/voters/remove",
                                 json_pack("{s:[s, s]}", "voters", "jane", "nobody")),
                -ENOENT);
        assert_votes("joe@example.com -; jane -; ");
        say(ATTEMPT "/voters/remove", json_pack("{s:[s]}", "voters", "jane"));
        assert_told("jane", "voter removed", "jane, who had not voted");
        say(ATTEMPT "/withdraw", NULL);
        assert_int_equal(refused(ATTEMPT "/voters", json_pack("{s:[s]}", "voters", "ann")), -EPERM);
}

static void a_voter_who_is_named_twice_leaves_no_attempt_behind(void **state)
{
        json_t *shown;

        (void)state;
        with_rule("operator");
        assert_int_equal(refused(ATTEMPT, json_pack("{s:s, s:i, s:[s, s]}", "at", "now",
                                                  "lapse_seconds", 60, "voters", "ann", "ann")),
                -EEXIST);
        assert_int_equal(fake_ask("GET", ATTEMPT, "mdg", NULL, NULL, &shown), -ENOENT);
}

static size_t open_items(void)
{
        SignOffs sign_offs;

        assert_int_equal(sign_offs_of(fake.controller, 1, &sign_offs, &fake.error), 0);
        return sign_offs.open;
}

static void items_are_signed_off_one_by_one(void **state)
{
        (void)state;
        with_rule("operator");
        open_with_voters("cancel");
        say(ATTEMPT "/items", json_pack("{s:[s]}", "items", "A new menu"));
        assert_int_equal(open_items(), 3);
        say(ATTEMPT "/sign", json_pack("{s:[i], s:s}", "items", 2, "token", tokens[0]));
        assert_told("joe@example.com", "item signed off", "2: Dark mode");
        assert_int_equal(refused(ATTEMPT "/sign", json_pack("{s:[i, i]}", "items", 1, 2)), -EEXIST);
        assert_int_equal(refused(ATTEMPT "/sign", json_pack("{s:[i, i]}", "items", 1, 4)), -ENOENT);
        assert_int_equal(
                refused(ATTEMPT "/sign", json_pack("{s:[i], s:s}", "items", 1, "token", "1-0")),
                -EPERM);
        assert_int_equal(open_items(), 2);
        say(ATTEMPT "/sign", json_pack("{s:[i, i, i]}", "items", 1, 3, 1));
        assert_int_equal(open_items(), 0);
        say(ATTEMPT "/accept", NULL);
        assert_int_equal(refused(ATTEMPT "/items", json_pack("{s:[s]}", "items", "late")), -EPERM);
}

static void votes_and_links_outlive_the_controller(void **state)
{
        (void)state;
        with_rule("operator");
        open_with_voters("cancel");
        vote(1, "works", NULL);
        fake_crash();
        vote(0, "objects", "no totals");
        assert_votes("joe@example.com objects; jane works; ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_vote_can_be_changed_while_the_attempt_is_open),
                TEST(an_objection_needs_a_reason),
                TEST(only_the_whole_token_of_the_series_lets_vote),
                TEST(a_token_is_kept_nowhere),
                TEST(an_objection_brings_the_former_production_back_with_its_reason),
                TEST(an_objection_that_cannot_bring_it_back_waits_for_a_person),
                TEST(without_an_objection_its_end_is_what_was_agreed),
                TEST(what_all_agree_on_is_accepted_at_the_end_and_not_before),
                TEST(one_who_does_not_agree_or_says_nothing_is_enough_against_it),
                TEST(where_all_must_agree_nobody_does_not),
                TEST(who_has_an_address_is_asked_by_mail_alone_when_announced_and_when_open),
                TEST(who_was_asked_is_told_how_it_ended),
                TEST(a_letter_has_the_link_until_there_is_nobody_to_be_asked),
                TEST(without_mail_the_history_says_that_links_are_to_be_handed_over),
                TEST(voters_come_and_go_all_or_none),
                TEST(a_voter_who_is_named_twice_leaves_no_attempt_behind),
                TEST(items_are_signed_off_one_by_one),
                TEST(votes_and_links_outlive_the_controller),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
