#include "store/history.h"

#include "base/clock.h"

static const Column columns[] = {
        INTEGER_COLUMN(HistoryRow, id),
        INTEGER_COLUMN(HistoryRow, at_us),
        TEXT_COLUMN(HistoryRow, who),
        TEXT_COLUMN(HistoryRow, series),
        INTEGER_COLUMN(HistoryRow, job),
        TEXT_COLUMN(HistoryRow, event),
        TEXT_COLUMN(HistoryRow, detail),
        TEXT_COLUMN(HistoryRow, data),
};
const Table history_table = {"history", columns, ELEMENTS(columns), sizeof(HistoryRow)};

int history_add(Store *store, const HistoryRow *entry, Error *error)
{
        HistoryRow row = *entry;

        row.id = 0;
        row.at_us = clock_now_us();
        return row_insert(store, &history_table, &row, error);
}

int history_get(Store *store, const char *series, int64_t limit, Rows *ret, Error *error)
{
        return rows_get(store, &history_table, ret, error,
                "WHERE id IN (SELECT id FROM history WHERE ?1 IS NULL OR series = ?1"
                " ORDER BY id DESC LIMIT ?2) ORDER BY id",
                "ti", series, limit);
}
