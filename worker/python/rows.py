"""Counts the rows of tables in an SQLite file, without a site. request: database, tables.

Answers {"rows": {table: count or -1}, "tables": how many the database has}.
"""
import sqlite3
from urllib.parse import quote

connection = sqlite3.connect(f"file:{quote(request['database'])}?mode=ro", uri=True, timeout=60)
with connection:
    there = {name for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    rows = {}
    for done, table in enumerate(request["tables"]):
        progress("TABLES", done, len(request["tables"]), table)
        quoted = '"' + table.replace('"', '""') + '"'
        rows[table] = -1
        if table in there:
            rows[table], = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()
connection.close()
result({"rows": rows, "tables": len(there)})
