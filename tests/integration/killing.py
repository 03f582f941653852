"""kill -9 of controller, worker and runner in the middle of each long step, and between the links of a switch.

After a restart each job reaches the end it would have reached: nothing is done twice, and no operator is needed.
The files test_kill_*.py name the victim, so that they run side by side.
"""

import contextlib
import os
import random
import signal

import pytest

from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import assert_done, explain, wait_for
from site_under_test import Site, differences

SEED = int(os.environ.get("SEED") or 20261123)


@pytest.fixture(scope="module")
def victim(request):
    return request.module.VICTIM


@pytest.fixture(scope="module")
def production(root):
    """Enough media that clone and mirror take a moment."""
    site = Site.make(root, PRODUCTION, media=4000)
    site.add_persons("Ada", "Bob")
    (root / "prod").symlink_to(PRODUCTION)
    return site


def kill(fleet, worker, victim):
    """Ends the victim with SIGKILL and starts again what a service manager would."""
    if victim in ("runner", "all"):
        for pid in worker.runners():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if victim in ("worker", "all"):
        worker.kill()
    if victim in ("controller", "all"):
        fleet.controller.kill()
        fleet.start_controller()
    if victim in ("worker", "all"):
        worker.start()


def assert_nothing_done_twice(fleet, job):
    """Each task has ended once, and no later one began before."""
    ended = [event["task"]["label"] for event in fleet.events(job["id"])
             if event["type"] == "task" and event["task"]["state"] == "done"]
    assert len(ended) == len(set(ended)), ended


@pytest.fixture(scope="module")
def prepared(fleet, worker, adopted, victim):
    """A preview whose preparation was hit in the middle of its clone."""
    job = fleet.start_job("preview", "prepare", SERIES, PREVIEW)
    assert fleet.until_running(job, "clone")
    kill(fleet, worker, victim)
    job = assert_done(fleet.finish(job))
    assert_nothing_done_twice(fleet, job)
    return Site(adopted.root, PREVIEW)


def test_the_clone_is_whole(adopted, prepared):
    expected, found = adopted.media(), prepared.media()
    assert differences(expected, found).keys() <= {b"volumes/inbox"}
    assert sorted(name for name in os.listdir(adopted.root) if name.startswith((".", "tmp"))) == []


@pytest.mark.parametrize("step", ["dump", "mirror", "restore", "swap"])
def test_a_sync_reaches_its_end(fleet, worker, adopted, prepared, victim, step):
    adopted.add_persons(f"During {step}")
    (adopted.path / f"media/uploads/2026/11/{step}.txt").write_text(step)
    job = fleet.start_job("preview", "sync", SERIES, "--full")
    assert fleet.until_running(job, step), explain(fleet.job(job))
    kill(fleet, worker, victim)
    job = assert_done(fleet.finish(job))
    assert_nothing_done_twice(fleet, job)
    assert differences(adopted.rows(), prepared.rows()) == {}
    assert differences(adopted.media(), prepared.media()).keys() <= {b"volumes/inbox"}


def test_a_sync_hit_at_random_moments_reaches_its_end(fleet, worker, adopted, prepared, victim):
    chance = random.Random(f"{SEED} {victim}")
    adopted.add_persons("During anything")
    job = fleet.start_job("preview", "sync", SERIES, "--full")
    for _ in range(3):
        count = chance.randrange(2, 40)
        events = (event for event in fleet.events(job))
        if not any(number == count for number, event in enumerate(events)):
            break
        kill(fleet, worker, victim)
    job = assert_done(fleet.finish(job))
    assert_nothing_done_twice(fleet, job)
    assert differences(adopted.rows(), prepared.rows()) == {}


def links(root):
    return {name: os.readlink(root / name) for name in ("prod", "preview") if os.path.islink(root / name)}


def test_a_switch_hit_anywhere_sets_both_links(fleet, worker, adopted, prepared, victim):
    before = links(adopted.root)
    job = fleet.start_job("preview", "switch", SERIES)
    kill(fleet, worker, victim)
    assert_done(fleet.finish(job))
    switched = links(adopted.root)
    assert switched["prod"] == PREVIEW and switched != before
    job = fleet.start_job("preview", "switch", SERIES)
    fleet.until_running(job, "switch")
    kill(fleet, worker, victim)
    assert_done(fleet.finish(job))
    assert links(adopted.root) == before


def test_no_runner_is_left(fleet, worker, prepared):
    wait_for(lambda: not worker.runners(), "all runners have ended", patience=30)
