"""The maintained restore2preview.py: what a person edited stays, whatever Lino writes anew."""

import subprocess

import pytest

from conftest import SERIES
from fleet import assert_done, explain
from site_under_test import MAKER, SOURCE, as_owner, differences

EDIT = "    # edited by hand: a nickname for everybody\n"


def edit(site):
    text = site.script.read_text()
    head = "def create_users_user("
    start = text.index("    kw = dict()\n", text.index(head))
    site.script.write_text(text[:start] + EDIT + text[start:])


@pytest.fixture(scope="module")
def edited(fleet, adopted, synced):
    edit(adopted)
    return adopted


def assert_edit_survived(production, preview):
    for site in (production, preview):
        text = site.script.read_text()
        assert text.count(EDIT) == 1
        assert text.index(EDIT) > text.index("def create_users_user(")
        assert "<<<<<<<" not in text


def reorder(site, number):
    """Rows come into one table after the other, so that restore.py orders functions and files anew."""
    table, column = [("topics_topic", "name"), ("tickets_tickettype", "name"), ("comments_commenttype", "name")][number % 3]
    with_rows = 5 * (number + 1)
    for row in range(with_rows):
        site.add_row(table, **{column: f"{table} {number} {row}"})


def test_an_edit_survives_ten_syncs_and_an_upgrade_of_lino_between(fleet, edited, synced):
    for number in range(5):
        reorder(edited, number)
        assert_done(fleet.do("preview", "sync", SERIES))
        assert_edit_survived(edited, synced)
        assert differences(edited.rows(), synced.rows()) == {}
    upgrade(edited, synced)
    for number in range(5, 10):
        reorder(edited, number)
        job = fleet.do("preview", "sync", SERIES)
        assert_done(job)
        assert_edit_survived(edited, synced)
        assert differences(edited.rows(), synced.rows()) == {}


def upgrade(production, preview):
    """Both sites get Lino Noi 26.9; production's data comes over with a script for this once."""
    once = production.path / "snapshot2preview/once.py"
    edited = subprocess.run(["sed", "-f", SOURCE / "deploy/lino/upgrade.sed", production.script], check=True, capture_output=True)
    once.write_bytes(edited.stdout)
    new = subprocess.run([MAKER, "environment", "new"], check=True, capture_output=True, text=True).stdout.strip()
    (production.path / "env").unlink()
    (production.path / "env").symlink_to(new)
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
    subprocess.run(
        [*as_owner(), production.path / "env/bin/python", "manage.py", "run", "snapshot2preview/once.py", "--noinput"],
        cwd=production.path, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )
    once.unlink()
    wheels = subprocess.run([MAKER, "wheels"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(
        [*as_owner(), preview.path / "env/bin/pip", "install", "--no-index", "--find-links", wheels, "--no-deps",
         "--requirement", SOURCE / "deploy/lino/new.txt"],
        check=True, capture_output=True, env=environment,
    )


def test_a_conflict_touches_nothing_and_says_how_to_go_on(fleet, edited, synced):
    """The same line changed by hand and by Lino."""
    base = edited.path / "snapshot2preview/.restore2preview.base.py"
    script, text = edited.script.read_text(), base.read_text()
    line = "    kw.update(username=username)\n"
    start = text.index("def create_users_user(")
    # As if the restore.py that the script came from had said something else in this place.
    place = text.index(line, start)
    base.write_text(text[:place] + "    kw.update(username=username.strip())\n" + text[place + len(line):])
    place = script.index(line, script.index("def create_users_user("))
    edited.script.write_text(script[:place] + "    kw.update(username=username.lower())\n" + script[place + len(line):])
    before = synced.rows()

    job = fleet.do("preview", "sync", SERIES)

    assert job["state"] == "failed"
    assert job["failure"]["code"] == "script-conflict", explain(job)
    assert f"job retry {job['id']}" in job["failure"]["next"]
    assert "<<<<<<<" not in edited.script.read_text()
    assert synced.rows() == before
    merge = edited.path / "snapshot2preview/restore2preview.merge.py"
    conflict = merge.read_text()
    assert "<<<<<<<" in conflict and ">>>>>>>" in conflict

    assert fleet.finish(fleet.start_job("job", "retry", str(job["id"])))["state"] == "failed", "markers are still there"
    merge.write_text(resolve(conflict))
    assert_done(fleet.finish(fleet.start_job("job", "retry", str(job["id"]))))
    assert "username.lower()" in edited.script.read_text()
    assert differences(edited.rows(), synced.rows()) == {}


def resolve(conflict):
    """Takes the side edited by hand."""
    lines, side = [], None
    for line in conflict.splitlines(keepends=True):
        if line.startswith("<<<<<<<"):
            side = "first"
        elif line.startswith("|||||||") or line.startswith("======="):
            side = "base" if line.startswith("|") else "second"
        elif line.startswith(">>>>>>>"):
            side = None
        elif side is None or (side == "first") == ("lower()" in line):
            lines.append(line)
    return "".join(lines)
