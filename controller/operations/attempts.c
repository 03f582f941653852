#include "control/attempts.h"

#include "base/clock.h"
#include "base/text.h"
#include "calendar/when.h"
#include "control/sign_offs.h"
#include "control/voters.h"
#include "operations/attempt.h"
#include "operations/outlook.h"
#include "tell/view.h"
#include "json/message.h"

#define LAPSE_MAX_S INT64_C(30 * 24 * 3600)

// ---- what is shown

// Its times also as people of the series read them.
static json_t *local_or_null(icaltimezone *zone, int64_t at_us)
{
        _cleanup_free_ char *text = at_us ? rule_local_text(zone, at_us) : NULL;

        return text ? json_string(text) : json_null();
}

static json_t *view_attempt(const AttemptRow *attempt, icaltimezone *zone)
{
        return json_pack("{s:I, s:s, s:s, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, "
                         "s:o, s:o, s:I, s:o, s:I, s:o}",
                "id", (json_int_t)attempt->id, "series", attempt->series, "state",
                attempt_state_names[attempt->state], "at", view_time(attempt->at_us), "at_local",
                local_or_null(zone, attempt->at_us), "lapse_seconds",
                (json_int_t)attempt->lapse_seconds, "when_over",
                attempt_end_names[attempt->when_over], "opened_at", view_time(attempt->opened_us),
                "ends_at", view_time(attempt->ends_us), "ends_local",
                local_or_null(zone, attempt->ends_us), "job",
                attempt->job ? json_integer(attempt->job) : json_null(), "who", attempt->who, "why",
                text_blank(attempt->why) ? json_null() : json_string(attempt->why), "created_at",
                view_time(attempt->created_us), "ended_at", view_time(attempt->ended_us), "site",
                text_blank(attempt->site) ? json_null() : json_string(attempt->site),
                "deadline_seconds", (json_int_t)attempt->deadline_seconds, "anyway",
                text_blank(attempt->anyway) ? json_null() : json_string(attempt->anyway),
                "alone_seconds", (json_int_t)attempt->alone_seconds, "accepting",
                text_blank(attempt->accepting) ? json_null() : json_string(attempt->accepting));
}

// ---- what is asked for

void asked_attempt_clear(AskedAttempt *asked)
{
        series_clear(&asked->series);
        calendar_clear(&asked->calendar);
        attempt_clear(&asked->attempt);
}

int asked_attempt(
        Controller *controller, const OperationRequest *request, AskedAttempt *ret, Error *error)
{
        int r = asked_series(controller, request->subject[0], &ret->series, error)
                        ?: due_run(controller, clock_now_us(), error)
                        ?: calendar_get(
                                   controller->store, ret->series.name, &ret->calendar, error);

        if (r < 0)
                return r;
        r = rule_zone(ret->calendar.zone, &ret->zone, error)
                    ?: attempt_newest(controller->store, ret->series.name, &ret->attempt, error);
        ret->found = r > 0;
        return r < 0 ? r : 0;
}

int asked_attempt_refuse_none(const AskedAttempt *asked, Error *error)
{
        int r;

        if (asked->found)
                return 0;
        r = error_set(error, -ENOENT, "no-attempt", "series '%s' has had no upgrade attempt",
                asked->series.name);
        error_next(error, "Plan one: understudyctl attempt plan %s --at WHEN --lapse DURATION",
                asked->series.name);
        return r;
}

static int take_end(const char *text, AttemptEnd *ret, Error *error)
{
        int r;

        *ret = ATTEMPT_END_CANCEL;
        if (!text)
                return 0;
        for (int i = 0; attempt_end_names[i]; i++)
                if (text_equal(text, attempt_end_names[i])) {
                        *ret = (AttemptEnd)i;
                        return 0;
                }
        r = error_set(error, -EINVAL, "bad-request", "an attempt cannot end by '%s'", text);
        error_why(error, "it is canceled or accepted when its lapse is over");
        error_next(error, "Give --outcome-when-over cancel or accept.");
        return r;
}

static int check_lapse(int64_t seconds, Error *error)
{
        int r;

        if (seconds >= 60 && seconds <= LAPSE_MAX_S)
                return 0;
        r = error_set(error, -EINVAL, "bad-request", "that is no lapse for an attempt");
        error_why(error, "it has to be between a minute and 30 days");
        error_next(error, "Give it as in --lapse '2 h'.");
        return r;
}

#define ALONE_MAX_S (7 * 24 * 3600)

static int check_alone(const AttemptRow *attempt, Error *error)
{
        int r;

        if (attempt->alone_seconds > ALONE_MAX_S) {
                r = error_set(error, -EINVAL, "bad-request", "a worker does not wait that long");
                error_why(error, "production would be the new site's for a week more than agreed");
                error_next(error, "Give it as in --alone-after '5 min'.");
                return r;
        }
        if (attempt->alone_seconds == 0 || attempt->when_over == ATTEMPT_END_CANCEL)
                return 0;
        r = error_set(error, -EINVAL, "bad-request",
                "a worker has nothing to do alone when this attempt is over");
        error_why(error, "it is accepted then, and nothing changes on its host");
        error_next(error, "Leave --alone-after out, or give --outcome-when-over cancel.");
        return r;
}

#define REASON_MAX 1000

// Why an attempt is to be made with a preview that is not fit for it.
static int take_anyway(const json_t *body, const char **ret, Error *error)
{
        int r = asked_text(body, "anyway", false, ret, error);

        if (r < 0 || !*ret || (**ret && strlen(*ret) <= REASON_MAX))
                return r;
        r = error_set(error, -EINVAL, "bad-request", "that is no reason");
        error_why(error, "'anyway' has to say why in 1 to %d bytes", REASON_MAX);
        error_next(error, "Give it as in --anyway 'the conflict is known'.");
        return r;
}

int asked_attempt_show(
        Controller *controller, const AskedAttempt *asked, int r, json_t **ret, Error *error)
{
        json_t *shown;

        r = controller_finish(controller, r, error);
        if (r < 0)
                return r;
        shown = view_attempt(&asked->attempt, asked->zone);
        if (asked->attempt.state <= ATTEMPT_ANNOUNCED)
                r = outlook_add(controller, asked->series.name, asked->attempt.id, shown, error);
        if (r == 0)
                r = attempt_view_votes(controller, &asked->attempt, shown, error);
        if (r < 0)
                json_decref(shown);
        else
                *ret = shown;
        return r;
}

int attempt_plan(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"at", "lapse_seconds", "when_over",
                "deadline_seconds", "alone_seconds", "anyway", "voters", "items", NULL};
        TextList voters _cleanup_text_list_ = {0}, items _cleanup_text_list_ = {0};
        const char *at = NULL, *when_over = NULL, *anyway = NULL;
        AskedAttempt asked _cleanup_asked_ = {0};
        AttemptRow new = {0};
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "at", true, &at, error)
                        ?: asked_text(request->body, "when_over", false, &when_over, error)
                        ?: take_anyway(request->body, &anyway, error)
                        ?: asked_seconds(request->body, "lapse_seconds", &new.lapse_seconds, error)
                        ?: check_lapse(new.lapse_seconds, error)
                        ?: asked_seconds(
                                   request->body, "deadline_seconds", &new.deadline_seconds, error)
                        ?: take_end(when_over, &new.when_over, error)
                        ?: asked_seconds(request->body, "alone_seconds", &new.alone_seconds, error)
                        ?: check_alone(&new, error)
                        ?: asked_lines(request->body, "voters", &voters, error)
                        ?: asked_lines(request->body, "items", &items, error)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: when_parse(at, asked.zone, clock_now_us(), &new.at_us, error);

        if (r < 0)
                return controller_finish(controller, r, error);
        if (!new.deadline_seconds)
                new.deadline_seconds = ATTEMPT_DEADLINE_S;
        attempt_clear(&asked.attempt);
        asked.attempt = new;
        asked.attempt.series = text_copy(asked.series.name);
        asked.attempt.who = text_copy(request->who);
        asked.attempt.anyway = text_copy(anyway);
        r = voters_check(controller, &asked.attempt, &voters, error)
                    ?: sign_offs_check(controller, &asked.attempt, &items, error)
                    ?: attempts_plan(controller, &asked.attempt, error)
                    ?: voters_add(controller, &asked.attempt, &voters, request->who, error)
                    ?: sign_offs_add(controller, &asked.attempt, &items, request->who, error);
        return attempt_show_links(controller, &asked, &voters, r, ret, error);
}

int attempt_show(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        int r = asked_attempt(controller, request, &asked, error)
                        ?: asked_attempt_refuse_none(&asked, error);

        return asked_attempt_show(controller, &asked, r, ret, error);
}

typedef int ChangeFn(Controller *controller, AttemptRow *attempt, const char *who, Error *error);

static int change(Controller *controller, const OperationRequest *request, ChangeFn *change_it,
        AskedAttempt *asked, Error *error)
{
        static const char *const members[] = {NULL};

        return asked_only(request->body, members, error)
                       ?: asked_attempt(controller, request, asked, error)
                       ?: asked_attempt_refuse_none(asked, error)
                       ?: change_it(controller, &asked->attempt, request->who, error);
}

static int change_and_show(Controller *controller, const OperationRequest *request,
        ChangeFn *change_it, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        int r = change(controller, request, change_it, &asked, error);

        return asked_attempt_show(controller, &asked, r, ret, error);
}

int attempt_announce(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return change_and_show(controller, request, attempts_announce, ret, error);
}

int attempt_withdraw(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return change_and_show(controller, request, attempts_withdraw, ret, error);
}

int attempt_accept(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        return change_and_show(controller, request, attempts_accept, ret, error);
}

int attempt_move(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"at", "lapse_seconds", NULL};
        const char *at = NULL;
        AskedAttempt asked _cleanup_asked_ = {0};
        int64_t seconds = 0, at_us = 0;
        int r = asked_only(request->body, members, error)
                        ?: asked_text(request->body, "at", true, &at, error)
                        ?: asked_seconds(request->body, "lapse_seconds", &seconds, error)
                        ?: (seconds ? check_lapse(seconds, error) : 0)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: asked_attempt_refuse_none(&asked, error)
                        ?: when_parse(at, asked.zone, clock_now_us(), &at_us, error)
                        ?: attempts_move(controller, &asked.attempt, at_us, seconds, request->who,
                                   error);

        return asked_attempt_show(controller, &asked, r, ret, error);
}

int attempt_extend(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"by_seconds", NULL};
        AskedAttempt asked _cleanup_asked_ = {0};
        int64_t seconds = 0;
        int r = asked_only(request->body, members, error)
                        ?: asked_seconds(request->body, "by_seconds", &seconds, error)
                        ?: check_lapse(seconds, error)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: asked_attempt_refuse_none(&asked, error)
                        ?: attempts_extend(
                                   controller, &asked.attempt, seconds, request->who, error);

        return asked_attempt_show(controller, &asked, r, ret, error);
}

// The job that does it is what is shown: people watch it.
static int show_job(
        Controller *controller, const AskedAttempt *asked, int r, json_t **ret, Error *error)
{
        r = controller_finish(controller, r, error);
        return r < 0 ? r : asked_show_job(controller, asked->attempt.job, ret, error);
}

int attempt_open(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {"anyway", NULL};
        AskedAttempt asked _cleanup_asked_ = {0};
        const char *anyway = NULL;
        int r = asked_only(request->body, members, error)
                        ?: take_anyway(request->body, &anyway, error)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: asked_attempt_refuse_none(&asked, error);

        if (r == 0 && anyway)
                row_set_text(&asked.attempt.anyway, anyway);
        r = r ?: attempts_open(controller, &asked.attempt, request->who, error);
        return show_job(controller, &asked, r, ret, error);
}

int attempt_cancel(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        int r = change(controller, request, attempts_cancel, &asked, error);

        return show_job(controller, &asked, r, ret, error);
}

// ---- what a cancel loses

static int refuse_no_report(const AttemptRow *attempt, Error *error)
{
        int r;

        if (attempt->loss.data)
                return 0;
        r = error_set(error, -ENOENT, "no-report", "there is no report of this attempt");
        error_why(error, "the attempt is %s; a report is made when it was canceled, or asked for",
                attempt_state_names[attempt->state]);
        error_next(error, "Look at it: understudyctl attempt show %s", attempt->series);
        return r;
}

int attempt_report(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        AskedAttempt asked _cleanup_asked_ = {0};
        _cleanup_message_ ProtobufCMessage *loss = NULL;
        int r = asked_attempt(controller, request, &asked, error) ?: asked_attempt_refuse_none(&asked, error)
                        ?: refuse_no_report(&asked.attempt, error);

        r = controller_finish(controller, r, error);
        if (r < 0)
                return r;
        loss = blob_message(&asked.attempt.loss, &fleet__loss_result__descriptor);
        *ret = loss ? message_to_json(loss) : json_object();
        json_object_set_new(*ret, "series", json_string(asked.attempt.series));
        json_object_set_new(*ret, "site", json_string(asked.attempt.site));
        json_object_set_new(*ret, "state", json_string(attempt_state_names[asked.attempt.state]));
        return 0;
}

int attempt_make_report(
        Controller *controller, const OperationRequest *request, json_t **ret, Error *error)
{
        static const char *const members[] = {NULL};
        AskedAttempt asked _cleanup_asked_ = {0};
        int64_t job = 0;
        int r = asked_only(request->body, members, error)
                        ?: asked_attempt(controller, request, &asked, error)
                        ?: asked_attempt_refuse_none(&asked, error)
                        ?: attempts_report(controller, &asked.attempt, request->who, &job, error);

        r = controller_finish(controller, r, error);
        return r < 0 ? r : asked_show_job(controller, job, ret, error);
}
