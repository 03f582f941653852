"""An SQLite database that somebody writes to all the time, and the worker's own snapshot of it."""

import multiprocessing
import os
import runpy
import sqlite3
import time
from pathlib import Path

HELPER = Path(__file__).resolve().parents[2] / "worker/python/shared/sqlite.py"
ACCOUNTS, AMOUNT = 100, 1000


class Busy:
    """A process that moves amounts between two tables, with spilled transactions and rollbacks in between. What both
    tables hold together is always the same, and each move is one row in a third."""

    def __init__(self, path, mode, megabytes, pause):
        self.path, self.mode, self.megabytes, self.pause = str(path), mode, megabytes, pause
        self.stop = multiprocessing.Event()
        self.longest, self.count = multiprocessing.Value("d", 0), multiprocessing.Value("l", 0)

    def __enter__(self):
        self._fill()
        self.process = multiprocessing.Process(target=self._write, daemon=True)
        self.process.start()
        return self

    def __exit__(self, *unused):
        self.stop.set()
        self.process.join(60)
        assert self.process.exitcode == 0

    def _connect(self):
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA cache_size = 10")  # pages: transactions spill into the file before they end
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _fill(self):
        connection = self._connect()
        connection.execute(f"PRAGMA journal_mode = {self.mode}")
        connection.execute("BEGIN")
        for table in ("here", "there"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, amount INTEGER)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", ((n, AMOUNT) for n in range(ACCOUNTS)))
        connection.execute("CREATE TABLE moves (id INTEGER PRIMARY KEY, amount INTEGER)")
        connection.execute("CREATE TABLE ballast (id INTEGER PRIMARY KEY, stamp INTEGER, bytes BLOB)")
        connection.executemany("INSERT INTO ballast VALUES (?, 0, randomblob(4000))",
                               ((n,) for n in range(self.megabytes * 250)))
        connection.execute("COMMIT")
        connection.close()

    def _write(self):
        connection, number = self._connect(), 0
        while not self.stop.is_set():
            number += 1
            started = time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            self._move(connection, number)
            connection.execute("ROLLBACK" if number % 7 == 0 else "COMMIT")
            with self.longest.get_lock():
                self.longest.value = max(self.longest.value, time.monotonic() - started)
                self.count.value += 1
            time.sleep(self.pause)
        connection.close()

    def _move(self, connection, number):
        """Far apart in the file, so that a copy of two moments cannot be right by chance; it also grows and shrinks."""
        amount, rows = number % 17, self.megabytes * 250
        connection.execute("UPDATE here SET amount = amount - ? WHERE id = ?", (amount, number % ACCOUNTS))
        for step in range(30):
            connection.execute("UPDATE ballast SET stamp = ? WHERE id = ?", (number, (number * 7919 + step * 997) % rows))
        if number % 5 == 0:
            connection.execute("INSERT INTO ballast VALUES (NULL, ?, randomblob(40000))", (number,))
        if number % 11 == 0:
            connection.execute("DELETE FROM ballast WHERE id >= ?", (rows,))
        connection.execute("UPDATE there SET amount = amount + ? WHERE id = ?", (amount, number * 3 % ACCOUNTS))
        connection.execute("INSERT INTO moves VALUES (?, ?)", (number, amount))

    def longest_wait(self):
        """Of one write, in seconds, since this was asked last; those that wait now are waited for."""
        seen = self.count.value
        while self.count.value < seen + 2 and self.process.is_alive():
            time.sleep(0.001)
        with self.longest.get_lock():
            value, self.longest.value = self.longest.value, 0
            return value

    def writes(self):
        return self.count.value


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
