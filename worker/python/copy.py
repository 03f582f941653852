"""Copies an SQLite database that is in use. request: source, target, volatile (tables that do not
count). Answers {"digest": content of both, "bytes"}.

The copy holds one state of the source, and is compared with it. When somebody writes all the time,
the source has gone on before it can be compared: then it has to do that it was one state.
"""
import contextlib
import os
import sqlite3

from understudy_content import content
from understudy_sqlite import reading, snapshot

COMPARISONS = 3


def digest(connection):
    return content(connection, request["volatile"], tell=progress)


def copied():
    with contextlib.closing(sqlite3.connect(request["target"])) as connection:
        wrong = connection.execute("PRAGMA quick_check").fetchone()[0]
        if wrong != "ok":
            raise SystemExit(f"the copy is damaged: {wrong}")
        return digest(connection)


def copy():
    for _ in range(COMPARISONS):
        snapshot(request["source"], request["target"], progress)
        found = copied()
        if reading(request["source"], digest) == found:
            break
    return found


result({"digest": copy(), "bytes": os.path.getsize(request["target"])})
