"""Brings a preview that holds dump A to dump B: only the rows whose lines changed are deleted and
saved again, through the maintained script, in one transaction. So are rows that were edited in the
preview. In doubt it refuses, with nothing changed.

request: old, new (directories of dumps A and B; A with its restore2preview.py), script (the one
for B), database (what the settings must name), keep (databases that must not be touched),
production, project (see volumes.py), hashes (directory of rows.* files), same ({name: text} that
must be as the marker says), quick, check_only (plan, change nothing), limit (of rows that are
saved, 0: a quarter of all). Files of uploads must be there already.

Answers {"refused": [reasons]}, or {"changed", "deleted", "added", "repaired", "again": rows,
"tables": {table: rows}, "tables_changed", "id": of the new marker, "locked_ms", "corrected"}; with
check_only the numbers alone.
"""
import os
import time
import traceback

from django.conf import settings
from understudy_change import Change, alone, data_version
from understudy_dumps import Dump, Unusual, digest
from understudy_loading import Collector, guarded_loader, key_of
from understudy_plan import Plan
from understudy_reads import Reads
from understudy_rows import hash_rows, read_marker, read_state, remove_others
from understudy_scripts import Script, difference
from understudy_volumes import Volumes


class Base:
    """What the preview holds, and what it is to hold."""

    def __init__(self, connection):
        self.connection = connection
        self.marker = read_marker(connection)
        state = request["hashes"] and read_state(request["hashes"], self.marker)
        check_base(self, state)
        self.hashes, self.reads = state
        self.script = Script(request["script"])
        self.old, self.new = Dump(request["old"]), Dump(request["new"])
        check_scripts(self)
        self.names = {"__name__": "restore", "__file__": os.path.abspath(request["script"])}
        exec(self.script.code, self.names)
        self.volumes = Volumes(request["production"], request["project"])
        self.volumes.correct(self.names)
        self.noted = Reads()
        self.loader = guarded_loader(self.names, request["quick"])
        if self.loader.before_load_handlers or self.loader.AFTER_LOAD_HANDLERS:
            raise Unusual("Lino migrates the data of this version with handlers of its own")
        self.tables = list(dict.fromkeys(self.new.files[file] for file in self.script.files))
        self.collector = Collector(self.names)
        self.made = {}  # what the lines of a table make

    def index(self, table):
        """{key: number of the line that makes it} of B's table."""
        if table not in self.made:
            self.made[table] = {
                key_of(instance): number for number, instances in
                enumerate(self.collector.collect(self.new.lines[table])) for instance in instances}
        return self.made[table]

    def find(self, key):
        """(table, line) of B that makes the row; its own table's lines are looked at first."""
        for table in sorted(self.tables, key=lambda table: table != key[0]):
            if key in self.index(table):
                return table, self.new.lines[table][self.index(table)[key]]
        return None

    def made_by(self, table, number):
        return self.collector.collect([self.new.lines[table][number]])[0]


def check_base(base, state):
    from django.apps import apps

    if not base.marker:
        raise Unusual("the preview's database has no marker of a full restore")
    if not state:
        raise Unusual("there are no row hashes of the last restore, or not this database's")
    for name, value in {**request["same"], "quick": str(request["quick"])}.items():
        if base.marker.get(name) != value:
            raise Unusual(f"not the same as at the last restore: {name}")
    if base.marker.get("dump") != digest(request["old"]):
        raise Unusual("the preview was not made from the old dump that was kept")
    if apps.is_installed("django.contrib.sites"):
        raise Unusual("django.contrib.sites is installed, whose rows Lino deletes")
    if base.connection.vendor == "mysql":
        with base.connection.cursor() as cursor:
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = "
                           "DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'")
            if found := cursor.fetchall():
                raise Unusual(f"{len(found)} tables know no transactions, such as {found[0][0]}")


def check_scripts(base):
    pairs = [("restore2preview.py", Script(os.path.join(request["old"], "restore2preview.py")),
              base.script)]
    pairs += [("restore.py", *(Script(os.path.join(request[dump], "restore.py"))
                               for dump in ("old", "new")))]
    for name, old, new in pairs:
        if what := difference(old, new):
            raise Unusual(f"{name} is not the same as at the last restore: {what}")
    for file in base.script.files:
        if file not in base.new.files:
            raise Unusual(f"the script executes {file}, which is not in the dump")
    for table in base.old.fields.keys() | base.new.fields.keys():
        if base.old.fields.get(table) != base.new.fields.get(table):
            raise Unusual(f"the fields of {table} are not those of the last dump")


def check_amount(base, plan):
    limit = request["limit"] or max(200, base.new.objects() // 4)
    if len(plan.saved) > limit:
        raise Unusual(f"{len(plan.saved)} rows would be saved; a full restore is for more than "
                      f"{limit}")


def apply(base, connection):
    version, live = data_version(connection), hash_rows(connection)
    plan = Plan(base, live)
    check_amount(base, plan)
    if request["check_only"]:
        return plan.numbers()
    with alone(connection):
        began = time.monotonic()
        if read_marker(connection) != base.marker:
            raise Unusual("another restore has been made meanwhile")
        if version is None or data_version(connection) != version:
            again = hash_rows(connection)
            if again != live:
                plan = Plan(base, again)
                check_amount(base, plan)
        change = Change(base, plan)
        after = change.carry_out(lambda done: progress("OBJECTS", done, len(plan.saved)))
        marker = change.mark(request["hashes"], after, digest(request["new"]))
    locked = time.monotonic() - began
    remove_others(request["hashes"], marker["id"])
    return {**plan.numbers(), "id": marker["id"], "locked_ms": round(locked * 1000),
            "corrected": base.volumes.corrected, "tables_changed": sorted(
                table for table, found in after.items() if found != live.get(table)),
            "tables": {table: len(found["rows"]) for table, found in after.items()}}


def check_database(database):
    on_file = database["ENGINE"].endswith("sqlite3")
    name = os.path.realpath(str(database["NAME"])) if on_file else database["NAME"]
    if name != request["database"]:
        raise SystemExit(f"the settings now name the database {database['NAME']}")
    if on_file:
        protect(request["keep"])


def answer(execute):
    import django

    check_database(settings.DATABASES["default"])
    quiet()
    django.setup()
    from django.db import connection

    try:
        result(apply(Base(connection), connection))
    except Unusual as error:
        result({"refused": [str(error)]})
    except Exception as error:
        traceback.print_exc()
        result({"refused": [f"applying the changes failed: {type(error).__name__}: {error}"]})


enter([], answer)
