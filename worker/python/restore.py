"""Runs the maintained script into a database that is nobody's yet.

request: script (relative to the project directory), database (what the settings must name,
resolved), staging (what is filled instead), keep (databases that must not be touched), quick,
objects (how many are expected), production (the paths that lead to its project directory), project
(this one), collation (production's on MySQL, or empty), mark (null, or {"hashes", "same"}: then the
staging database is marked for delta restores, see shared/rows.py: hashes is the directory for its
rows.* file, same is {name: text} of what a delta must find unchanged).
Answers {"corrected": N, "others": [...]}, with "marked": {"id", "tables", "rows"} or with
"failure": {"table", "object", "why"}.
"""
import os
import re
import sys
import time
import traceback

from django.conf import settings
from understudy_dumps import digest
from understudy_reads import Reads
from understudy_rows import mark
from understudy_volumes import Volumes

HEADER = re.compile(r'^logger\.info\("Loading \d+ objects.* to table (\w+)\.\.\."\)')
DIRECTORY = os.path.dirname(os.path.abspath(request["script"]))
mysql = {}
MARK = request.get("mark")
HASHES = MARK and os.path.abspath(MARK["hashes"])  # the script changes the directory
volumes = Volumes(request["production"], request["project"])
table = ""


def following(execfile):
    def follow(name, *args):
        global table
        table = ""
        with open(name, encoding="utf-8") as stream:
            for line in stream:
                found = HEADER.match(line)
                if found:
                    table = found[1]
                if line.startswith("# fields"):
                    break
        return execfile(name, *args)

    return follow


def counting(register):
    count, shown = 0, 0.0

    def register_success(loader):
        nonlocal count, shown
        count += 1
        now = time.monotonic()
        if now - shown > 0.1:
            shown = now
            progress("OBJECTS", count, max(count, request["objects"]), table)
        return register(loader)

    return register_success


def prepare_loader():
    """The script hands its names to the loader before it runs anything."""
    from lino.utils import dpy

    start = dpy.DpyLoader.__init__

    def init(self, names, *args, **options):
        volumes.correct(names)
        if "execfile" in names:
            names["execfile"] = following(names["execfile"])
        start(self, names, *args, **options)

    global reads
    reads = Reads() if MARK else None
    dpy.DpyLoader.__init__ = init
    dpy.LoaderBase.register_success = counting(dpy.LoaderBase.register_success)


def make_cheap(sender, connection, **unused):
    """Nobody reads the staging file before it is whole and synchronised by the worker. On a server
    the worker sees to that."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA journal_mode=MEMORY")


def refuse_kept(sender, connection, **unused):
    """A second lock behind the worker's interlock: site code may name its database twice."""
    if connection.settings_dict["NAME"] in request["keep"]:
        connection.close()
        raise PermissionError(f"{connection.settings_dict['NAME']} is not to be touched")


def prepare_mysql(sender, connection, **unused):
    """Lino's initdb makes the database anew, without saying what characters it can hold. The named
    lock tells the worker whose session this is, also while it is in no database."""
    if connection.vendor != "mysql":
        return
    with connection.cursor() as cursor:
        if "collation" not in mysql:
            cursor.execute("SELECT @@collation_database")
            mysql["collation"] = request["collation"] or cursor.fetchone()[0]
        cursor.execute("SET SESSION lock_wait_timeout = 60, character_set_server = utf8mb4,"
                       " collation_server = %s", [mysql["collation"]])
        cursor.execute("SELECT get_lock(concat('understudy session ', md5(%s)), 0)",
                       [request["staging"]])


def redirect():
    from django.db.backends.signals import connection_created

    database = settings.DATABASES["default"]
    on_file = database["ENGINE"].endswith("sqlite3")
    name = os.path.realpath(str(database["NAME"])) if on_file else database["NAME"]
    if name != request["database"]:
        raise SystemExit(f"the settings now name the database {database['NAME']}")
    database["NAME"] = request["staging"]
    if on_file:
        protect(request["keep"])
        connection_created.connect(make_cheap)
    else:
        own_sessions()
        connection_created.connect(refuse_kept)
        connection_created.connect(prepare_mysql)


def other_values():
    """Values elsewhere that name production's directory: told, not changed."""
    found = []
    for name in sorted(os.listdir(DIRECTORY)):
        if not name.endswith(".py") or "restore" in name or name.startswith("uploads_volume"):
            continue
        with open(os.path.join(DIRECTORY, name), encoding="utf-8") as stream:
            lines = sum(any(p + "/" in line or p + "'" in line for p in request["production"])
                        for line in stream)
        if lines:
            found.append({"file": name, "lines": lines})
    return found


def source_line(path, wanted):
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if number == wanted:
                return line.strip().removeprefix("loader.save(")
    return ""


def failure(error):
    """The line of a table's file on the way to the error is the object that failed."""
    told = {"table": table, "object": "", "why": f"{type(error).__name__}: {error}"}
    for frame in traceback.extract_tb(error.__traceback__):
        path = os.path.join(DIRECTORY, frame.filename)
        if os.path.dirname(path) == DIRECTORY and "restore" not in frame.filename:
            told["object"] = source_line(path, frame.lineno)[:300]
    return told


def marked():
    from django.db import connection

    return mark(connection, HASHES, reads.found, {**MARK["same"], "quick": str(request["quick"]),
                                     "dump": digest(DIRECTORY)})


def run(execute):
    quiet()
    redirect()
    answer = {}
    try:
        execute(ARGV)
        if MARK:
            answer["marked"] = marked()
    except BaseException as error:
        traceback.print_exc()
        answer["failure"] = failure(error)
    result({"corrected": volumes.corrected, "others": other_values(), **answer})


def hook_loader():
    """lino.utils.dpy can be imported once Django is set up, which happens in execute()."""
    from lino.management.commands import run as command

    original = command.Command.handle

    def handle(self, *args, **options):
        prepare_loader()
        return original(self, *args, **options)

    command.Command.handle = handle


ARGV = ["manage.py", "run", request["script"], "--noinput"]
if request["quick"]:
    ARGV.append("--quick")
hook_loader()
enter(ARGV[1:], run)
