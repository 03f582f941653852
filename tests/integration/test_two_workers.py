"""Two workers, two series, at the same time; each program in a network namespace of its own where root permits."""

import os

import pytest

import network
from conftest import PREVIEW, PRODUCTION
from fleet import assert_done, explain
from site_under_test import Site, differences

SITES = {"alpha": ("one", "anna", "bert"), "beta": ("two", "carl", "dora")}


@pytest.fixture(scope="module")
def sites(fleet, directory):
    """Both series adopted and prepared, side by side."""
    made = {}
    for series, (host, production, preview) in SITES.items():
        root = directory / host / "lino_local"
        site = Site.make(root, production)
        site.add_persons(f"Person of {series}")
        (root / "prod").symlink_to(production)
        fleet.add_worker(host, root)
        made[series] = site, Site(root, preview)
    adopt = [fleet.start_job("series", "add", series, "--host", host, "--root", str(made[series][0].root), "--production", production)
             for series, (host, production, _) in SITES.items()]
    for job in adopt:
        assert_done(fleet.finish(job))
    prepare = [fleet.start_job("preview", "prepare", series, preview) for series, (_, _, preview) in SITES.items()]
    for job in prepare:
        assert_done(fleet.finish(job))
    return made


def test_each_worker_comes_from_its_own_address(fleet, sites):
    if not fleet.network.separate:
        pytest.skip(network.available())
    addresses = {host: fleet.json("host", "show", host)["address"].rsplit(":", 1)[0] for host in ("one", "two")}
    assert addresses == {host: fleet.workers[host].place.address for host in ("one", "two")}


def test_two_series_synchronise_at_once(fleet, sites):
    jobs = {series: fleet.start_job("preview", "sync", series, "--full") for series in SITES}
    ended = {series: assert_done(fleet.finish(job)) for series, job in jobs.items()}
    assert max(job["started_at"] for job in ended.values()) < min(job["ended_at"] for job in ended.values())
    for series, (production, preview) in sites.items():
        assert differences(production.rows(), preview.rows()) == {}
        assert preview.persons() == {f"Person of {series}"}


def test_a_series_has_one_job_at_a_time_and_the_next_waits(fleet, sites):
    first = fleet.start_job("preview", "sync", "alpha", "--full")
    second = fleet.start_job("preview", "sync", "alpha", "--full")
    assert_done(fleet.finish(second))
    assert fleet.job(first)["ended_at"] <= fleet.job(second)["started_at"]


def test_a_worker_that_is_cut_off_in_the_middle_goes_on_and_reports_later(fleet, sites):
    if not fleet.network.separate:
        pytest.skip(network.available())
    worker = fleet.workers["one"]
    job = fleet.start_job("preview", "sync", "alpha", "--full")
    assert fleet.until_running(job, "dump")
    fleet.network.cable(worker.place, "down")
    other = fleet.do("preview", "sync", "beta")
    fleet.network.cable(worker.place, "up")
    assert_done(other)
    assert_done(fleet.finish(job))
    production, preview = sites["alpha"]
    assert differences(production.rows(), preview.rows()) == {}


def test_a_job_on_a_host_that_is_away_waits_for_it(fleet, sites):
    worker = fleet.workers["two"]
    worker.stop()
    job = fleet.start_job("preview", "sync", "beta", "--full")
    assert fleet.job(job)["state"] in ("queued", "running")
    worker.start()
    assert_done(fleet.finish(job))
