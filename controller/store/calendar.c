#include "store/calendar.h"

#include "store/job.h"
#include "store/series.h"

static const Column columns[] = {
        TEXT_COLUMN(CalendarRow, series),
        TEXT_COLUMN(CalendarRow, rule),
        TEXT_COLUMN(CalendarRow, zone),
        TEXT_COLUMN(CalendarRow, window),
        INTEGER_COLUMN(CalendarRow, start_us),
        INTEGER_COLUMN(CalendarRow, paused),
        INTEGER_COLUMN(CalendarRow, next_us),
        INTEGER_COLUMN(CalendarRow, planned_us),
        INTEGER_COLUMN(CalendarRow, job),
        TEXT_COLUMN(CalendarRow, outcome),
        INTEGER_COLUMN(CalendarRow, waits_us),
};
const Table calendar_table = {"calendar", columns, ELEMENTS(columns), sizeof(CalendarRow)};

int calendar_get(Store *store, const char *series, CalendarRow *ret, Error *error)
{
        return row_get(store, &calendar_table, ret, error, "series = ?", "t", series);
}

int calendar_list(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &calendar_table, ret, error, "ORDER BY series", "");
}

int calendar_due(Store *store, int64_t now_us, Rows *ret, Error *error)
{
        return rows_get(store, &calendar_table, ret, error,
                "WHERE series IN ("
                "SELECT series FROM calendar WHERE paused = 0 AND next_us BETWEEN 1 AND ?1 "
                "UNION SELECT series FROM calendar WHERE paused = 0 AND waits_us > 0 AND "
                "waits_us <= ?1) ORDER BY next_us, series",
                "i", now_us);
}

int calendar_waiting(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &calendar_table, ret, error,
                "WHERE (series, job) IN (SELECT series, id FROM job INDEXED BY job_under_way "
                "WHERE " JOB_UNDER_WAY " AND state = 'queued') ORDER BY series",
                "");
}

int calendar_next(Store *store, int64_t *ret_us, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int r = store_query(store, &statement, error,
                "SELECT min(at) FROM ("
                "SELECT min(next_us) AS at FROM calendar WHERE paused = 0 AND next_us > 0 UNION "
                "ALL SELECT min(waits_us) FROM calendar WHERE paused = 0 AND waits_us > 0)",
                "");

        if (r == 0)
                r = sql_step(statement, error);
        if (r > 0)
                *ret_us = sqlite3_column_int64(statement, 0); // NULL is 0
        return r < 0 ? r : 0;
}

int calendar_wake(Store *store, const char *host, Error *error)
{
        return store_run(store, error,
                "UPDATE calendar SET waits_us = 1 WHERE waits_us > 0"
                " AND series IN (SELECT name FROM series WHERE host = ?)",
                "t", host);
}

int calendar_put(Store *store, const CalendarRow *row, Error *error)
{
        _cleanup_calendar_row_ CalendarRow before = {0};
        int r = calendar_get(store, row->series, &before, error);

        if (r < 0)
                return r;
        return r > 0 ? row_update(store, &calendar_table, row, error)
                     : row_insert(store, &calendar_table, (CalendarRow *)row, error);
}

int calendar_missing(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &series_table, ret, error,
                "WHERE name NOT IN (SELECT series FROM calendar) AND name IN"
                " (SELECT series FROM site WHERE state <> 'purged') ORDER BY name",
                "");
}

int calendar_remove(Store *store, const char *series, Error *error)
{
        return store_run(store, error, "DELETE FROM calendar WHERE series = ?", "t", series);
}
