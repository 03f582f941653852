"""What Understudy manages of this site's settings; written by its worker, do not edit.

The values are in understudy_managed.json. The last line of settings.py applies them.
"""
import json
import os

VALUES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "understudy_managed.json")


def apply_database(settings, managed):
    """A site that has no database of its own yet, an empty section, gets no password: the one in
    its settings is that of the site it was copied from."""
    database = settings["DATABASES"][managed.get("alias", "default")]
    if database["ENGINE"].endswith("sqlite3"):
        return
    database["PASSWORD"] = managed.get("password", "")
    for option in ("passwd", "password"):
        database.get("OPTIONS", {}).pop(option, None)
    if managed:
        database["NAME"], database["USER"] = managed["name"], managed["user"]


SECTIONS = {"database": apply_database}


def apply(settings):
    try:
        with open(VALUES, encoding="utf-8") as stream:
            values = json.load(stream)
    except FileNotFoundError:
        values = {}
    for section, apply_section in SECTIONS.items():
        if section in values:
            apply_section(settings, values[section])
