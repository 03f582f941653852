#include "store/attempt.h"

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
        {ATTEMPT_PLANNED, ATTEMPT_IS_WITHDRAWN, ATTEMPT_WITHDRAWN},
        {ATTEMPT_ANNOUNCED, ATTEMPT_BEGINS, ATTEMPT_SYNCHRONISING},
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
        INTEGER_COLUMN(AttemptRow, opened_us),
        INTEGER_COLUMN(AttemptRow, ends_us),
        INTEGER_COLUMN(AttemptRow, job),
        TEXT_COLUMN(AttemptRow, site),
        TEXT_COLUMN(AttemptRow, who),
        TEXT_COLUMN(AttemptRow, why),
        INTEGER_COLUMN(AttemptRow, created_us),
        INTEGER_COLUMN(AttemptRow, ended_us),
        BLOB_COLUMN(AttemptRow, loss),
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

// The moment that an attempt waits for: as an expression of its row.
#define WAITS_FOR "CASE state WHEN 'announced' THEN at_us WHEN 'open' THEN ends_us ELSE NULL END"

int attempts_due(Store *store, int64_t now_us, Rows *ret, Error *error)
{
        return rows_get(store, &attempt_table, ret, error,
                "WHERE state IN ('announced', 'open') AND " WAITS_FOR " <= ? ORDER BY id", "i",
                now_us);
}

int attempts_next(Store *store, int64_t *ret_us, Error *error)
{
        _cleanup_attempt_ AttemptRow row = {0};
        int r = row_get(store, &attempt_table, &row, error,
                "state IN ('announced', 'open') ORDER BY " WAITS_FOR, "");

        if (r < 0)
                return r;
        *ret_us = r == 0 ? 0 : row.state == ATTEMPT_OPEN ? row.ends_us : row.at_us;
        return 0;
}
