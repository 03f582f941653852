"""The whole job on a full site: Lino Noi 25.12 gets a preview on 26.9, and the links change places and back."""

import os
import subprocess

import pytest

import databases
from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import DONE, assert_done
from site_under_test import FULL, SOURCE, Site, differences

LINO = SOURCE / "deploy/lino"


def upgrade():
    """The --install options for the packages that make the new version."""
    wanted = ("lino==", "lino-xl==", "lino-noi==", "lino-react==")
    pins = [line for line in (LINO / "new.txt").read_text().splitlines() if line.lower().startswith(wanted)]
    return [word for pin in pins for word in ("--install", pin)]


def allowances():
    return [line.split(maxsplit=1) for line in (LINO / "allow.txt").read_text().splitlines()]


@pytest.fixture(scope="module", params=databases.ENGINES)
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def production(root, engine):
    site = Site.make(root, PRODUCTION, fixtures=FULL, media=50, engine=engine)
    (root / "prod").symlink_to(PRODUCTION)
    return site


@pytest.fixture(scope="module")
def before_adopting(production):
    return production.manifest(), sorted(os.listdir(production.root))


@pytest.fixture(scope="module")
def adopted(fleet, worker, production, before_adopting):
    assert_done(fleet.do("series", "add", SERIES, "--host", worker.name, "--root", str(production.root),
                         "--production", PRODUCTION))
    return production


@pytest.fixture(scope="module")
def preview(fleet, adopted):
    assert_done(fleet.do("preview", "prepare", SERIES, PREVIEW, *upgrade()))
    return Site(adopted.root, PREVIEW, adopted.engine)


@pytest.fixture(scope="module")
def refused(fleet, preview):
    """The first synchronisation, which meets the unedited script."""
    return fleet.do("preview", "sync", SERIES)


@pytest.fixture(scope="module")
def synced(fleet, refused, adopted, preview):
    subprocess.run(["sed", "-i", "-f", LINO / "upgrade.sed", adopted.script], check=True)
    for table, why in allowances():
        fleet.ctl("preview", "allow", SERIES, table, "--why", why)
    assert_done(fleet.do("preview", "sync", SERIES))
    return preview


def allowed_tables():
    return {table for table, _ in allowances()}


def assert_equal_rows(production, preview):
    before, after = production.rows(), preview.rows()
    both = before.keys() & after.keys() - allowed_tables()
    assert differences({t: before[t] for t in both}, {t: after[t] for t in both}) == {}
    assert {table for table in before.keys() - after.keys() if before[table]} <= allowed_tables()


def test_adopting_changes_nothing_in_the_root(before_adopting, adopted):
    manifest, names = before_adopting
    assert differences(manifest, adopted.manifest()) == {}
    assert sorted(os.listdir(adopted.root)) == names


def test_a_dry_run_shows_the_diff_and_writes_nothing(fleet, adopted):
    before, names = adopted.manifest(), sorted(os.listdir(adopted.root))
    shown = fleet.ctl("preview", "prepare", SERIES, PREVIEW, *upgrade(), "--dry-run").stdout
    assert f"-    title = \"{PRODUCTION}\"" in shown and f"+    title = \"{PREVIEW}\"" in shown
    assert differences(before, adopted.manifest()) == {}
    assert sorted(os.listdir(adopted.root)) == names


def test_the_preview_has_its_own_environment_with_the_new_version(fleet, preview, adopted):
    assert not os.path.islink(preview.path / "env")
    frozen = subprocess.run([preview.path / "env/bin/pip", "freeze"], check=True, capture_output=True, text=True).stdout
    assert "lino==26.10.8" in frozen
    assert os.readlink(adopted.root / "preview") == PREVIEW


def test_the_first_sync_lists_all_that_the_new_version_no_longer_takes(refused):
    assert refused["state"] == "failed"
    task = next(task for task in refused["tasks"] if task["label"] == "script")
    assert task["state"] == "failed"
    told = str(task["failure"])
    for word in ("create_lists_list", "create_tickets_ticket", "attach_to_email", "restore2preview.py"):
        assert word in told, told


def test_after_the_edits_rows_and_media_are_equal(adopted, synced):
    assert_equal_rows(adopted, synced)
    assert differences(adopted.media(), synced.media()) == {
        b"volumes/inbox": (adopted.media()[b"volumes/inbox"], synced.media()[b"volumes/inbox"])
    }
    assert os.readlink(synced.path / "media/volumes/inbox") == str(synced.path / "tmp")
    assert synced.sql("SELECT root_dir FROM uploads_volume WHERE ref = 'inbox'") == [(str(synced.path / "tmp"),)]


def test_a_sync_leaves_production_as_it_was_but_for_the_dump(fleet, adopted, synced):
    before = adopted.manifest()
    assert_done(fleet.do("preview", "sync", SERIES))
    after = adopted.manifest()
    assert differences(before, after) == {}


def test_both_sites_serve_the_same_number_of_objects(adopted, synced):
    assert adopted.served() == synced.served()


def test_changes_in_production_arrive_with_the_next_sync(fleet, adopted, synced):
    adopted.add_persons("Eve", "Mallory")
    (adopted.path / "media/uploads/2026/11/new.txt").write_text("A new document")
    (adopted.path / "media/uploads/2026/11/1.pdf").unlink()
    assert_done(fleet.do("preview", "sync", SERIES))
    assert {"Eve", "Mallory"} <= synced.persons()
    assert_equal_rows(adopted, synced)
    assert (synced.path / "media/uploads/2026/11/new.txt").read_text() == "A new document"
    assert not (synced.path / "media/uploads/2026/11/1.pdf").exists()


def test_switch_exchanges_the_links_and_back(fleet, adopted, synced):
    links = lambda: {name: os.readlink(adopted.root / name) for name in ("prod", "preview") if (adopted.root / name).is_symlink()}
    before = links()
    assert before == {"prod": PRODUCTION, "preview": PREVIEW}
    assert fleet.ctl("preview", "switch", SERIES).returncode == DONE
    assert links() == {"prod": PREVIEW, "preview": PRODUCTION}
    assert fleet.json("series", "show", SERIES)["production"]["name"] == PREVIEW
    assert fleet.ctl("preview", "switch", SERIES).returncode == DONE
    assert links() == before


def test_the_history_tells_who_asked_for_what_and_how_it_ended(fleet, synced):
    history = fleet.json("log", SERIES)
    assert all(entry["who"] and entry["at"] and entry["event"] for entry in history)
    told = fleet.ctl("log", SERIES).stdout
    for word in ("prepare", "sync", "allow"):
        assert word in told, told
