#include "control/votes.h"

#include "base/clock.h"
#include "base/text.h"
#include "control/sign_offs.h"
#include "control/voters.h"
#include "operations/attempt.h"
#include "tell/view.h"

// ---- what is shown

static json_t *text_or_null(const char *text)
{
        return text_blank(text) ? json_null() : json_string(text);
}

static json_t *view_voter(const VoterRow *voter)
{
        return json_pack("{s:s, s:o, s:o, s:o}", "voter", voter->name, "vote",
                voter->vote == VOTE_NONE ? json_null() : json_string(vote_names[voter->vote]),
                "why", text_or_null(voter->why), "voted_at", view_time(voter->voted_us));
}

static json_t *view_item(const ItemRow *item)
{
        return json_pack("{s:I, s:s, s:o, s:o}", "number", (json_int_t)item->number, "text",
                item->text, "signed_by", text_or_null(item->signed_by), "signed_at",
                view_time(item->signed_us));
}

int attempt_view_votes(
        Controller *controller, const AttemptRow *attempt, json_t *shown, Error *error)
{
        Outcome outcome _cleanup_outcome_ = {0};
        _cleanup_rows_ Rows voters = {0}, items = {0};
        SignOffs sign_offs = {0};
        json_t *seen_voters, *seen_items;
        int r = votes_outcome(controller, attempt, &outcome, error)
                        ?: voters_of(controller->store, attempt->id, &voters, error)
                        ?: items_of(controller->store, attempt->id, &items, error)
                        ?: sign_offs_of(controller, attempt->id, &sign_offs, error);

        if (r < 0)
                return r;
        seen_voters = json_array();
        for (size_t i = 0; i < voters.count; i++)
                json_array_append_new(
                        seen_voters, view_voter(&((const VoterRow *)voters.items)[i]));
        seen_items = json_array();
        for (size_t i = 0; i < items.count; i++)
                json_array_append_new(seen_items, view_item(&((const ItemRow *)items.items)[i]));
        json_object_set_new(shown, "outcome_rule", json_string(outcome.rule));
        json_object_set_new(shown, "then", json_string(outcome.sentence));
        json_object_set_new(shown, "now",
                json_pack("{s:s, s:o}", "end", attempt_end_names[outcome.end], "why",
                        text_or_null(outcome.why)));
        json_object_set_new(shown, "voters", seen_voters);
        json_object_set_new(shown, "items", seen_items);
        json_object_set_new(shown, "items_open", json_integer((json_int_t)sign_offs.open));
        return 0;
}

static int add_link(Controller *controller, const AttemptRow *attempt, const char *name,
        json_t *links, Error *error)
{
        _cleanup_voter_ VoterRow voter = {0};
        _cleanup_free_ char *link = NULL;
        int r = voter_find(controller->store, attempt->id, name, &voter, error);

        if (r <= 0)
                return r;
        link = voters_link(controller, attempt, &voter);
        json_array_append_new(links, json_pack("{s:s, s:s}", "voter", voter.name, "link", link));
        return 0;
}

int attempt_show_links(Controller *controller, const AskedAttempt *asked, const TextList *names,
        int r, json_t **ret, Error *error)
{
        json_t *shown = NULL, *links = json_array();

        r = asked_attempt_show(controller, asked, r, &shown, error);
        for (size_t i = 0; r == 0 && i < names->count; i++)
                r = add_link(controller, &asked->attempt, names->items[i], links, error);
        if (r < 0) {
                json_decref(shown);
                json_decref(links);
                return r;
        }
        json_object_set_new(shown, "links", links);
        *ret = shown;
        return 0;
}

// ---- voters

static int refuse_empty(const TextList *list, const char *what, Error *error)
{
        int r;

        if (list->count > 0)
                return 0;
        r = error_set(error, -EINVAL, "bad-request", "no %s was given", what);
        error_where(error, "%ss", what);
        error_why(error, "there is nothing to do");
        return r;
}

// The attempt that a request with a list is about.
static int read_list(Controller *controller, const OperationRequest *request, const char *member,
        const char *what, AskedAttempt *asked, TextList *list, Error *error)
{
        const char *const members[] = {member, NULL};

        return asked_only(request->body, members, error)
                       ?: asked_lines(request->body, member, list, error)
                       ?: refuse_empty(list, what, error)
                       ?: asked_attempt(controller, request, asked, error)
                       ?: asked_attempt_refuse_none(asked, error);
}

int attempt_add_voters(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        TextList names _cleanup_text_list_ = {0};
        int r = read_list(controller, request, "voters", "voter", &asked, &names, error)
                        ?: voters_add(controller, &asked.attempt, &names, request->who, error);

        return attempt_show_links(controller, &asked, &names, r, ret, error);
}

int attempt_remove_voters(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        TextList names _cleanup_text_list_ = {0};
        int r = read_list(controller, request, "voters", "voter", &asked, &names, error)
                        ?: voters_remove(controller, &asked.attempt, &names, request->who, error);

        return asked_attempt_show(controller, &asked, r, ret, error);
}

// ---- votes

static int take_vote(const char *text, Vote *ret, Error *error)
{
        int r;

        for (int i = VOTE_WORKS; vote_names[i]; i++)
                if (text_equal(text, vote_names[i])) {
                        *ret = (Vote)i;
                        return 0;
                }
        r = error_set(error, -EINVAL, "vote", "'%s' is no vote", text);
        error_why(error, "a vote is 'works', or 'objects' with a reason");
        error_next(error, "Say one of them.");
        return r;
}

int attempt_vote(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"token", "vote", "why", NULL};
        AskedAttempt asked _cleanup_asked_ = {0};
        _cleanup_voter_ VoterRow voter = {0};
        const char *token = NULL, *text = NULL, *why = NULL;
        int64_t job = 0;
        Vote vote = VOTE_NONE;
        int r = asked_only(request->body, members, error)
                        ?: asked_line(request->body, "token", true, &token, error)
                        ?: asked_line(request->body, "vote", true, &text, error)
                        ?: asked_line(request->body, "why", false, &why, error)
                        ?: take_vote(text, &vote, error)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: votes_cast(controller, asked.series.name, token, vote, why, &voter,
                                   &job, error);

        r = controller_finish(controller, r, error);
        if (r < 0)
                return r;
        *ret = view_voter(&voter);
        json_object_set_new(*ret, "series", json_string(asked.series.name));
        json_object_set_new(*ret, "job", job ? json_integer(job) : json_null());
        return 0;
}

// ---- items of the release notes

int attempt_add_items(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        TextList texts _cleanup_text_list_ = {0};
        int r = read_list(controller, request, "items", "item", &asked, &texts, error)
                        ?: sign_offs_add(controller, &asked.attempt, &texts, request->who, error);

        return asked_attempt_show(controller, &asked, r, ret, error);
}

static int refuse_numbers(Error *error)
{
        int r = error_set(error, -EINVAL, "bad-request", "the request cannot be understood");

        error_where(error, "items");
        error_why(
                error, "it must be a list of the numbers of items, 1 to %d of them", SIGN_OFFS_MAX);
        return r;
}

static int take_numbers(
        const json_t *body, int64_t numbers[SIGN_OFFS_MAX], size_t *ret_count, Error *error)
{
        const json_t *list = json_object_get(body, "items"), *item;
        size_t i;

        *ret_count = json_array_size(list);
        if (*ret_count == 0 || *ret_count > SIGN_OFFS_MAX)
                return refuse_numbers(error);
        json_array_foreach (list, i, item) {
                if (!json_is_integer(item))
                        return refuse_numbers(error);
                numbers[i] = json_integer_value(item);
        }
        return 0;
}

// Who signs: the voter whose token is given, if it is one of this attempt; else who asks.
static int take_signer(Controller *controller, const AttemptRow *attempt, const char *token,
        VoterRow *ret, Error *error)
{
        int r = token ? voters_find(controller, token, ret, error) : 0;

        if (r < 0 || !token || ret->attempt == attempt->id)
                return r;
        r = error_set(error, -EPERM, "token", "this link signs nothing of '%s'", attempt->series);
        error_why(error, "it is for another attempt");
        error_next(error, "Ask the operator for a link of this one.");
        return r;
}

int attempt_sign(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"items", "token", NULL};
        AskedAttempt asked _cleanup_asked_ = {0};
        _cleanup_voter_ VoterRow voter = {0};
        int64_t numbers[SIGN_OFFS_MAX];
        const char *token = NULL;
        size_t count = 0;
        int r = asked_only(request->body, members, error)
                        ?: asked_line(request->body, "token", false, &token, error)
                        ?: take_numbers(request->body, numbers, &count, error)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: asked_attempt_refuse_none(&asked, error)
                        ?: take_signer(controller, &asked.attempt, token, &voter, error);

        if (r == 0)
                r = sign_offs_sign(controller, &asked.attempt, numbers, count,
                        token ? voter.name : request->who, error);
        return asked_attempt_show(controller, &asked, r, ret, error);
}
