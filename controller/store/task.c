#include "store/job.h"

#include "steps.h"

const char *const task_state_names[] = {
        "pending", "running", "done", "failed", "canceled", "undoing", "undone", "skipped", NULL};
static const char *const gate_names[] = {"none", "closed", "opened", NULL};
static const char *const mode_names[] = {"run", "undo", NULL};

static const Column columns[] = {
        INTEGER_COLUMN(TaskRow, id),
        INTEGER_COLUMN(TaskRow, job),
        INTEGER_COLUMN(TaskRow, node),
        TEXT_COLUMN(TaskRow, label),
        TEXT_COLUMN(TaskRow, step),
        TEXT_COLUMN(TaskRow, depends),
        TEXT_COLUMN(TaskRow, host),
        ENUM_COLUMN(TaskRow, gate, gate_names),
        ENUM_COLUMN(TaskRow, state, task_state_names),
        ENUM_COLUMN(TaskRow, mode, mode_names),
        INTEGER_COLUMN(TaskRow, execution),
        TEXT_COLUMN(TaskRow, wire_id),
        INTEGER_COLUMN(TaskRow, cancel),
        INTEGER_COLUMN(TaskRow, already),
        INTEGER_COLUMN(TaskRow, started_us),
        INTEGER_COLUMN(TaskRow, ended_us),
        BLOB_COLUMN(TaskRow, arguments),
        BLOB_COLUMN(TaskRow, message),
        BLOB_COLUMN(TaskRow, result),
        BLOB_COLUMN(TaskRow, failure),
        APART_INTEGER(TaskRow, accepted),
        APART_INTEGER(TaskRow, cursor),
        APART_INTEGER(TaskRow, lines),
        APART_BLOB(TaskRow, progress),
        APART_INTEGER(TaskRow, progress_seq),
};
const Table task_table = {"task", columns, ELEMENTS(columns), sizeof(TaskRow)};

bool task_is_aside(const TaskRow *task)
{
        return step_info_find(task->step)->flags & STEP_ASIDE;
}

bool task_takes_room(const TaskRow *task)
{
        return !(step_info_find(task->step)->flags & (STEP_ASIDE | STEP_ALONE));
}

bool task_depends_on(const TaskRow *task, const char *label)
{
        size_t length = strlen(label);

        for (const char *at = task->depends; at && *at; at += strspn(at, " ")) {
                size_t part = strcspn(at, " ");

                if (part == length && strncmp(at, label, length) == 0)
                        return true;
                at += part;
        }
        return false;
}

ProtobufCMessage *tasks_result(const Rows *tasks, const char *label)
{
        const TaskRow *rows = tasks->items;

        for (size_t i = 0; i < tasks->count; i++)
                if (strcmp(rows[i].label, label) == 0)
                        return blob_message(&rows[i].result, step_info_find(rows[i].step)->result);
        return NULL;
}

int tasks_of_job(Store *store, int64_t job, Rows *ret, Error *error)
{
        return rows_get(store, &task_table, ret, error, "WHERE job = ? ORDER BY node", "i", job);
}

int task_get_by_wire_id(Store *store, const char *wire_id, TaskRow *ret, Error *error)
{
        return row_get(store, &task_table, ret, error, "wire_id = ?", "t", wire_id);
}

// By itself SQLite reads the whole table, in the order that is asked for.
int tasks_under_way(Store *store, const char *host, Rows *ret, Error *error)
{
        return rows_get(store, &task_table, ret, error,
                "INDEXED BY task_under_way WHERE state IN ('running', 'undoing') AND (?1 IS NULL "
                "OR host = ?1) ORDER BY id",
                "t", host);
}

int task_set_accepted(Store *store, int64_t id, Error *error)
{
        return store_run(store, error, "UPDATE task SET accepted = 1 WHERE id = ?", "i", id);
}

int task_set_cursor(Store *store, int64_t id, int64_t cursor, Error *error)
{
        return store_run(store, error, "UPDATE task SET cursor = ? WHERE id = ?", "ii", cursor, id);
}

int task_set_progress(Store *store, int64_t id, const Blob *progress, int64_t seq, Error *error)
{
        return store_run(store, error,
                "UPDATE task SET progress = ?, progress_seq = ? WHERE id = ?", "bii",
                progress->data, progress->size, seq, id);
}

int task_set_lines(Store *store, int64_t id, int64_t lines, Error *error)
{
        return store_run(store, error, "UPDATE task SET lines = ? WHERE id = ?", "ii", lines, id);
}

int task_reset_events(Store *store, int64_t id, Error *error)
{
        return store_run(store, error,
                "UPDATE task SET accepted = 0, cursor = 0, lines = 0, progress = NULL,"
                " progress_seq = 0 WHERE id = ?",
                "i", id);
}

int progress_after(
        Store *store, int64_t job, int64_t after, ProgressFn fn, void *userdata, Error *error)
{
        _cleanup_query_ sqlite3_stmt *statement = NULL;
        int r = store_query(store, &statement, error,
                "SELECT progress_seq, label, progress FROM task"
                " WHERE job = ? AND progress_seq > ? ORDER BY progress_seq",
                "ii", job, after);

        while (r >= 0 && (r = sql_step(statement, error)) > 0) {
                const Blob progress = {(uint8_t *)sqlite3_column_blob(statement, 2),
                        (size_t)sqlite3_column_bytes(statement, 2)};

                fn(userdata, sqlite3_column_int64(statement, 0), sql_text(statement, 1), &progress);
        }
        return r;
}
