"""Dumps that are hard to restore: many files per table, tables that grew, objects that cannot be saved."""

import contextlib
import re
import sqlite3

import pytest

from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import assert_done, explain
from site_under_test import Site, differences

ROWS_OF_ONE_FILE = 50


@pytest.fixture(scope="module")
def production(root):
    """A site whose own Lino writes few rows into one file."""
    site = Site.make(root, PRODUCTION, own_environment=True)
    command = next((site.path / "env/lib").glob("python3*/site-packages/lino/management/commands/dump2py.py"))
    text, count = re.subn(r"default=\d{4,}", f"default={ROWS_OF_ONE_FILE}", command.read_text())
    assert count == 1
    command.write_text(text)
    site.add_persons("Ada", "Bob")
    (root / "prod").symlink_to(PRODUCTION)
    return site


def parts(site, table):
    return sorted(file.name for file in (site.path / "snapshot2preview").glob(f"{table}*.py"))


def test_nothing_is_lost_when_a_table_outgrows_one_file(fleet, adopted, synced):
    assert parts(adopted, "contacts_person") == ["contacts_person.py"]
    adopted.add_persons(*(f"Person {number}" for number in range(3 * ROWS_OF_ONE_FILE)))
    assert_done(fleet.do("preview", "sync", SERIES))
    assert len(parts(adopted, "contacts_person")) > 1
    assert "contacts_person.py" not in parts(adopted, "contacts_person")
    assert differences(adopted.rows(), synced.rows()) == {}
    assert adopted.persons() == synced.persons()


def test_nothing_stale_is_loaded_when_it_shrinks_again(fleet, adopted, synced):
    adopted.sql("DELETE FROM contacts_person WHERE first_name LIKE 'Person %'")
    adopted.sql("DELETE FROM contacts_partner WHERE name LIKE 'Person %'")
    assert_done(fleet.do("preview", "sync", SERIES))
    assert parts(adopted, "contacts_person") == ["contacts_person.py"]
    assert parts(synced, "contacts_person") == ["contacts_person.py"]
    assert differences(adopted.rows(), synced.rows()) == {}


def test_an_object_that_cannot_be_saved_fails_the_job_and_yesterdays_preview_answers(fleet, adopted, synced):
    before, served = synced.rows(), synced.served()
    adopted.sql("INSERT INTO contacts_role (id, company_id, person_id, type_id) VALUES (77, 12345, 54321, 1)")
    try:
        job = fleet.do("preview", "sync", SERIES)
        assert job["state"] == "failed"
        told = str(job["failure"]) + str(fleet.task(job["id"], "restore")["failure"])
        assert "contacts" in told and "Role" in told and "77" in told, explain(job)
        assert synced.rows() == before
        assert synced.served() == served
        assert leftovers(synced) == []
    finally:
        adopted.sql("DELETE FROM contacts_role WHERE id = 77")
    assert_done(fleet.do("preview", "sync", SERIES))


def test_a_table_that_the_script_does_not_load_fails_the_job_by_name_until_it_is_allowed(fleet, adopted, synced):
    before = synced.rows()
    script = adopted.script.read_text()
    adopted.script.write_text(script.replace('    execfile("contacts_person.py"', '    # execfile("contacts_person.py"'))
    try:
        job = fleet.do("preview", "sync", SERIES)
        assert job["state"] == "failed"
        assert job["failure"]["code"] == "ledger", explain(job)
        assert "contacts_person" in str(job["failure"])
        assert synced.rows() == before
        fleet.ctl("preview", "allow", SERIES, "contacts_person", "--why", "persons are not wanted here")
        job = assert_done(fleet.do("preview", "sync", SERIES))
        assert synced.persons() == set()
        found = fleet.task(job["id"], "ledger")["result"]["differences"]
        allowed = [row["allowed"] for row in found if row["table"] == "contacts_person"]
        assert len(allowed) == 1 and "persons are not wanted here" in allowed[0]
    finally:
        adopted.script.write_text(script)
    assert_done(fleet.do("preview", "sync", SERIES))
    assert adopted.persons() == synced.persons()


def test_rows_written_while_the_dump_runs_are_all_in_it_or_none(fleet, adopted, synced):
    job = fleet.start_job("preview", "sync", SERIES, "--full")
    fleet.until_running(job, "dump")
    with contextlib.closing(sqlite3.connect(adopted.database, timeout=30)) as database, database:
        database.execute("UPDATE contacts_person SET last_name = 'Changed'")
    assert_done(fleet.finish(job))
    assert len(set(synced.sql("SELECT last_name FROM contacts_person"))) == 1
    assert differences(adopted.rows(), synced.rows()) == {}


def leftovers(site):
    """Files beside the database that only a restore under way may have."""
    return sorted(path.name for path in site.path.iterdir() if path.name.startswith(f"{site.name}."))
