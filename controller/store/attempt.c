#include "store/attempt.h"

#include "base/clock.h"
#include "base/text.h"

const char *const attempt_state_names[] = {"planned", "announced", "synchronising", "open",
        "accepted", "canceled", "withdrawn", "failed", NULL};
const char *const attempt_end_names[] = {"cancel", "accept", NULL};

static const struct {
        AttemptState from;
        AttemptEvent event;
        AttemptState to;
} edges[] = {
        {ATTEMPT_PLANNED, ATTEMPT_IS_ANNOUNCED, ATTEMPT_ANNOUNCED},
        {ATTEMPT_PLANNED, ATTEMPT_BEGINS, ATTEMPT_SYNCHRONISING},
        {ATTEMPT_PLANNED, ATTEMPT_IS_MOVED, ATTEMPT_PLANNED},
        {ATTEMPT_PLANNED, ATTEMPT_IS_WITHDRAWN, ATTEMPT_WITHDRAWN},
        {ATTEMPT_ANNOUNCED, ATTEMPT_BEGINS, ATTEMPT_SYNCHRONISING},
        {ATTEMPT_ANNOUNCED, ATTEMPT_IS_MOVED, ATTEMPT_ANNOUNCED},
        {ATTEMPT_ANNOUNCED, ATTEMPT_IS_WITHDRAWN, ATTEMPT_WITHDRAWN},
        {ATTEMPT_ANNOUNCED, ATTEMPT_DID_NOT_OPEN, ATTEMPT_FAILED},
        {ATTEMPT_SYNCHRONISING, ATTEMPT_OPENED, ATTEMPT_OPEN},
        {ATTEMPT_SYNCHRONISING, ATTEMPT_DID_NOT_OPEN, ATTEMPT_FAILED},
        {ATTEMPT_OPEN, ATTEMPT_IS_EXTENDED, ATTEMPT_OPEN},
        {ATTEMPT_OPEN, ATTEMPT_IS_ACCEPTED, ATTEMPT_ACCEPTED},
        {ATTEMPT_OPEN, ATTEMPT_IS_TAKEN_BACK, ATTEMPT_CANCELED},
};

static const struct {
        const char *done, *command; // NULL: it is no person's word
} words[] = {
        [ATTEMPT_IS_ANNOUNCED] = {"announced", "announce"},
        [ATTEMPT_BEGINS] = {"opened", "open"},
        [ATTEMPT_OPENED] = {"open", NULL},
        [ATTEMPT_DID_NOT_OPEN] = {"failed", NULL},
        [ATTEMPT_IS_EXTENDED] = {"extended", "extend"},
        [ATTEMPT_IS_ACCEPTED] = {"accepted", "accept"},
        [ATTEMPT_IS_TAKEN_BACK] = {"canceled", "cancel"},
        [ATTEMPT_IS_WITHDRAWN] = {"withdrawn", "withdraw"},
        [ATTEMPT_IS_MOVED] = {"moved", "move"},
};

// "announce, open or withdraw": what a person may ask for in this state.
static char *ways_on(AttemptState state)
{
        char *list = text_copy("");

        for (size_t i = 0; i < ELEMENTS(edges); i++)
                if (edges[i].from == state && words[edges[i].event].command) {
                        char *longer = text_format("%s%s'attempt %s'", list, *list ? ", " : "",
                                words[edges[i].event].command);

                        free(list);
                        list = longer;
                }
        return list;
}

int attempt_next(AttemptState state, AttemptEvent event, AttemptState *ret, Error *error)
{
        _cleanup_free_ char *ways = NULL;

        for (size_t i = 0; i < ELEMENTS(edges); i++)
                if (edges[i].from == state && edges[i].event == event) {
                        *ret = edges[i].to;
                        return 0;
                }
        ways = ways_on(state);
        error_set(error, -EPERM, "attempt-state", "the attempt cannot be %s", words[event].done);
        error_why(error, "it is %s", attempt_state_names[state]);
        error_next(error, "%s%s",
                *ways ? "What can be asked for now: "
                      : "Plan another one: understudyctl attempt plan",
                ways);
        return -EPERM;
}

static const Column columns[] = {
        INTEGER_COLUMN(AttemptRow, id),
        TEXT_COLUMN(AttemptRow, series),
        ENUM_COLUMN(AttemptRow, state, attempt_state_names),
        INTEGER_COLUMN(AttemptRow, at_us),
        INTEGER_COLUMN(AttemptRow, lapse_seconds),
        ENUM_COLUMN(AttemptRow, when_over, attempt_end_names),
        INTEGER_COLUMN(AttemptRow, deadline_seconds),
        INTEGER_COLUMN(AttemptRow, began_us),
        INTEGER_COLUMN(AttemptRow, opened_us),
        INTEGER_COLUMN(AttemptRow, ends_us),
        INTEGER_COLUMN(AttemptRow, warned),
        INTEGER_COLUMN(AttemptRow, alone_seconds),
        INTEGER_COLUMN(AttemptRow, standby),
        TEXT_COLUMN(AttemptRow, accepting),
        INTEGER_COLUMN(AttemptRow, job),
        TEXT_COLUMN(AttemptRow, site),
        TEXT_COLUMN(AttemptRow, who),
        TEXT_COLUMN(AttemptRow, why),
        TEXT_COLUMN(AttemptRow, anyway),
        INTEGER_COLUMN(AttemptRow, created_us),
        INTEGER_COLUMN(AttemptRow, ended_us),
        BLOB_COLUMN(AttemptRow, loss),
        INTEGER_COLUMN(AttemptRow, sequence),
        INTEGER_COLUMN(AttemptRow, changed_us),
};
const Table attempt_table = {"attempt", columns, ELEMENTS(columns), sizeof(AttemptRow)};

int attempt_get(Store *store, int64_t id, AttemptRow *ret, Error *error)
{
        return row_get(store, &attempt_table, ret, error, "id = ?", "i", id);
}

int attempt_newest(Store *store, const char *series, AttemptRow *ret, Error *error)
{
        return row_get(
                store, &attempt_table, ret, error, "series = ? ORDER BY id DESC", "t", series);
}

#define WARNING_US (INT64_C(15) * 60 * US_PER_SECOND)

// How long before its end its users are told.
static int64_t warning_us(const AttemptRow *attempt)
{
        int64_t quarter_us = attempt->lapse_seconds * US_PER_SECOND / 4;

        return quarter_us < WARNING_US ? quarter_us : WARNING_US;
}

int64_t attempt_moment_us(const AttemptRow *attempt)
{
        switch (attempt->state) {
        case ATTEMPT_PLANNED: // it can still be opened by hand for as long as an announced one
                return attempt->at_us + ATTEMPT_LATE_US;
        case ATTEMPT_ANNOUNCED:
                return attempt->at_us;
        case ATTEMPT_SYNCHRONISING: // `why`: it is being given back already
                return text_blank(attempt->why)
                               ? attempt->began_us + attempt->deadline_seconds * US_PER_SECOND
                               : 0;
        case ATTEMPT_OPEN:
                return attempt->warned ? attempt->ends_us : attempt->ends_us - warning_us(attempt);
        default:
                return 0;
        }
}

int attempts_since(Store *store, int64_t since_us, Rows *ret, Error *error)
{
        return rows_get(store, &attempt_table, ret, error,
                "WHERE ended_us = 0 OR ended_us >= ? ORDER BY id", "i", since_us);
}

int attempts_waiting(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &attempt_table, ret, error,
                "INDEXED BY attempt_one WHERE state IN ('planned', 'announced', 'synchronising', "
                "'open') ORDER BY id",
                "");
}

int attempts_next(Store *store, int64_t *ret_us, Error *error)
{
        _cleanup_rows_ Rows waiting = {0};
        int r = attempts_waiting(store, &waiting, error);
        const AttemptRow *rows = waiting.items;

        *ret_us = 0;
        for (size_t i = 0; r == 0 && i < waiting.count; i++) {
                int64_t at_us = attempt_moment_us(&rows[i]);

                if (at_us && (*ret_us == 0 || at_us < *ret_us))
                        *ret_us = at_us;
        }
        return r;
}
