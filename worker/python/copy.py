"""Copies an SQLite database that is in use. request: source, target, volatile (tables that do not
count). Answers {"digest": content of both, "bytes"}.

The copy holds one state of the source, which is compared with the source afterwards. When somebody
writes all the time, the last attempt reads both in one transaction, for which writers have to wait.
"""
import contextlib
import os
import sqlite3

from understudy_content import content
from understudy_sqlite import copy_database, copy_into, reading

ATTEMPTS = 3


def digest(connection):
    return content(connection, request["volatile"], tell=progress)


def copied():
    with contextlib.closing(sqlite3.connect(request["target"])) as connection:
        wrong = connection.execute("PRAGMA quick_check").fetchone()[0]
        if wrong != "ok":
            raise SystemExit(f"the copy is damaged: {wrong}")
        return digest(connection)


def at_once(source):
    source.isolation_level = None
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    copy_into(source, request["target"], -1, progress)
    source.execute("COMMIT")


def copy():
    for attempt in range(ATTEMPTS):
        reading(request["source"],
                lambda source: copy_database(source, request["target"], progress))
        found = copied()
        if reading(request["source"], digest) == found:
            return found
    reading(request["source"], at_once)
    return copied()


result({"digest": copy(), "bytes": os.path.getsize(request["target"])})
