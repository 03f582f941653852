"""Every reason for which a delta restore refuses; a full restore is done then."""

import contextlib
import re
import shutil
import sqlite3

import pytest

from delta_sites import Sites
from site_code import HELPERS, run_site_code

SMALL = "std minimal_ledger demo"


@pytest.fixture(scope="module")
def sites(directory):
    sites = Sites(directory / "sites", "sqlite", upgrade=True, fixtures=SMALL)
    sites.dump(7, 1, operations=["change"], tables=["tickets_ticket", "topics_topic"])
    return sites


def edit(path, pattern, replacement):
    text = path.read_text()
    edited = re.sub(pattern, replacement, text, count=1, flags=re.M)
    assert edited != text, f"{pattern} is not in {path}"
    path.write_text(edited)


def edit_script(old, new):
    edit(new / "restore2preview.py", r"^    return topics_Tag\(", "    kw.pop('x', None)\n    return topics_Tag(")


def edit_dump_functions(old, new):
    edit(new / "restore.py", r"^    return topics_Tag\(", "    kw.pop('x', None)\n    return topics_Tag(")


def add_statement(old, new):
    for directory in (old, new):
        edit(directory / "restore2preview.py", r"^    loader\.finalize\(\)", "    print('done')\n    loader.finalize()")


def change_old_dump(old, new):
    edit(old / "topics_topic.py", r"\(1,", "(1001,")


def give_no_keys(old, new):
    for directory in (old, new):
        edit(directory / "restore2preview.py", r"(def create_topics_topic(?:.*\n)+?)    kw.update\(id=id\)\n", r"\1")


def give_two_rows_one_key(old, new):
    lines = (new / "topics_topic.py").read_text().splitlines(keepends=True)
    objects = [line for line in lines if line.startswith("loader.save(")]
    old_lines = set((old / "topics_topic.py").read_text().splitlines(keepends=True))
    changed = next(line for line in objects if line not in old_lines)
    twin = re.sub(r"'[^']*'", "'another'", changed, count=1)
    lines.insert(lines.index(changed), twin)
    text = "".join(lines).replace(f"Loading {len(objects)} ", f"Loading {len(objects) + 1} ")
    (new / "topics_topic.py").write_text(text)


def add_line(old, new):
    edit(new / "topics_topic.py", r"\n\n", "\nprint('x')\n\n")


def lose_an_object(old, new):
    edit(new / "topics_topic.py", r"^loader\.save.*\n", "")


def lose_configuration(old, new):
    edit(new / "system_siteconfig.py", r"^loader\.save.*\n", "")
    edit(new / "system_siteconfig.py", r"Loading 1 ", "Loading 0 ")


def change_fields(old, new):
    edit(new / "topics_topic.py", r"^# fields: id", "# fields: key")


def fail_in_function(old, new):
    for directory in (old, new):
        edit(directory / "restore2preview.py", r"^def create_topics_topic(.*)\n", r"def create_topics_topic\1\n    1 / 0\n")


NOTHING = {}
CASES = [
    (None, {"same": {"environment": "two"}}, "not the same as at the last restore: environment"),
    (None, {"quick": True}, "not the same as at the last restore: quick"),
    (None, {"hashes": ""}, "no row hashes"),
    (None, {"hashes": "media"}, "no row hashes"),
    (None, {"limit": 1}, "rows would be saved; a full restore is for more than 1"),
    (edit_script, NOTHING, "restore2preview.py is not the same as at the last restore: the function create_topics_tag()"),
    (edit_dump_functions, NOTHING, "restore.py is not the same as at the last restore: the function create_topics_tag()"),
    (add_statement, NOTHING, "main() has a statement that is not known"),
    (change_old_dump, NOTHING, "was not made from the old dump"),
    (give_no_keys, NOTHING, "topics.Topic objects have no primary key"),
    (give_two_rows_one_key, NOTHING, "two lines of the dump make topics_topic"),
    (add_line, NOTHING, "topics_topic.py has a line that is not an object: print('x')"),
    (lose_an_object, NOTHING, "objects and announces"),
    (lose_configuration, NOTHING, "system_siteconfig #1 is gone, which Lino makes anew"),
    (change_fields, NOTHING, "the fields of topics_topic are not those of the last dump"),
    (fail_in_function, NOTHING, "the script fails with ZeroDivisionError"),
]


def case_request(sites, number, prepare, changes):
    old, new = (sites.place / f"case{number}-{name}" for name in ("old", "new"))
    shutil.copytree(sites.old, old)
    shutil.copytree(sites.new, new)
    if prepare:
        prepare(old, new)
    return sites.request(**{"old": str(old), "new": str(new), "script": str(new / "restore2preview.py")} | changes)


def test_each_reason_is_told_and_nothing_is_changed(sites):
    requests = [case_request(sites, number, prepare, changes) for number, (prepare, changes, _) in enumerate(CASES)]
    before = sites.rows()
    answers = run_site_code(sites.preview, "deltas", source=(HELPERS / "delta.py").read_text(), requests=requests)
    told = [" ".join(answer.get("refused", ["done"])) for answer in answers]
    assert [(case[2], words) for case, words in zip(CASES, told) if case[2] not in words] == []
    assert sites.rows() == before


@contextlib.contextmanager
def changed_database(sites, *statements):
    path = sites.preview / "bert"
    kept = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)
    yield
    path.write_bytes(kept)


@pytest.mark.parametrize("statement, words", [
    ("DROP TABLE understudy_marker", "no marker of a full restore"),
    ("UPDATE understudy_marker SET value = 'another' WHERE name = 'id'", "no row hashes"),
    ("CREATE TABLE more (id integer)", "the columns of more are not those of the last restore"),
    ("UPDATE django_content_type SET model = model || 'x' WHERE app_label = 'sessions'",
     "was changed in the preview and is in no line of the dump"),
])
def test_a_database_that_is_not_as_it_was_left(sites, statement, words):
    with changed_database(sites, statement):
        assert words in sites.delta(check_only=True)["refused"][0]


@contextlib.contextmanager
def changed_site(sites, lines):
    """With these lines in the site's own class."""
    path = sites.preview / "settings.py"
    kept = path.read_text()
    path.write_text(kept.replace("class Site(Site):\n", f"class Site(Site):\n{lines}\n"))
    yield
    path.write_text(kept)


def test_a_site_whose_migrator_has_handlers(sites):
    (sites.preview / "migrating.py").write_text(
        "from lino.utils.dpy import Migrator\n\n\nclass Migrator(Migrator):\n"
        "    def migrate_from_25_12_1(self, names):\n        self.after_load(print)\n        return '99'\n")
    with changed_site(sites, "    migration_class = 'lino_local.bert.migrating.Migrator'"):
        assert "handlers of its own" in sites.delta()["refused"][0]


def test_a_site_with_djangos_sites(sites):
    plugins = "yield super().get_installed_plugins()\n        yield 'django.contrib.sites'"
    with changed_site(sites, f"    def get_installed_plugins(self):\n        {plugins}"):
        assert "django.contrib.sites" in sites.delta()["refused"][0]
