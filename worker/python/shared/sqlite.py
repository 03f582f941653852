"""Reading an SQLite file that others write into, without a trace: it is only ever opened for
reading. In WAL mode that would still create its -wal and -shm while nobody else has it open; then
it is read as a file that does not change, which is proven afterwards."""
import contextlib
import os
import sqlite3
import time
from urllib.parse import quote

STEP = 1024  # pages copied in one go: production's writers wait for that long, some milliseconds
RESTARTS = 5  # a writer between two steps makes the copy start again


class Restarted(Exception):
    pass


def watch_copy(page, steps, tell):
    least = restarts = 0

    def watch(status, remaining, total):
        nonlocal least, restarts
        restarts += steps and 0 < least < remaining
        if restarts > RESTARTS:
            raise Restarted
        least = remaining
        tell("BYTES", (total - remaining) * page, total * page, "copying the database")

    return watch


def copy_into(source, path, pages, tell):
    if os.path.exists(path):
        os.remove(path)
    target = sqlite3.connect(path)
    try:
        target.execute("PRAGMA synchronous=OFF")
        page = source.execute("PRAGMA page_size").fetchone()[0]
        source.backup(target, pages=pages, progress=watch_copy(page, pages > 0, tell), sleep=0.005)
    finally:
        target.close()


def copy_database(source, path, tell):
    try:
        copy_into(source, path, STEP, tell)
    except Restarted:  # busy production: in one go, for which its writers have to wait
        copy_into(source, path, -1, tell)


def state(name):
    """What changes when somebody writes; also whether somebody has it open in WAL mode."""
    found = os.stat(name)
    return found.st_ino, found.st_size, found.st_mtime_ns, os.path.exists(name + "-wal")


def uses_wal(name):
    with open(name, "rb") as stream:
        return stream.read(20)[18:19] == b"\2"


def reading(name, work):
    """What work(connection) gives, of a file that did not change under an immutable connection."""
    for attempt in range(10):
        before = state(name)
        quiet_wal = uses_wal(name) and not before[-1]
        mode = "immutable=1" if quiet_wal and attempt < 9 else "mode=ro"
        uri = f"file:{quote(os.path.abspath(name))}?{mode}"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=60)) as connection:
                found = work(connection)
        except sqlite3.DatabaseError:  # it did change
            if mode == "mode=ro":
                raise
        else:
            if mode == "mode=ro" or state(name) == before:
                return found
        time.sleep(0.05)


def snapshot(name, path, tell):
    """Makes `path` a copy of one state of the database."""
    reading(name, lambda source: copy_database(source, path, tell))
