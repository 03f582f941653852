"""Controller, worker, runners, all of them, or the host's network, ended at each edge of an upgrade attempt.

It ends open, accepted or canceled as agreed, never in between: one of the two sites is production with all that its users
had entered, and the other is as it was. Some edges by default, all with SWEEP=1.
"""

import contextlib
import os
import time

import pytest

from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import assert_done, explain, wait_for
from killing import assert_nothing_done_twice, kill

STEPS = ["space", "choose", "restore", "swap", "verify", "settle", "switch"]
VICTIMS = ["controller", "worker", "runner", "all", "network"]
ALL = [(victim, step) for victim in VICTIMS for step in STEPS]
SOME = [("all", "restore"), ("network", "swap"), ("worker", "switch")]
EDGES = ALL if os.environ.get("SWEEP") else SOME


@pytest.fixture(scope="module")
def ready(fleet, adopted, preview):
    """A preview that is fit to step in, and is copied within seconds."""
    fleet.ctl("series", "set", SERIES, "native=allow")
    assert_done(fleet.do("preview", "sync", SERIES))
    return preview


@contextlib.contextmanager
def away(fleet, worker, victim):
    """The victim is away, and comes back at the end."""
    if victim == "network":
        if not fleet.network.separate:
            pytest.skip("one machine has no cable to pull")
        fleet.network.cable(worker.place, "down")
        yield
        fleet.network.cable(worker.place, "up")
        return
    daemon = fleet.controller if victim == "controller" else worker
    daemon.kill()
    yield
    if victim == "controller":
        fleet.start_controller()
    else:
        worker.start()


def strike(fleet, worker, victim):
    if victim in ("controller", "worker", "network"):
        with away(fleet, worker, victim):
            pass
    else:
        kill(fleet, worker, victim)


def links(site):
    return os.readlink(site.root / "prod"), os.readlink(site.root / "preview")


def state(fleet):
    return fleet.json("attempt", "show", SERIES)["state"]


def plan(fleet, *words):
    fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 min", *words)


def hit(fleet, worker, victim, job, step):
    assert fleet.until_running(job, step), explain(fleet.job(job))
    strike(fleet, worker, victim)
    job = assert_done(fleet.finish(job))
    assert_nothing_done_twice(fleet, job)


@pytest.mark.parametrize("victim, step", EDGES)
def test_it_opens_and_is_taken_back(fleet, worker, adopted, ready, victim, step):
    adopted.add_persons(f"{victim} {step}")
    frozen = adopted.manifest()
    plan(fleet)
    hit(fleet, worker, victim, fleet.start_job("attempt", "open", SERIES), step)
    assert state(fleet) == "open" and links(adopted) == (PREVIEW, PRODUCTION)
    assert f"{victim} {step}" in ready.persons()
    hit(fleet, worker, victim, fleet.start_job("attempt", "cancel", SERIES), "switch")
    wait_for(lambda: state(fleet) == "canceled", "the attempt is canceled", patience=30)
    assert links(adopted) == (PRODUCTION, PREVIEW)
    assert adopted.manifest() == frozen


@pytest.mark.parametrize("victim", ["controller", "worker", "network"] if os.environ.get("SWEEP") else ["controller"])
def test_its_lapse_ends_as_agreed_also_while_one_is_away(fleet, worker, adopted, ready, victim):
    plan(fleet)
    assert_done(fleet.do("attempt", "open", SERIES))
    ready.add_persons("Dora")
    ends = fleet.json("attempt", "show", SERIES)["ends_at"]
    with away(fleet, worker, victim):
        wait_for(lambda: time.time() > ends + 1, "the lapse is over", patience=120)
        assert links(adopted) == (PREVIEW, PRODUCTION)
    wait_for(lambda: state(fleet) == "canceled", "the attempt is canceled", patience=60)
    assert links(adopted) == (PRODUCTION, PREVIEW) and "Dora" not in adopted.persons()


@pytest.mark.parametrize("victim", ["controller", "network"] if os.environ.get("SWEEP") else ["controller"])
def test_told_to_its_worker_ends_it_alone_while_nobody_can_reach_it(fleet, worker, adopted, ready, victim):
    plan(fleet, "--alone-after", "2 s")
    assert_done(fleet.do("attempt", "open", SERIES))
    ready.add_persons("Fred")
    with away(fleet, worker, victim):
        kill(fleet, worker, "worker")
        wait_for(lambda: links(adopted) == (PRODUCTION, PREVIEW), "the former production is back", patience=120)
    assert "Fred" not in adopted.persons()
    wait_for(lambda: state(fleet) == "canceled", "the attempt is canceled", patience=60)
    assert "its worker took it back by itself" in fleet.json("attempt", "show", SERIES)["why"]
    assert links(adopted) == (PRODUCTION, PREVIEW)


def test_accepted_it_stays_so_whoever_is_killed_then(fleet, worker, adopted, ready):
    plan(fleet, "--outcome-when-over", "cancel")
    assert_done(fleet.do("attempt", "open", SERIES))
    ready.add_persons("Emil")
    fleet.ctl("attempt", "accept", SERIES)
    kill(fleet, worker, "all")
    fleet.wait_connected(worker.name)
    assert state(fleet) == "accepted" and links(adopted) == (PREVIEW, PRODUCTION)
    assert "Emil" in ready.persons() and "Emil" not in adopted.persons()
