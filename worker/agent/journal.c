#include "agent/journal.h"

#include "base/sqlite.h"
#include "base/text.h"

struct Journal {
        sqlite3 *db;
        bool changing; // a transaction is open
};

static const char *const migrations[] = {
        "CREATE TABLE task ("
        "  place INTEGER PRIMARY KEY,"
        "  id TEXT NOT NULL UNIQUE,"
        "  packed BLOB NOT NULL,"
        "  canceled INTEGER NOT NULL DEFAULT 0"
        ") STRICT;",
        NULL,
};

int journal_open(const char *path, Journal **ret, Error *error)
{
        _cleanup_(journal_closep) Journal *journal = memory_new(sizeof(*journal));
        int r = sql_open(path, migrations, &journal->db, error);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(journal);
        return 0;
}

void journal_close(Journal *journal)
{
        sqlite3_close(journal->db);
        free(journal);
}

int journal_each(Journal *journal, JournalTaskFn see, void *userdata, Error *error)
{
        _cleanup_statement_ sqlite3_stmt *rows = NULL;
        int r = sql_query(journal->db, &rows, error,
                "SELECT id, packed, canceled FROM task ORDER BY place", "");

        while (r == 0) {
                r = sql_step(rows, error);
                if (r <= 0)
                        break;
                r = see(userdata, sql_text(rows, 0), sqlite3_column_blob(rows, 1),
                        (size_t)sqlite3_column_bytes(rows, 1), sqlite3_column_int(rows, 2) != 0,
                        error);
        }
        return r;
}

static int give_up(Journal *journal, int r)
{
        journal->changing = false;
        (void)!sql_run(journal->db, NULL, "ROLLBACK", "");
        return r;
}

static int begin(Journal *journal, Error *error)
{
        int r;

        if (journal->changing)
                return 0;
        r = sql_run(journal->db, error, "BEGIN IMMEDIATE", "");
        journal->changing = r == 0;
        return r;
}

int journal_add(Journal *journal, const char *id, const uint8_t *packed, size_t size, Error *error)
{
        int r = begin(journal, error);

        if (r < 0)
                return r;
        r = sql_run(journal->db, error, "INSERT INTO task (id, packed) VALUES (?, ?)", "tb", id,
                packed, size);
        return r < 0 ? give_up(journal, r) : 0;
}

static int change(Journal *journal, const char *sql, const char *id, Error *error)
{
        int r = begin(journal, error);

        if (r < 0)
                return r;
        r = sql_run(journal->db, error, sql, "t", id);
        return r < 0 ? give_up(journal, r) : 0;
}

int journal_cancel(Journal *journal, const char *id, Error *error)
{
        return change(journal, "UPDATE task SET canceled = 1 WHERE id = ?", id, error);
}

int journal_forget(Journal *journal, const char *id, Error *error)
{
        return change(journal, "DELETE FROM task WHERE id = ?", id, error);
}

int journal_commit(Journal *journal, Error *error)
{
        int r;

        if (!journal->changing)
                return 0;
        r = sql_run(journal->db, error, "COMMIT", "");
        if (r < 0)
                return give_up(journal, r);
        journal->changing = false;
        return 0;
}
