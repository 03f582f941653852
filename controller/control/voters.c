#include "control/voters.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/text.h"
#include "tell/announce.h"
#include "tell/record.h"
#include "tell/words.h"

#define NAME_BYTES_MAX 254
#define DIGEST_BYTES   32
#define TOKEN_BYTES    16

// ---- their tokens

// All that makes a voter is signed, so that a number which a restored database gives again makes
// another token.
char *voters_token(Controller *controller, const VoterRow *voter)
{
        const char *key = controller->setup->authority_key;
        _cleanup_free_ char *text =
                text_format("understudy vote %lld %lld %lld %s", (long long)voter->attempt,
                        (long long)voter->id, (long long)voter->created_us, voter->name);
        _cleanup_free_ char *signature = NULL;
        uint8_t digest[DIGEST_BYTES];

        if (!HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)text, strlen(text), digest,
                    NULL))
                abort();
        signature = text_hexadecimal(digest, TOKEN_BYTES);
        return text_format("%lld-%s", (long long)voter->id, signature);
}

static char *hash(const char *token)
{
        uint8_t digest[DIGEST_BYTES];

        if (!EVP_Digest(token, strlen(token), digest, NULL, EVP_sha256(), NULL))
                abort();
        return text_hexadecimal(digest, sizeof digest);
}

static bool is_token_of(const char *token, const VoterRow *voter)
{
        _cleanup_free_ char *hashed = hash(token);

        return !text_blank(voter->token_hash) && strlen(voter->token_hash) == strlen(hashed) &&
               CRYPTO_memcmp(voter->token_hash, hashed, strlen(hashed)) == 0;
}

int voters_find(Controller *controller, const char *token, VoterRow *ret, Error *error)
{
        _cleanup_voter_ VoterRow voter = {0};
        _cleanup_free_ char *number = text_copy_n(token, strcspn(token, "-"));
        uint64_t id;
        int r = 0;

        if (text_parse_u64(number, &id) == 0 && id <= INT64_MAX)
                r = voter_get(controller->store, (int64_t)id, &voter, error);
        if (r < 0)
                return r;
        if (r > 0 && is_token_of(token, &voter)) {
                *ret = TAKE(voter, (VoterRow){0});
                return 0;
        }
        r = error_set(error, -EPERM, "token", "this link lets nobody vote");
        error_why(error, "it is not whole, or its voter was removed");
        error_next(error, "Copy it from the mail once more, or ask the operator for another one.");
        return r;
}

char *voters_link(Controller *controller, const AttemptRow *attempt, const VoterRow *voter)
{
        _cleanup_free_ char *token = voters_token(controller, voter);

        return text_format(
                "understudyctl attempt vote %s works --token %s", attempt->series, token);
}

// ---- who they are

static bool is_address(const char *name)
{
        const char *at = strchr(name, '@');

        return at && at > name && at[1] && !strchr(at + 1, '@') && !strpbrk(name, " \t<>,;\"\\");
}

static int refuse_name(const char *name, const char *why, Error *error)
{
        int r = error_set(error, -EINVAL, "voter", "'%s' cannot be asked", name);

        error_why(error, "%s", why);
        error_next(error, "Give an e-mail address, such as jane@example.com, or a name.");
        return r;
}

static int check_name(const char *name, Error *error)
{
        if (strlen(name) > NAME_BYTES_MAX)
                return refuse_name(name, "the name has more than 254 bytes", error);
        if (strchr(name, '@') && !is_address(name))
                return refuse_name(name, "it has an '@' and is no e-mail address", error);
        return 0;
}

static int refuse_over(const AttemptRow *attempt, Error *error)
{
        int r;

        if (!attempt_is_over(attempt))
                return 0;
        r = error_set(error, -EPERM, "attempt-state", "the voters are what they were");
        error_why(error, "the attempt is %s", attempt_state_names[attempt->state]);
        error_next(error, "Plan another one: understudyctl attempt plan %s --voter NAME",
                attempt->series);
        return r;
}

static int refuse_second(const AttemptRow *attempt, const char *name, Error *error)
{
        int r = error_set(error, -EEXIST, "voter", "'%s' is asked already", name);

        error_why(error, "each voter has one voice");
        error_next(error,
                "For another link, which ends the first one: understudyctl attempt voter remove %s "
                "'%s', then add.",
                attempt->series, name);
        return r;
}

static int refuse_too_many(Error *error)
{
        int r = error_set(error, -EINVAL, "voter", "these are too many voters");

        error_why(error, "an attempt has at most %d", VOTERS_MAX);
        error_next(error, "Ask those who speak for others.");
        return r;
}

int voters_check(
        Controller *controller, const AttemptRow *attempt, const TextList *names, Error *error)
{
        _cleanup_rows_ Rows voters = {0};
        int r = refuse_over(attempt, error)
                        ?: voters_of(controller->store, attempt->id, &voters, error);

        if (r == 0 && voters.count + names->count > VOTERS_MAX)
                return refuse_too_many(error);
        for (size_t i = 0; r == 0 && i < names->count; i++) {
                _cleanup_voter_ VoterRow before = {0};

                r = check_name(names->items[i], error);
                for (size_t k = 0; r == 0 && k < i; k++)
                        if (text_equal(names->items[i], names->items[k]))
                                return refuse_second(attempt, names->items[i], error);
                if (r == 0)
                        r = voter_find(
                                controller->store, attempt->id, names->items[i], &before, error);
                if (r > 0)
                        return refuse_second(attempt, names->items[i], error);
        }
        return r;
}

// ---- they are asked

static bool has_mail(const Controller *controller)
{
        for (const char *const *channel = controller->setup->channels; channel && *channel;
                channel++)
                if (text_equal(*channel, ANNOUNCE_BY_MAIL))
                        return true;
        return false;
}

static char *question(const AttemptRow *attempt)
{
        bool open = attempt->state == ATTEMPT_OPEN;
        _cleanup_free_ char *at = words_time(open ? attempt->ends_us : attempt->at_us);

        return open ? text_format("It is open until %s. Try it, and say whether it works.", at)
                    : text_format("It opens %s, for %lld minutes. Try it then, and say whether it "
                                  "works.",
                              at, (long long)attempt->lapse_seconds / 60);
}

// Once the attempt is over there is no link to be added.
static int mail(Controller *controller, const AttemptRow *attempt, AnnouncementKind kind,
        const VoterRow *voter, const char *detail, Error *error)
{
        _cleanup_free_ char *cause =
                text_format("%lld %lld", (long long)voter->id, (long long)attempt->sequence);

        return announce_to_voter(controller, kind, attempt->series,
                attempt_is_over(attempt) ? 0 : voter->id, voter->name, cause, detail, error);
}

static int mail_each(Controller *controller, const AttemptRow *attempt, AnnouncementKind kind,
        const Rows *voters, const char *detail, Error *error)
{
        const VoterRow *rows = voters->items;
        int r = 0;

        for (size_t i = 0; r == 0 && i < voters->count; i++)
                if (is_address(rows[i].name))
                        r = mail(controller, attempt, kind, &rows[i], detail, error);
        return r;
}

static int tell_no_mail(Controller *controller, const AttemptRow *attempt, Error *error)
{
        const JobRow about = {.series = attempt->series};

        return record_history(controller, &about, CALENDAR_WHO, "voters not mailed", error,
                "No mail is configured in [announce] of controller.conf: hand them their links");
}

int voters_ask(
        Controller *controller, const AttemptRow *attempt, AnnouncementKind kind, Error *error)
{
        _cleanup_rows_ Rows voters = {0};
        _cleanup_free_ char *detail = question(attempt);
        int r = voters_of(controller->store, attempt->id, &voters, error);

        if (r < 0 || voters.count == 0)
                return r;
        return has_mail(controller) ? mail_each(controller, attempt, kind, &voters, detail, error)
                                    : tell_no_mail(controller, attempt, error);
}

// ---- and told how it ended

int voters_tell_end(Controller *controller, const AttemptRow *attempt, Error *error)
{
        static const char *const sentences[] = {
                [ATTEMPT_ACCEPTED] = "It is accepted: the new site stays.",
                [ATTEMPT_CANCELED] = "It is taken back, with all that was entered since it opened.",
                [ATTEMPT_WITHDRAWN] = "It will not take place.",
                [ATTEMPT_FAILED] = "It did not begin: the site is as it was.",
        };
        _cleanup_rows_ Rows voters = {0};
        _cleanup_free_ char *detail =
                text_format("%s Your link has ended.", sentences[attempt->state]);
        int r = voters_of(controller->store, attempt->id, &voters, error);

        if (r < 0 || !has_mail(controller))
                return r;
        return mail_each(controller, attempt, ANNOUNCE_VOTER_TOLD, &voters, detail, error);
}

static int refuse_letter(const char *why, Error *error)
{
        int r = error_set(error, -ENOENT, "voter", "there is nobody to be asked any more");

        error_why(error, "%s", why);
        return r;
}

int voters_letter(Controller *controller, int64_t id, char **ret, Error *error)
{
        _cleanup_voter_ VoterRow voter = {0};
        _cleanup_attempt_ AttemptRow attempt = {0};
        _cleanup_free_ char *token = NULL;
        int r = voter_get(controller->store, id, &voter, error);

        if (r == 0)
                return refuse_letter("the voter was removed", error);
        if (r > 0)
                r = attempt_get(controller->store, voter.attempt, &attempt, error);
        if (r < 0)
                return r;
        if (attempt_is_over(&attempt))
                return refuse_letter("the attempt is over", error);
        token = voters_token(controller, &voter);
        if (!is_token_of(token, &voter))
                return refuse_letter("the controller has another key now, and the voter's link "
                                     "cannot be made again: remove the voter, and add again",
                        error);
        *ret = text_format("While it is open, type one of these; the last word counts:\n\n"
                           "understudyctl attempt vote %s works --token %s\n"
                           "understudyctl attempt vote %s objects --token %s --why 'what is "
                           "wrong'\n\n"
                           "Or ask the controller's HTTP interface:\n\n"
                           "POST /v1/series/%s/attempt/vote\n"
                           "{\"token\": \"%s\", \"vote\": \"works\"}\n\n"
                           "The token is yours alone, and ends with the attempt.",
                attempt.series, token, attempt.series, token, attempt.series, token);
        return 0;
}

// ---- they come and go

static int add_one(Controller *controller, const AttemptRow *attempt, const char *name,
        const char *who, Error *error)
{
        const JobRow about = {.series = attempt->series};
        _cleanup_voter_ VoterRow voter = {.attempt = attempt->id,
                .name = text_copy(name),
                .who = text_copy(who),
                .created_us = clock_now_us()};
        _cleanup_free_ char *token = NULL, *detail = question(attempt);
        int r = row_insert(controller->store, &voter_table, &voter, error);

        if (r < 0)
                return r;
        token = voters_token(controller, &voter);
        voter.token_hash = hash(token);
        r = row_update(controller->store, &voter_table, &voter, error)
                    ?: record_history(controller, &about, who, "voter added", error, "%s", name);
        if (r < 0 || !is_address(name) || !has_mail(controller))
                return r;
        switch (attempt->state) {
        case ATTEMPT_ANNOUNCED:
                return mail(controller, attempt, ANNOUNCE_VOTER_INVITED, &voter, detail, error);
        case ATTEMPT_OPEN:
                return mail(controller, attempt, ANNOUNCE_VOTER_ASKED, &voter, detail, error);
        default:
                return 0;
        }
}

int voters_add(Controller *controller, const AttemptRow *attempt, const TextList *names,
        const char *who, Error *error)
{
        int r = voters_check(controller, attempt, names, error);

        for (size_t i = 0; r == 0 && i < names->count; i++)
                r = add_one(controller, attempt, names->items[i], who, error);
        return r;
}

static int refuse_unknown(const AttemptRow *attempt, const char *name, Error *error)
{
        int r = error_set(error, -ENOENT, "voter", "'%s' is not asked", name);

        error_why(error, "the attempt has no voter of that name");
        error_next(error, "See who is: understudyctl attempt show %s", attempt->series);
        return r;
}

static int remove_one(Controller *controller, const AttemptRow *attempt, const VoterRow *voter,
        const char *who, Error *error)
{
        const JobRow about = {.series = attempt->series};

        return voter_delete(controller->store, voter->id, error)
                       ?: record_history(controller, &about, who, "voter removed", error,
                                  voter->vote == VOTE_NONE ? "%s, who had not voted"
                                                           : "%s, whose vote was: %s",
                                  voter->name, vote_names[voter->vote]);
}

int voters_remove(Controller *controller, const AttemptRow *attempt, const TextList *names,
        const char *who, Error *error)
{
        int r = refuse_over(attempt, error);

        for (size_t i = 0; r == 0 && i < names->count; i++) {
                _cleanup_voter_ VoterRow voter = {0};

                r = voter_find(controller->store, attempt->id, names->items[i], &voter, error);
                if (r == 0)
                        return refuse_unknown(attempt, names->items[i], error);
                r = r < 0 ? r : 0;
        }
        for (size_t i = 0; r == 0 && i < names->count; i++) {
                _cleanup_voter_ VoterRow voter = {0};

                r = voter_find(controller->store, attempt->id, names->items[i], &voter, error);
                if (r > 0) // else it was named twice
                        r = remove_one(controller, attempt, &voter, who, error);
        }
        return r;
}
