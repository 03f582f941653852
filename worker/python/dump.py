"""Runs dump2py into a fresh directory, from one consistent state of the database.

request: directory (absolute, must not exist), work (an existing directory for a copy of the
database), max_rows (0: Lino's default), stop_writers (of tables that have no snapshots; else they
are named in "unsafe", and nothing is dumped).
"""
import os
import re
import sqlite3
import time

from django.conf import settings

HEADER = re.compile(rb'^logger\.info\("Loading (\d+) objects(?: \(part (\d+) of (\d+)\))? '
                    rb'to table (\w+)\.\.\."\)')
STEP = 1024  # pages copied in one go, between two words about progress
BLOCK = 1 << 20  # bytes compared in one go
PASSES = 3  # at most, before the one for which production's writers have to wait
FEW = 4 << 20  # bytes that differ: another pass would not make that one shorter


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


def hold(connection):
    """From now on it reads one state, which in a rollback journal's mode is that of the file."""
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def connect(name, mode):
    uri = f"file:{quote(name)}?{mode}"
    return sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)


def copy_file(name, path):
    """Writers wait only for the last pass, which finds little to do: some 0.2 s for each GB. False:
    since it was looked at, somebody has changed to WAL mode."""
    source = os.open(name, os.O_RDONLY)
    target = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    connection = connect(name, "mode=ro")
    try:
        for _ in range(PASSES):
            if catch_up(source, target, progress) <= FEW:
                break
        hold(connection)
        catch_up(source, target)
        return os.pread(source, 1, 18) != b"\2"
    finally:
        connection.close()
        os.close(target)
        os.close(source)


def copy_pages(name, path, mode):
    """In WAL mode nobody waits for who reads."""
    def watch(status, remaining, total):
        progress("BYTES", (total - remaining) * page, total * page, "copying the database")

    if os.path.exists(path):
        os.remove(path)
    source, target = connect(name, mode), sqlite3.connect(path)
    try:
        hold(source)
        target.execute("PRAGMA synchronous=OFF")
        page = source.execute("PRAGMA page_size").fetchone()[0]
        source.backup(target, pages=STEP, progress=watch, sleep=0)
    finally:
        source.close()
        target.close()


def state(name):
    """What changes when somebody writes; also whether somebody has it open in WAL mode."""
    found = os.stat(name)
    return found.st_ino, found.st_size, found.st_mtime_ns, os.path.exists(name + "-wal")


def uses_wal(name):
    with open(name, "rb") as stream:
        return stream.read(20)[18:19] == b"\2"


def quote(name):
    from urllib.parse import quote as percent

    return percent(os.path.abspath(name))


def sqlite_snapshot(database, work):
    """Only ever opens production's file for reading. In WAL mode that would still create its -wal
    and -shm while nobody else has it open; then it is read as a file that does not change, which
    is proven afterwards."""
    name, path = str(database["NAME"]), os.path.join(work, "database")
    for attempt in range(10):
        before = state(name)
        if not uses_wal(name):
            if copy_file(name, path):
                break
            continue
        mode = "mode=ro" if before[-1] or attempt == 9 else "immutable=1"
        try:
            copy_pages(name, path, mode)
        except sqlite3.DatabaseError:  # it did change
            if mode == "mode=ro":
                raise
        if mode == "mode=ro" or state(name) == before:
            break
        time.sleep(0.05)
    else:
        raise SystemExit(f"{name} changes its journal mode again and again")
    database["NAME"] = path


def in_transaction(*statements, prepare=None):
    """The command runs in one transaction, which begins with these statements."""
    from django.core.management.base import BaseCommand

    original = BaseCommand.execute

    def execute(self, *args, **options):
        from django.db import connection, transaction

        if connection.in_atomic_block:  # a command that calls another one
            return original(self, *args, **options)
        if prepare:
            connection.ensure_connection()
            prepare(connection)
        with transaction.atomic():
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            driver = connection.connection
            done = original(self, *args, **options)
            if connection.connection is not driver:
                raise SystemExit("the connection was made anew, and the snapshot is lost")
        return done

    BaseCommand.execute = execute


def postgresql_snapshot(database, work):
    own_sessions()
    in_transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def end_earlier_session(cursor, name):
    """What is left in the server of a dump that was killed."""
    cursor.execute("SELECT is_used_lock(%s)", [name])
    (session,) = cursor.fetchone()
    if session:
        cursor.execute(f"KILL CONNECTION {int(session)}")
    cursor.execute("SELECT get_lock(%s, 10)", [name])


def stop_writers(connection, tables):
    """By a session of its own, which ends with the process: under its locks, dump2py's could not read
    a table under another name."""
    other = connection.get_new_connection(connection.get_connection_params())
    cursor = other.cursor()
    cursor.execute("SET SESSION lock_wait_timeout = 60")
    cursor.execute("LOCK TABLES " + ", ".join(
        f"{connection.ops.quote_name(table)} READ" for table in tables))
    connection.understudy_writers_stopped = other


def mysql_prepare(connection):
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout = 60")
        cursor.execute("SELECT concat('understudy dump ', md5(database())), @@collation_database")
        lock, server["collation"] = cursor.fetchone()
        end_earlier_session(cursor, lock)
        cursor.execute("SELECT table_name FROM information_schema.tables"
                       " WHERE table_schema = database() AND table_type = 'BASE TABLE'"
                       " AND engine <> 'InnoDB' ORDER BY table_name")
        server["unsafe"] = [name for (name,) in cursor.fetchall()]
    if server["unsafe"]:
        if not request["stop_writers"]:
            result(server)
            raise SystemExit(0)
        stop_writers(connection, server["unsafe"])


def mysql_snapshot(database, work):
    own_sessions()
    in_transaction("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                   "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", prepare=mysql_prepare)


SNAPSHOTS = {"django.db.backends.sqlite3": sqlite_snapshot,
             "django.db.backends.postgresql": postgresql_snapshot,
             "django.db.backends.mysql": mysql_snapshot}
server = {}  # what it says of itself: collation; unsafe: tables without snapshots


class Bar:
    """In the place of the progress bar with which dump2py walks through its models."""

    def __init__(self, models, *unused, **also_unused):
        self.models = list(models)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        pass

    def __iter__(self):
        for done, model in enumerate(self.models):
            progress("TABLES", done, len(self.models), model._meta.db_table)
            yield model
        progress("TABLES", len(self.models), len(self.models))


def show_tables():
    try:
        import click
    except ImportError:  # Lino 24.11 shows no progress and need not have it
        return
    click.progressbar = Bar


def read_part(path):
    """Table, rows announced (of the whole table), number of parts, rows there. Made durable, too."""
    header, rows = None, 0
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())
        for line in stream:
            header = header or HEADER.match(line)
            rows += line.startswith(b"loader.save(")
    if header is None:
        raise SystemExit(f"{path} has no header")
    return header[4].decode(), int(header[1]), int(header[3] or 1), rows


def read_dump(directory):
    tables, size = {}, 0
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        size += os.path.getsize(path)
        if name == "restore.py":
            with open(path, "rb") as stream:
                os.fsync(stream.fileno())
            continue
        table, announced, parts, rows = read_part(path)
        entry = tables.setdefault(table, {"table": table, "rows": announced, "parts": parts,
                                          "there": 0, "files": 0})
        entry["there"] += rows
        entry["files"] += 1
    for entry in tables.values():
        if entry.pop("there") != entry["rows"] or entry.pop("files") != entry["parts"]:
            raise SystemExit(f"the dump of {entry['table']} does not have the rows it announces")
    return list(tables.values()), size


def source_version(path):
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("SOURCE_VERSION = "):
                return line.split("=", 1)[1].strip().strip("'\"")
    return ""


def run(execute):
    database = settings.DATABASES["default"]
    if database["ENGINE"] not in SNAPSHOTS:
        raise SystemExit(f"cannot make a snapshot of a {database['ENGINE']} database")
    quiet()
    SNAPSHOTS[database["ENGINE"]](database, request["work"])
    show_tables()
    execute(ARGV)
    tables, size = read_dump(request["directory"])
    result({"tables": tables, "bytes": size, "objects": sum(t["rows"] for t in tables),
            "source_version": source_version(os.path.join(request["directory"], "restore.py")),
            **server})


ARGV = ["manage.py", "dump2py", "--noinput", request["directory"]]
if request["max_rows"]:
    ARGV += ["-m", str(request["max_rows"])]
enter(ARGV[1:], run)
