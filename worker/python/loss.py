"""What users have done to a site since it stepped in: its rows against the hashes that were kept
then. request: directory (of the kept hashes), limit (of the rows told).

Answers {"tables": [[name, added, changed, deleted], ...], "rows": [[table, key, what, text], ...],
"left_out": rows that are not told}. A table is told by its model's name where it has one. An object
that has its row in several tables (a person is a partner, too) is one, by its most special model.
"""
from understudy_rows import hash_rows, read_opening

TEXT_ROOM = 200


def models_by_table():
    from django.apps import apps

    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


def changes(before, now):
    """{(table, key): "added", "changed" or "deleted"}."""
    found = {}
    for table in before.keys() | now.keys():
        old, new = (side.get(table, {"rows": {}})["rows"] for side in (before, now))
        for key in old.keys() | new.keys():
            if key not in old:
                found[table, key] = "added"
            elif key not in new:
                found[table, key] = "deleted"
            elif old[key] != new[key]:
                found[table, key] = "changed"
    return found


def most_special(models, before, now):
    """A function: the table of an object's most special model."""
    children = {}
    for table, model in models.items():
        for parent in model._meta.get_parent_list():
            children.setdefault(parent._meta.db_table, []).append(table)
    # Of a chain of parents the last one has the most of them.
    depth = {table: len(model._meta.get_parent_list()) for table, model in models.items()}
    for tables in children.values():
        tables.sort(key=depth.get, reverse=True)

    def find(table, key):
        for child in children.get(table, ()):
            if any(key in side.get(child, {"rows": {}})["rows"] for side in (before, now)):
                return child
        return table

    return find


def folded(found, find):
    """An object whose rows were changed in one table and added in another was added."""
    rank = {"changed": 0, "added": 1, "deleted": 1}
    objects = {}
    for (table, key), what in found.items():
        at = find(table, key), key
        if at not in objects or rank[what] > rank[objects[at]]:
            objects[at] = what
    return objects


def text_of(model, key):
    try:
        return str(model._base_manager.get(pk=key))[:TEXT_ROOM]
    except Exception:  # site code that needs a request, or more than its row
        return ""


def tell(objects, models):
    tables, rows, left_out = {}, [], 0
    for done, ((table, key), what) in enumerate(sorted(objects.items())):
        model = models.get(table)
        name = model._meta.label if model else table
        counts = tables.setdefault(name, {"added": 0, "changed": 0, "deleted": 0})
        counts[what] += 1
        if len(rows) >= request["limit"]:
            left_out += 1
            continue
        progress("OBJECTS", done, len(objects), name)
        text = text_of(model, key) if model and what != "deleted" else ""
        rows.append([name, key, what, text])
    result({"tables": [[name, *counts.values()] for name, counts in sorted(tables.items())],
            "rows": rows, "left_out": left_out})


def run(execute):
    import django

    quiet()
    django.setup()
    from django.db import connection, transaction

    before = read_opening(request["directory"])
    if before is None:
        raise SystemExit("what the site had when it stepped in was not kept")
    with transaction.atomic():
        now = hash_rows(connection)
        models = models_by_table()
        tell(folded(changes(before, now), most_special(models, before, now)), models)


enter([], run)
