"""Compares two databases of one site row by row. request: database (what the settings must name),
left, right (names of the databases; "" is the settings' own), paths ([directory of the left site,
of the right site], [] when there is one).

Answers {"tables": n, "rows": n, "differences": [{"table", "key", "column", "left", "right"}, ...],
"count": of all differences, "nature": {what: why it is left out}}.
"""
import os
from collections import Counter

from django.conf import settings
from understudy_rows import fetch, keys, plain, select, tables

SHOWN = 50  # differences told
NATURE = {
    "django_session": "sessions are in no dump; a delta leaves them, a full restore ends them",
    "django_content_type.id": "given anew by each initdb; compared by application and model",
    "memo_mention.id": "given when a text is saved; compared by what mentions what",
    "directories": "each site's own; compared without",
}


def other_connection(name):
    """The settings' own connection, to another database."""
    from django.db import DEFAULT_DB_ALIAS, connections

    if not name:
        return connections[DEFAULT_DB_ALIAS]
    alias = f"compared {name}"
    connections.settings[alias] = {**connections.settings[DEFAULT_DB_ALIAS], "NAME": name}
    return connections[alias]


def content_type_columns():
    """{table: {column}} of all that points at a content type."""
    from django.apps import apps

    found = {"django_content_type": {"id"}}
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if field.remote_field and \
                    field.remote_field.model._meta.label == "contenttypes.ContentType":
                found.setdefault(model._meta.db_table, set()).add(field.column)
    return found


def content_types(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, app_label, model FROM django_content_type")
        return {pk: f"{label}.{model}" for pk, label, model in cursor.fetchall()}


class Side:
    def __init__(self, connection, path):
        self.connection, self.path = connection, path
        self.types, self.keys = content_types(connection), keys(connection)
        self.pointing = content_type_columns()
        self.tables = tables(connection)

    def normal(self, value):
        if self.path and isinstance(value, str) and self.path in value:
            return value.replace(self.path, "<project>")
        return value

    def rows(self, table):
        """{key: {column: value}}."""
        pointing, found = self.pointing.get(table, ()), {}
        with self.connection.cursor() as cursor:
            columns = select(self.connection, cursor, table)
            for row in fetch(cursor):
                values = {column: self.types.get(value, value) if column in pointing else
                          self.normal(value) for column, value in zip(columns, plain(row))}
                if table == "memo_mention":
                    del values["id"]
                key = values.get(self.keys.get(table))
                if key is None:
                    key = str(sorted(values.items()))
                while key in found:
                    key = f"{key}, again"
                found[key] = values
        return found


def differences(table, left, right):
    for key in left.keys() | right.keys():
        if key not in left or key not in right:
            yield {"table": table, "key": str(key)[:300], "column": "",
                   "left": "a row" if key in left else "none",
                   "right": "a row" if key in right else "none"}
            continue
        for column, value in left[key].items():
            if value != right[key].get(column):
                yield {"table": table, "key": str(key), "column": column,
                       "left": repr(value)[:300], "right": repr(right[key].get(column))[:300]}


def compare():
    paths = request["paths"] or ["", ""]
    left, right = (Side(other_connection(request[name]), path)
                   for name, path in zip(("left", "right"), paths))
    told, count, rows = [], Counter(), 0
    for table in sorted({*left.tables, *right.tables}):
        if table not in left.tables or table not in right.tables:
            count[table] += 1
            told.append({"table": table, "key": "", "column": "", "left":
                         "a table" if table in left.tables else "none", "right":
                         "a table" if table in right.tables else "none"})
            continue
        progress("TABLES", left.tables.index(table), len(left.tables), table)
        left_rows = left.rows(table)
        rows += len(left_rows)
        for difference in differences(table, left_rows, right.rows(table)):
            count[table] += 1
            if len(told) < SHOWN:
                told.append(difference)
    result({"tables": len(left.tables), "rows": rows, "differences": told,
            "count": count.total(), "nature": NATURE})


def run(execute):
    import django

    name = str(settings.DATABASES["default"]["NAME"])
    if request["database"] not in (name, os.path.realpath(name)):
        raise SystemExit(f"the settings now name the database {name}")
    quiet()
    django.setup()
    compare()


enter([], run)
