"""Makes a copy of production's database the preview's own, before anybody reads it.

request: database (what the settings must name), staging (the copy), keep (databases that must not
be touched), volatile (tables whose rows do not come along), production, project (see volumes.py).
Answers {"corrected": volumes, "emptied": {table: rows}, "rows": {table: rows}}.
"""
import os

from django.conf import settings
from understudy_volumes import Volumes

VOLUMES = "uploads_volume"


def redirect():
    database = settings.DATABASES["default"]
    name = str(database["NAME"])
    if (os.path.realpath(name) if database["ENGINE"].endswith("sqlite3") else name) \
            != request["database"]:
        raise SystemExit(f"the settings now name the database {name}")
    database["NAME"] = request["staging"]
    protect(request["keep"])


def empty(cursor, quote, there):
    emptied = {}
    for table in sorted(there.intersection(request["volatile"])):
        cursor.execute(f"SELECT count(*) FROM {quote(table)}")
        emptied[table], = cursor.fetchone()
        cursor.execute(f"DELETE FROM {quote(table)}")
    return emptied


def correct(cursor, quote):
    volumes, corrected = Volumes(request["production"], request["project"]), 0
    cursor.execute(f"SELECT id, root_dir FROM {quote(VOLUMES)}")
    for key, path in cursor.fetchall():
        if volumes.own_path(path) != path:
            cursor.execute(f"UPDATE {quote(VOLUMES)} SET root_dir = %s WHERE id = %s",
                           [volumes.own_path(path), key])
            corrected += 1
    return corrected


def count(cursor, quote, tables):
    rows = {}
    for table in sorted(tables):
        cursor.execute(f"SELECT count(*) FROM {quote(table)}")
        rows[table], = cursor.fetchone()
    return rows


def run(execute):
    redirect()
    from django.db import connection, transaction

    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        emptied = empty(cursor, quote, there)
        corrected = correct(cursor, quote) if VOLUMES in there else 0
        rows = count(cursor, quote, there.difference(request["volatile"]))
    connection.close()
    result({"corrected": corrected, "emptied": emptied, "rows": rows})


enter([], run)
