"""Fixtures: one fleet per test file, with its sites; everything ended and removed afterwards."""

import os
import tempfile
from pathlib import Path

import pytest

pytest.register_assert_rewrite("databases", "fleet", "killing", "serving", "site_under_test", "stack")

import network
import servers
from fleet import BIN, Fleet, assert_done, remove_tree, scratch
from site_under_test import Site

# Those that take minutes, the longest first: none of them is to be left for the end.
LONGEST = ("test_retire", "test_delta", "test_main_job", "test_servers", "test_interlock", "test_serving_nginx", "test_script",
           "test_serving_apache", "test_restore", "test_two_workers", "test_kill_controller", "test_ways", "test_attempt_kills",
           "test_odd_files", "test_crash_points", "test_attempt", "test_drop", "test_cli", "test_delta_refusals", "test_demo")

SERIES = "alpha"
PRODUCTION = "anna"
PREVIEW = "bert"


def pytest_configure(config):
    for program in ("understudy-controller", "understudyctl", "understudy-worker"):
        if not (BIN / program).exists():
            pytest.exit(f"{BIN / program} is missing; build first: tests/run build", returncode=2)
    if os.geteuid() == 0:
        network.sweep()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def pytest_report_header(config):
    reason = network.available()
    return f"programs: {BIN}\nnetwork: " + (f"all on 127.0.0.1 ({reason})" if reason else "a namespace for each program")


@pytest.fixture(scope="module", autouse=True)
def database_servers():
    """Those that a test of the file has started end with it, and with all that was in them."""
    yield
    servers.stop()


@pytest.fixture(scope="module")
def engine():
    """Of the production site's database; a test file that is about more has this fixture with parameters."""
    return "sqlite"


@pytest.fixture(scope="module")
def directory(engine):
    """Not below /tmp/pytest-of-root: the sites' owner must be able to pass."""
    path = scratch(tempfile.mkdtemp(prefix="us-test."))
    yield path
    if os.environ.get("KEEP"):
        print(f"kept: {path}")
    else:
        remove_tree(path)


@pytest.fixture(scope="module")
def fleet(directory):
    fleet = Fleet(directory)
    yield fleet
    fleet.close()


@pytest.fixture(scope="module")
def root(directory):
    return directory / "lino_local"


@pytest.fixture(scope="module")
def production(root, engine):
    """A small real site that is linked as production."""
    site = Site.make(root, PRODUCTION, engine=engine)
    site.add_persons("Ada", "Bob")
    (root / "prod").symlink_to(PRODUCTION)
    return site


@pytest.fixture(scope="module")
def worker(fleet, production):
    return fleet.add_worker("one", production.root, engine=production.engine)


@pytest.fixture(scope="module")
def adopted(fleet, worker, production):
    """A series that is known to the controller and has no preview; what is restored, is restored in full."""
    assert_done(fleet.do("series", "add", SERIES, "--host", worker.name, "--root", str(production.root),
                         "--production", PRODUCTION))
    fleet.ctl("series", "set", SERIES, "native=forbid", "delta=off")
    return production


@pytest.fixture(scope="module")
def preview(fleet, adopted):
    """A preview of the same version, not synchronised yet."""
    assert_done(fleet.do("preview", "prepare", SERIES, PREVIEW))
    return Site(adopted.root, PREVIEW, adopted.engine)


@pytest.fixture(scope="module")
def synced(fleet, preview):
    assert_done(fleet.do("preview", "sync", SERIES))
    return preview
