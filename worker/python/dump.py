"""Runs dump2py into a fresh directory, from one consistent state of the database.

request: directory (absolute, must not exist), work (an existing directory for a copy of the
database), max_rows (0: Lino's default), volatile (tables that do not count for its digest), stop_writers
(of tables that have no snapshots; else they are named in "unsafe", and nothing is dumped).
"""
import contextlib
import os
import re
import sqlite3

from django.conf import settings
from understudy_content import content
from understudy_sqlite import snapshot

HEADER = re.compile(rb'^logger\.info\("Loading (\d+) objects(?: \(part (\d+) of (\d+)\))? '
                    rb'to table (\w+)\.\.\."\)')


def sqlite_snapshot(database, work):
    path = os.path.join(work, "database")
    snapshot(str(database["NAME"]), path, progress)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        digest = content(connection, request["volatile"])
    database["NAME"] = path
    return digest


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
    digest = SNAPSHOTS[database["ENGINE"]](database, request["work"])
    show_tables()
    execute(ARGV)
    tables, size = read_dump(request["directory"])
    result({"tables": tables, "bytes": size, "digest": digest, "objects": sum(t["rows"] for t in tables),
            "source_version": source_version(os.path.join(request["directory"], "restore.py")),
            **server})


ARGV = ["manage.py", "dump2py", "--noinput", request["directory"]]
if request["max_rows"]:
    ARGV += ["-m", str(request["max_rows"])]
enter(ARGV[1:], run)
