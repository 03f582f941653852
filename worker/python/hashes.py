"""Marks a database that a full restore has filled. request: database (what the settings must name),
staging (the database to mark; "": that of the settings), hashes (directory for the rows.* file),
dump (directory that was loaded), quick, same ({name: text} that a delta must find unchanged).

Answers {"id", "tables", "rows"}. Other rows.* files are left; remove them once this is settled.
"""
import os

from django.conf import settings
from understudy_dumps import digest
from understudy_rows import mark


def run(execute):
    import django

    database = settings.DATABASES["default"]
    if request["database"] not in (str(database["NAME"]), os.path.realpath(str(database["NAME"]))):
        raise SystemExit(f"the settings now name the database {database['NAME']}")
    database["NAME"] = request["staging"] or database["NAME"]
    quiet()
    django.setup()
    from django.db import connection

    result(mark(connection, request["hashes"], {
        **request["same"], "quick": str(request["quick"]), "dump": digest(request["dump"])}))


enter([], run)
