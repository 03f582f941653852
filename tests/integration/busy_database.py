"""An SQLite database that somebody writes to all the time, and the worker's own snapshot of it.

As a program: the one that writes.      busy_database.py DATABASE MODE MEGABYTES PAUSE RECORD, until its input ends
"""

import mmap
import os
import runpy
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELPER = Path(__file__).resolve().parents[2] / "worker/python/shared/sqlite.py"
ACCOUNTS, AMOUNT = 100, 1000


class Record:
    """What two processes know of the writes: their number, and how long each of the last ones took in seconds."""

    SLOTS = 1 << 16

    def __init__(self, file):
        file.truncate(8 * (self.SLOTS + 1))
        self.memory = mmap.mmap(file.fileno(), 8 * (self.SLOTS + 1))

    def add(self, seconds):
        number = self.count()
        struct.pack_into("d", self.memory, 8 * (1 + number % self.SLOTS), seconds)
        struct.pack_into("q", self.memory, 0, number + 1)

    def count(self):
        return struct.unpack_from("q", self.memory)[0]

    def seconds(self, number):
        return struct.unpack_from("d", self.memory, 8 * (1 + number % self.SLOTS))[0]


class Busy:
    """A process that moves amounts between two tables, with spilled transactions and rollbacks in between. What both
    tables hold together is always the same, and each move is one row in a third."""

    def __init__(self, path, mode, megabytes, pause):
        self.path, self.mode, self.megabytes, self.pause = str(path), mode, megabytes, pause
        self.asked = 0

    def __enter__(self):
        fill(self.path, self.mode, self.megabytes)
        with tempfile.NamedTemporaryFile() as file:
            self.record = Record(file)
            argv = [sys.executable, __file__, self.path, self.mode, str(self.megabytes), str(self.pause), file.name]
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE)
            self.longest_wait()
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def longest_wait(self):
        """Of one write, in seconds, since this was asked last; those that wait now are waited for."""
        seen = self.writes()
        while self.writes() < seen + 2 and self.process.poll() is None:
            time.sleep(0.001)
        before, self.asked = self.asked, self.writes()
        return max((self.record.seconds(number) for number in range(before, self.asked)), default=0)

    def writes(self):
        return self.record.count()


def connect(path):
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA cache_size = 10")  # pages: transactions spill into the file before they end
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def fill(path, mode, megabytes):
    connection = connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("BEGIN")
    for table in ("here", "there"):
        connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, amount INTEGER)")
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", ((n, AMOUNT) for n in range(ACCOUNTS)))
    connection.execute("CREATE TABLE moves (id INTEGER PRIMARY KEY, amount INTEGER)")
    connection.execute("CREATE TABLE ballast (id INTEGER PRIMARY KEY, stamp INTEGER, bytes BLOB)")
    connection.executemany("INSERT INTO ballast VALUES (?, 0, randomblob(4000))", ((n,) for n in range(megabytes * 250)))
    connection.execute("COMMIT")
    connection.close()


def move(connection, number, rows):
    """Far apart in the file, so that a copy of two moments cannot be right by chance; it also grows and shrinks."""
    amount = number % 17
    connection.execute("UPDATE here SET amount = amount - ? WHERE id = ?", (amount, number % ACCOUNTS))
    for step in range(30):
        connection.execute("UPDATE ballast SET stamp = ? WHERE id = ?", (number, (number * 7919 + step * 997) % rows))
    if number % 5 == 0:
        connection.execute("INSERT INTO ballast VALUES (NULL, ?, randomblob(40000))", (number,))
    if number % 11 == 0:
        connection.execute("DELETE FROM ballast WHERE id >= ?", (rows,))
    connection.execute("UPDATE there SET amount = amount + ? WHERE id = ?", (amount, number * 3 % ACCOUNTS))
    connection.execute("INSERT INTO moves VALUES (?, ?)", (number, amount))


def write_until_told(path, mode, megabytes, pause, record):
    connection, number = connect(path), 0
    connection.execute(f"PRAGMA journal_mode = {mode}")  # each connection has its own, but for WAL
    with open(record, "r+b") as file:
        record = Record(file)
    os.set_blocking(0, False)
    while sys.stdin.buffer.raw.read(1) is None:
        number += 1
        started = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        move(connection, number, int(megabytes) * 250)
        connection.execute("ROLLBACK" if number % 7 == 0 else "COMMIT")
        record.add(time.monotonic() - started)
        time.sleep(float(pause))
    connection.close()


def snapshot(path, work, progress=lambda *unused: None):
    """What worker/python/dump.py reads a dump from; the path of the copy."""
    copy = os.path.join(work, "database")
    runpy.run_path(str(HELPER))["snapshot"](str(path), copy, progress)
    return copy


def check_copy(path):
    """Whole and of one moment; the number of moves it has seen."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    here, there, moved = (connection.execute(f"SELECT sum(amount) FROM {table}").fetchone()[0] or 0
                          for table in ("here", "there", "moves"))
    assert here == ACCOUNTS * AMOUNT - moved and there == ACCOUNTS * AMOUNT + moved
    moves, last = connection.execute("SELECT count(*), coalesce(max(id), 0) FROM moves").fetchone()
    assert moves == last - last // 7  # each, but for those rolled back
    connection.close()
    return moves


if __name__ == "__main__":
    write_until_told(*sys.argv[1:])
