#include "agent/journal.h"

#include "base/sqlite.h"
#include "base/text.h"

typedef enum Change { BEGIN, ADD, CANCEL, FORGET, COMMIT, ROLLBACK, CHANGES } Change;

static const char *const changes[CHANGES] = {
        [BEGIN] = "BEGIN IMMEDIATE",
        [ADD] = "INSERT INTO task (id, packed) VALUES (?, ?)",
        [CANCEL] = "UPDATE task SET canceled = 1 WHERE id = ?",
        [FORGET] = "DELETE FROM task WHERE id = ?",
        [COMMIT] = "COMMIT",
        [ROLLBACK] = "ROLLBACK",
};

struct Journal {
        sqlite3 *db;
        sqlite3_stmt *statements[CHANGES]; // kept: a task waits for them
        bool changing;                     // a transaction is open
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

        for (size_t i = 0; r == 0 && i < CHANGES; i++)
                r = sql_query(journal->db, &journal->statements[i], error, changes[i], "");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(journal);
        return 0;
}

void journal_close(Journal *journal)
{
        for (size_t i = 0; i < CHANGES; i++)
                sqlite3_finalize(journal->statements[i]);
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

static int run(Journal *journal, Change change, Error *error, const char *types, ...)
{
        sqlite3_stmt *statement = journal->statements[change];
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = sql_vbind(statement, error, types, arguments);
        va_end(arguments);
        if (r == 0)
                r = sql_step(statement, error);
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        return r;
}

static int give_up(Journal *journal, int r)
{
        journal->changing = false;
        (void)!run(journal, ROLLBACK, NULL, "");
        return r;
}

static int begin(Journal *journal, Error *error)
{
        int r;

        if (journal->changing)
                return 0;
        r = run(journal, BEGIN, error, "");
        journal->changing = r == 0;
        return r;
}

int journal_add(Journal *journal, const char *id, const uint8_t *packed, size_t size, Error *error)
{
        int r = begin(journal, error);

        if (r < 0)
                return r;
        r = run(journal, ADD, error, "tb", id, packed, size);
        return r < 0 ? give_up(journal, r) : 0;
}

static int change(Journal *journal, Change what, const char *id, Error *error)
{
        int r = begin(journal, error);

        if (r < 0)
                return r;
        r = run(journal, what, error, "t", id);
        return r < 0 ? give_up(journal, r) : 0;
}

int journal_cancel(Journal *journal, const char *id, Error *error)
{
        return change(journal, CANCEL, id, error);
}

int journal_forget(Journal *journal, const char *id, Error *error)
{
        return change(journal, FORGET, id, error);
}

int journal_commit(Journal *journal, Error *error)
{
        int r;

        if (!journal->changing)
                return 0;
        r = run(journal, COMMIT, error, "");
        if (r < 0)
                return give_up(journal, r);
        journal->changing = false;
        return 0;
}
