#include "store/job.h"

#include "base/text.h"

const char *const job_kind_names[] = {"adopt", "prepare", "sync", "switch", "drop", "scan", "serve",
        "open", "report", "retire", "standby", NULL};
const char *const job_state_names[] = {
        "queued", "running", "waiting", "undoing", "done", "failed", "canceled", NULL};

static const Column columns[] = {
        INTEGER_COLUMN(JobRow, id),
        ENUM_COLUMN(JobRow, kind, job_kind_names),
        TEXT_COLUMN(JobRow, series),
        TEXT_COLUMN(JobRow, host),
        ENUM_COLUMN(JobRow, state, job_state_names),
        ENUM_COLUMN(JobRow, ending, job_state_names),
        INTEGER_COLUMN(JobRow, dry_run),
        INTEGER_COLUMN(JobRow, review),
        INTEGER_COLUMN(JobRow, full),
        INTEGER_COLUMN(JobRow, nightly),
        INTEGER_COLUMN(JobRow, attempt),
        TEXT_COLUMN(JobRow, site),
        TEXT_COLUMN(JobRow, root),
        INTEGER_COLUMN(JobRow, keep_old_seconds),
        TEXT_COLUMN(JobRow, install),
        TEXT_COLUMN(JobRow, who),
        TEXT_COLUMN(JobRow, request),
        INTEGER_COLUMN(JobRow, created_us),
        INTEGER_COLUMN(JobRow, queued_us),
        INTEGER_COLUMN(JobRow, started_us),
        INTEGER_COLUMN(JobRow, ended_us),
        BLOB_COLUMN(JobRow, failure),
};
const Table job_table = {"job", columns, ELEMENTS(columns), sizeof(JobRow)};

#define ORDER " ORDER BY state = 'queued', queued_us, id"

int job_get(Store *store, int64_t id, JobRow *ret, Error *error)
{
        return row_get(store, &job_table, ret, error, "id = ?", "i", id);
}

bool job_excludes(const JobRow *a, const JobRow *b)
{
        return !job_stands_by(a) && !job_stands_by(b) && text_equal(a->series, b->series) &&
               (!text_blank(a->series) || text_equal(a->host, b->host));
}

int jobs_under_way(Store *store, Rows *ret, Error *error)
{
        return rows_get(store, &job_table, ret, error, "WHERE " JOB_UNDER_WAY ORDER, "");
}

// Those under way are few; those of the series grow with the years.
int job_before(Store *store, const JobRow *job, JobRow *ret, Error *error)
{
        if (job_stands_by(job))
                return 0;
        return row_get(store, &job_table, ret, error,
                "(kind <> 'standby' OR state = 'undoing') AND +series = ?1 AND (series <> '' OR "
                "host = ?2) AND id <> ?3 AND " JOB_UNDER_WAY
                " AND (state <> 'queued' OR (queued_us, id) < (?4, ?3))" ORDER,
                "ttii", job->series, job->host, job->id, job->queued_us);
}

int jobs_newest(Store *store, const char *series, int64_t limit, Rows *ret, Error *error)
{
        return rows_get(store, &job_table, ret, error,
                "WHERE ?1 IS NULL OR series = ?1 ORDER BY id DESC LIMIT ?2", "ti", series, limit);
}

int job_newest_of_kind(Store *store, const char *series, JobKind kind, JobRow *ret, Error *error)
{
        return row_get(store, &job_table, ret, error,
                "series = ? AND kind = ? AND dry_run = 0 ORDER BY id DESC", "tt", series,
                job_kind_names[kind]);
}

int job_retirement(Store *store, const char *series, const char *site, const char *who,
        int64_t since_us, JobRow *ret, Error *error)
{
        return row_get(store, &job_table, ret, error,
                "series = ? AND kind = 'retire' AND site = ? AND created_us >= ? AND dry_run = 0 "
                "AND (who = ? OR " JOB_UNDER_WAY ") ORDER BY id DESC",
                "ttit", series, site, since_us, who);
}

int job_longest_sync(Store *store, const char *series, int64_t *ret_us, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int r = store_query(store, &statement, error,
                "SELECT max(ended_us - started_us) FROM (SELECT started_us, ended_us FROM job"
                " WHERE series = ? AND kind = 'sync' AND state = 'done' AND dry_run = 0"
                " AND started_us > 0 ORDER BY id DESC LIMIT 10)",
                "t", series);

        if (r == 0)
                r = sql_step(statement, error);
        if (r > 0)
                *ret_us = sqlite3_column_int64(statement, 0);
        return r > 0 ? sqlite3_column_type(statement, 0) != SQLITE_NULL : r;
}

int job_following(Store *store, const JobRow *job, JobRow *ret, Error *error)
{
        return row_get(store, &job_table, ret, error,
                "series = ? AND series <> '' AND id > ? AND dry_run = 0 AND (started_us > 0 "
                "OR " JOB_UNDER_WAY ") ORDER BY id",
                "ti", job->series, job->id);
}

int event_number(Store *store, int64_t job, int64_t *ret_seq, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int r = store_check_open(store, error)
                        ?: store_query(store, &statement, error,
                                   "UPDATE job SET seq = seq + 1 WHERE id = ? RETURNING seq", "i",
                                   job);

        if (r == 0)
                r = sql_step(statement, error);
        if (r <= 0)
                return r < 0 ? r : error_set(error, -ENOENT, "no-job", "there is no such job");
        *ret_seq = sqlite3_column_int64(statement, 0);
        return 0;
}

int event_keep(Store *store, int64_t job, const char *body, Error *error)
{
        int64_t seq = 0;
        int r = event_number(store, job, &seq, error);

        if (r < 0)
                return r;
        return store_run(store, error, "INSERT INTO event (job, seq, body) VALUES (?, ?, ?)", "iit",
                job, seq, body);
}

int events_after(Store *store, int64_t job, int64_t after, int limit, EventFn fn, void *userdata,
        Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int count = 0;
        int r = store_query(store, &statement, error,
                "SELECT seq, body FROM event WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?", "iii",
                job, after, (int64_t)limit);

        while (r >= 0 && (r = sql_step(statement, error)) > 0) {
                fn(userdata, sqlite3_column_int64(statement, 0), sql_text(statement, 1));
                count++;
        }
        return r < 0 ? r : count;
}

int events_next_job(Store *store, int64_t job, int64_t *ret, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int r = store_query(store, &statement, error,
                "SELECT job FROM event WHERE job > ? ORDER BY job LIMIT 1", "i", job);

        if (r == 0)
                r = sql_step(statement, error);
        if (r > 0)
                *ret = sqlite3_column_int64(statement, 0);
        return r;
}

int events_remove(Store *store, int64_t job, int limit, Error *error)
{
        int r = store_run(store, error,
                "DELETE FROM event WHERE job = ?1 AND seq IN"
                " (SELECT seq FROM event WHERE job = ?1 ORDER BY seq LIMIT ?2)",
                "ii", job, (int64_t)limit);

        return r < 0 ? r : sqlite3_changes(store_database(store));
}
