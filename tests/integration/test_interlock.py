"""A site whose settings still name production after the rewriting: refused, production untouched."""

import os

import pytest

from conftest import PRODUCTION, SERIES
from fleet import explain
from site_under_test import differences


def indirect_name(production):
    """The name is put together, so that no search finds it."""
    return "NAME = '/'.join(['', *{parts!r}, 'an' + 'na', 'an' + 'na'])".format(
        parts=str(production.root).strip("/").split("/"))


def through_the_prod_link(production):
    return "NAME = str(__import__('pathlib').Path(__file__).parent.parent / 'prod' / 'an') + 'na'"


def include_beside_the_root_settings(production):
    (production.root / "databases.py").write_text(f"NAME = '{production.database}'\n")
    return f"from {production.root.name}.databases import NAME"


def environment_variable(production):
    return f"NAME = __import__('os').environ.get('SITE_DATABASE', '{production.root}/an' 'na/an' 'na')"


@pytest.fixture
def settings(adopted):
    """Puts production's settings back as they were."""
    file = adopted.path / "settings.py"
    before = file.read_text()
    yield file
    file.write_text(before)
    if (adopted.root / "databases.py").exists():
        (adopted.root / "databases.py").unlink()


@pytest.mark.parametrize("trick", [indirect_name, through_the_prod_link, include_beside_the_root_settings, environment_variable])
def test_settings_that_still_name_production_are_refused(fleet, adopted, settings, trick, request):
    statement = trick(adopted)
    text = settings.read_text().replace("'NAME': 'anna'", "'NAME': NAME")
    settings.write_text(f"{statement}\n{text}")
    assert "NAME': NAME" in settings.read_text()
    before, rows = adopted.manifest(leave_out=()), adopted.rows()

    job = fleet.do("preview", "prepare", SERIES, "bert")

    assert job["state"] == "failed", explain(job)
    assert job["failure"]["code"] in ("interlock", "still-named"), explain(job)
    assert job["failure"]["next"]
    assert adopted.rows() == rows
    assert differences(before, adopted.manifest(leave_out=())) == {}

    assert fleet.do("job", "cancel", str(job["id"]))["state"] == "canceled"
    assert not os.path.lexists(adopted.root / "bert")
    assert not os.path.lexists(adopted.root / "preview")
    assert differences(before, adopted.manifest(leave_out=())) == {}


def test_a_preview_that_was_pointed_at_production_afterwards_is_not_restored(fleet, synced, adopted):
    file = synced.path / "settings.py"
    text = file.read_text()
    rows = adopted.rows()
    try:
        file.write_text(text.replace(f"'NAME': '{synced.name}'", f"'NAME': '{adopted.database}'"))
        assert file.read_text() != text
        job = fleet.do("preview", "sync", SERIES)
        assert job["state"] == "failed"
        assert job["failure"]["code"] == "interlock", explain(job)
        assert PRODUCTION in str(job["failure"])
    finally:
        file.write_text(text)
    assert adopted.rows() == rows
