"""Reading an SQLite file that others write into, without a trace: it is only ever opened for
reading. In WAL mode that would still create its -wal and -shm while nobody else has it open; then
it is read as a file that does not change, which is proven afterwards."""
import contextlib
import os
import sqlite3
import time
from urllib.parse import quote

STEP = 1024  # pages copied in one go, between two words about progress
BLOCK = 1 << 20  # bytes compared in one go
PASSES = 3  # at most, before the one for which production's writers have to wait
FEW = 4 << 20  # bytes that differ: another pass would not make that one shorter
ATTEMPTS = 10


def connect(name, mode):
    uri = f"file:{quote(os.path.abspath(name))}?{mode}"
    return sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)


def state(name):
    """What changes when somebody writes; also whether somebody has it open in WAL mode."""
    found = os.stat(name)
    return found.st_ino, found.st_size, found.st_mtime_ns, os.path.exists(name + "-wal")


def uses_wal(name):
    with open(name, "rb") as stream:
        return stream.read(20)[18:19] == b"\2"


def hold(connection):
    """From now on it reads one state, which in a rollback journal's mode is that of the file."""
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            path = connection.execute("PRAGMA database_list").fetchone()[2]
            raise SystemExit(f"{path} is as a crash has left it: its -journal has to be rolled back "
                             "first, which the site does when it is next asked for data") from None
        raise


def attempts(name):
    """(how to open it, whether what was read then is of one state: to be asked afterwards)."""
    for attempt in range(ATTEMPTS):
        before = state(name)
        if uses_wal(name) and not before[-1] and attempt < ATTEMPTS - 1:
            yield "immutable=1", lambda: state(name) == before
        else:
            yield "mode=ro", lambda: True
        time.sleep(0.05)


def reading(name, work):
    """What work(connection) gives, of one state of the database."""
    for mode, unchanged in attempts(name):
        try:
            with contextlib.closing(connect(name, mode)) as connection:
                hold(connection)
                found = work(connection)
        except sqlite3.DatabaseError:  # it did change
            if mode == "mode=ro":
                raise
        else:
            if unchanged():
                return found
    raise SystemExit(f"{name} changes its journal mode again and again")


def catch_up(source, target, tell=lambda *unused: None):
    """Makes the copy equal to the file, whose blocks it compares in memory; how many bytes of it
    were not. Descriptors: sqlite3 locks by process, and closing a file gives its locks up."""
    theirs, ours, at, different = bytearray(BLOCK), bytearray(BLOCK), 0, 0
    total = os.fstat(source).st_size
    while size := os.preadv(source, [theirs], at):
        if os.preadv(target, [ours], at) != size or theirs != ours:
            os.pwrite(target, memoryview(theirs)[:size], at)
            different += size
        at += size
        tell("BYTES", min(at, total), total, "copying the database")
    os.ftruncate(target, at)
    return different


def copy_file(name, path, tell):
    """Writers wait only for the last pass, which finds little to do: some 0.2 s for each GB. False:
    since it was looked at, somebody has changed to WAL mode."""
    source = os.open(name, os.O_RDONLY)
    target = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    connection = connect(name, "mode=ro")
    try:
        for _ in range(PASSES):
            if catch_up(source, target, tell) <= FEW:
                break
        hold(connection)
        catch_up(source, target)
        return os.pread(source, 1, 18) != b"\2"
    finally:
        connection.close()
        os.close(target)
        os.close(source)


def copy_pages(source, path, tell):
    """In WAL mode nobody waits for who reads."""
    def watch(status, remaining, total):
        tell("BYTES", (total - remaining) * page, total * page, "copying the database")

    if os.path.exists(path):
        os.remove(path)
    with contextlib.closing(sqlite3.connect(path)) as target:
        target.execute("PRAGMA synchronous=OFF")
        page = source.execute("PRAGMA page_size").fetchone()[0]
        source.backup(target, pages=STEP, progress=watch, sleep=0)


def snapshot(name, path, tell):
    """Makes `path` a copy of one state of the database."""
    if uses_wal(name) or not copy_file(name, path, tell):
        reading(name, lambda source: copy_pages(source, path, tell))
