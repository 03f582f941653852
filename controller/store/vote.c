#include "store/vote.h"

const char *const vote_names[] = {"none", "works", "objects", NULL};

static const Column voter_columns[] = {
        INTEGER_COLUMN(VoterRow, id),
        INTEGER_COLUMN(VoterRow, attempt),
        TEXT_COLUMN(VoterRow, name),
        TEXT_COLUMN(VoterRow, token_hash),
        ENUM_COLUMN(VoterRow, vote, vote_names),
        TEXT_COLUMN(VoterRow, why),
        INTEGER_COLUMN(VoterRow, voted_us),
        TEXT_COLUMN(VoterRow, who),
        INTEGER_COLUMN(VoterRow, created_us),
};
const Table voter_table = {"voter", voter_columns, ELEMENTS(voter_columns), sizeof(VoterRow)};

static const Column item_columns[] = {
        INTEGER_COLUMN(ItemRow, id),
        INTEGER_COLUMN(ItemRow, attempt),
        INTEGER_COLUMN(ItemRow, number),
        TEXT_COLUMN(ItemRow, text),
        TEXT_COLUMN(ItemRow, who),
        INTEGER_COLUMN(ItemRow, created_us),
        TEXT_COLUMN(ItemRow, signed_by),
        INTEGER_COLUMN(ItemRow, signed_us),
};
const Table item_table = {"item", item_columns, ELEMENTS(item_columns), sizeof(ItemRow)};

int voter_get(Store *store, int64_t id, VoterRow *ret, Error *error)
{
        return row_get(store, &voter_table, ret, error, "id = ?", "i", id);
}

int voter_find(Store *store, int64_t attempt, const char *name, VoterRow *ret, Error *error)
{
        return row_get(
                store, &voter_table, ret, error, "attempt = ? AND name = ?", "it", attempt, name);
}

int voters_of(Store *store, int64_t attempt, Rows *ret, Error *error)
{
        return rows_get(
                store, &voter_table, ret, error, "WHERE attempt = ? ORDER BY id", "i", attempt);
}

int voter_delete(Store *store, int64_t id, Error *error)
{
        return store_run(store, error, "DELETE FROM voter WHERE id = ?", "i", id);
}

int item_find(Store *store, int64_t attempt, int64_t number, ItemRow *ret, Error *error)
{
        return row_get(store, &item_table, ret, error, "attempt = ? AND number = ?", "ii", attempt,
                number);
}

int items_of(Store *store, int64_t attempt, Rows *ret, Error *error)
{
        return rows_get(
                store, &item_table, ret, error, "WHERE attempt = ? ORDER BY number", "i", attempt);
}
