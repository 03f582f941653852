#include "store/schema.h"

#include <stddef.h>

// Only ever appended to: a database knows by its number which of these it has had.
// Times are microseconds since the epoch, 0 for "not yet"; blobs are packed protobuf messages.
const char *const store_migrations[] = {
        "CREATE TABLE host ("
        " name TEXT PRIMARY KEY, state TEXT NOT NULL, token_hash TEXT, token_expires_us INTEGER,"
        " fingerprint TEXT, address TEXT, version TEXT, facts BLOB,"
        " invited_us INTEGER, joined_us INTEGER, last_seen_us INTEGER) WITHOUT ROWID;\n"

        "CREATE TABLE series ("
        " name TEXT PRIMARY KEY, host TEXT NOT NULL REFERENCES host, root TEXT NOT NULL,"
        " keep_old_seconds INTEGER, created_us INTEGER, prod_link TEXT, preview_link TEXT,"
        " last_dump_bytes INTEGER, last_database_bytes INTEGER, last_environment_bytes INTEGER,"
        " UNIQUE (host, root)) WITHOUT ROWID;\n"

        "CREATE TABLE site ("
        " id INTEGER PRIMARY KEY, series TEXT NOT NULL REFERENCES series, name TEXT NOT NULL,"
        " state TEXT NOT NULL, identity BLOB, versions BLOB, log_directory TEXT,"
        " created_us INTEGER, since_us INTEGER, turn INTEGER);\n"
        "CREATE UNIQUE INDEX site_name ON site (series, name) WHERE state <> 'purged';\n"
        "CREATE UNIQUE INDEX site_role ON site (series, state)"
        " WHERE state IN ('production', 'preview');\n"

        "CREATE TABLE allowance ("
        " id INTEGER PRIMARY KEY, series TEXT NOT NULL REFERENCES series, name TEXT NOT NULL,"
        " why TEXT NOT NULL, who TEXT NOT NULL, at_us INTEGER, UNIQUE (series, name));\n"

        "CREATE TABLE job ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, series TEXT NOT NULL,"
        " host TEXT NOT NULL, state TEXT NOT NULL, ending TEXT NOT NULL, dry_run INTEGER,"
        " review INTEGER, site TEXT, root TEXT, keep_old_seconds INTEGER, install TEXT,"
        " who TEXT NOT NULL, request TEXT NOT NULL, created_us INTEGER, queued_us INTEGER,"
        " started_us INTEGER, ended_us INTEGER, failure BLOB, seq INTEGER NOT NULL DEFAULT 0);\n"
        "CREATE INDEX job_under_way ON job (queued_us, id)"
        " WHERE state IN ('queued', 'running', 'waiting', 'undoing');\n"
        "CREATE INDEX job_series ON job (series, id);\n"

        "CREATE TABLE task ("
        " id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job, node INTEGER NOT NULL,"
        " label TEXT NOT NULL, step TEXT NOT NULL, depends TEXT, host TEXT NOT NULL,"
        " gate TEXT NOT NULL, state TEXT NOT NULL, mode TEXT NOT NULL, execution INTEGER NOT NULL,"
        " wire_id TEXT UNIQUE, accepted INTEGER NOT NULL DEFAULT 0,"
        " cursor INTEGER NOT NULL DEFAULT 0, progress BLOB,"
        " progress_seq INTEGER NOT NULL DEFAULT 0, lines INTEGER NOT NULL DEFAULT 0,"
        " cancel INTEGER, already INTEGER, started_us INTEGER, ended_us INTEGER, arguments BLOB,"
        " message BLOB, result BLOB, failure BLOB, UNIQUE (job, node));\n"
        "CREATE INDEX task_under_way ON task (host) WHERE state IN ('running', 'undoing');\n"

        "CREATE TABLE event ("
        " job INTEGER NOT NULL REFERENCES job, seq INTEGER NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (job, seq)) WITHOUT ROWID;\n"

        "CREATE TABLE history ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, who TEXT NOT NULL,"
        " series TEXT, job INTEGER, event TEXT NOT NULL, detail TEXT NOT NULL, data TEXT);\n"
        "CREATE INDEX history_series ON history (series, id);\n"
        "CREATE TRIGGER history_stays BEFORE UPDATE ON history"
        " BEGIN SELECT RAISE(ABORT, 'the history is only ever appended to'); END;\n"
        "CREATE TRIGGER history_remains BEFORE DELETE ON history"
        " BEGIN SELECT RAISE(ABORT, 'the history is only ever appended to'); END;\n",

        "CREATE TABLE calendar ("
        " series TEXT PRIMARY KEY REFERENCES series, rule TEXT NOT NULL, zone TEXT NOT NULL,"
        " window TEXT, start_us INTEGER, paused INTEGER, next_us INTEGER, planned_us INTEGER,"
        " job INTEGER, outcome TEXT) WITHOUT ROWID;\n"
        "CREATE INDEX calendar_due ON calendar (next_us) WHERE paused = 0;\n",

        "CREATE TABLE announcement ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, about TEXT NOT NULL,"
        " topic TEXT NOT NULL, job INTEGER, subject TEXT NOT NULL, detail TEXT NOT NULL, cause "
        "TEXT, at_us INTEGER);\n"
        "CREATE INDEX announcement_topic ON announcement (about, topic, id);\n"
        "CREATE TABLE delivery ("
        " id INTEGER PRIMARY KEY, announcement INTEGER NOT NULL REFERENCES announcement,"
        " channel TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER, next_us INTEGER,"
        " done_us INTEGER, why TEXT);\n"
        "CREATE INDEX delivery_due ON delivery (channel, next_us) WHERE state = 'pending';\n"
        "CREATE INDEX delivery_announcement ON delivery (announcement);\n",

        "CREATE TABLE setting ("
        " id INTEGER PRIMARY KEY, series TEXT NOT NULL REFERENCES series, name TEXT NOT NULL,"
        " value TEXT NOT NULL, who TEXT NOT NULL, at_us INTEGER, UNIQUE (series, name));\n"
        "ALTER TABLE job ADD COLUMN full INTEGER NOT NULL DEFAULT 0;\n"
        "ALTER TABLE job ADD COLUMN nightly INTEGER NOT NULL DEFAULT 0;\n",

        "CREATE TABLE attempt ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, series TEXT NOT NULL REFERENCES series,"
        " state TEXT NOT NULL, at_us INTEGER, lapse_seconds INTEGER, when_over TEXT NOT NULL,"
        " deadline_seconds INTEGER, began_us INTEGER, opened_us INTEGER, ends_us INTEGER,"
        " warned INTEGER, alone_seconds INTEGER NOT NULL DEFAULT 0,"
        " standby INTEGER NOT NULL DEFAULT 0, accepting TEXT,"
        " job INTEGER, site TEXT, who TEXT NOT NULL, why TEXT,"
        " created_us INTEGER, ended_us INTEGER, loss BLOB);\n"
        "CREATE INDEX attempt_series ON attempt (series, id);\n"
        "CREATE INDEX attempt_reported ON attempt (ended_us) WHERE loss IS NOT NULL;\n"
        "CREATE UNIQUE INDEX attempt_one ON attempt (series)"
        " WHERE state IN ('planned', 'announced', 'synchronising', 'open');\n"
        "CREATE INDEX attempt_waits ON attempt (state) WHERE state IN ('announced', "
        "'synchronising', 'open');\n"
        "ALTER TABLE job ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;\n",

        "CREATE TABLE rehearsal ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, series TEXT NOT NULL REFERENCES series,"
        " job INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, started_us INTEGER,"
        " ended_us INTEGER, way TEXT NOT NULL, objects INTEGER, dump_bytes INTEGER,"
        " database_bytes INTEGER, conflict INTEGER, script_made INTEGER, script_taken INTEGER,"
        " script_kept INTEGER, script_merged INTEGER, why TEXT NOT NULL, steps TEXT NOT NULL);\n"
        "CREATE INDEX rehearsal_series ON rehearsal (series, id);\n"
        "ALTER TABLE attempt ADD COLUMN anyway TEXT;\n",

        // Numbers of voters are never given twice: links are made from them.
        "CREATE TABLE voter ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, attempt INTEGER NOT NULL REFERENCES attempt,"
        " name TEXT NOT NULL, token_hash TEXT, vote TEXT NOT NULL, why TEXT, voted_us INTEGER,"
        " who TEXT NOT NULL, created_us INTEGER, UNIQUE (attempt, name));\n"
        "CREATE TABLE item ("
        " id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL REFERENCES attempt,"
        " number INTEGER NOT NULL, text TEXT NOT NULL, who TEXT NOT NULL, created_us INTEGER,"
        " signed_by TEXT, signed_us INTEGER, UNIQUE (attempt, number));\n"
        "ALTER TABLE announcement ADD COLUMN recipient TEXT;\n"
        "ALTER TABLE announcement ADD COLUMN voter INTEGER NOT NULL DEFAULT 0;\n",

        "INSERT INTO setting (series, name, value, who, at_us)"
        " SELECT name, 'keep-old', keep_old_seconds || ' s', 'understudy', created_us"
        " FROM series WHERE keep_old_seconds > 0;\n"
        "ALTER TABLE series DROP COLUMN keep_old_seconds;\n"
        "ALTER TABLE site ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;\n",
        "ALTER TABLE host ADD COLUMN window TEXT;\n"
        "ALTER TABLE host ADD COLUMN zone TEXT;\n"
        "ALTER TABLE calendar ADD COLUMN waits_us INTEGER NOT NULL DEFAULT 0;\n"
        "CREATE INDEX calendar_waits ON calendar (waits_us) WHERE waits_us > 0;\n",
        "ALTER TABLE attempt ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;\n"
        "ALTER TABLE attempt ADD COLUMN changed_us INTEGER NOT NULL DEFAULT 0;\n"
        "UPDATE attempt SET changed_us = max(created_us, ended_us);\n",
        "ALTER TABLE announcement ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;\n",
        // All that have not ended wait for a moment, and these have an index.
        "DROP INDEX attempt_waits;\n",
        "CREATE INDEX site_series ON site (series, id);\n",
        "CREATE INDEX site_old ON site (id) WHERE state = 'old';\n",
        NULL,
};
