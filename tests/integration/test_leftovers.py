"""What stays behind: nothing of a job once it is over, and no process once the daemons are told to end."""

import os

from conftest import PREVIEW, SERIES
from fleet import assert_done, processes, wait_for


def ours(directory):
    return [argv for pid, argv in processes() if pid != os.getpid() and any(str(directory) in word for word in argv)]


def test_a_worker_forgets_a_job_that_is_over(fleet, worker, synced):
    tasks = worker.directory / "tasks"
    assert tasks.is_dir()
    spare = {".spare"}  # for a task to come
    wait_for(lambda: set(os.listdir(tasks)) <= spare, "the worker's task directories are gone", patience=30)


def test_a_sync_leaves_no_staging_files(fleet, adopted, synced):
    before = {site.name: sorted(os.listdir(site.path)) for site in (adopted, synced)}
    assert_done(fleet.do("preview", "sync", SERIES))
    assert {site.name: sorted(os.listdir(site.path)) for site in (adopted, synced)} == before
    assert [name for name in before[adopted.name] if name.startswith(".")] == []
    assert sorted(os.listdir(adopted.root)) == sorted(
        ["__init__.py", "settings.py", "prod", "preview", adopted.name, PREVIEW])


def test_a_restart_of_both_daemons_changes_nothing(fleet, worker, synced):
    before = fleet.json("series", "show", SERIES)
    assert worker.stop() == 0
    assert fleet.controller.stop() == 0
    fleet.start_controller()
    worker.start()
    fleet.wait_connected(worker.name)
    assert fleet.json("series", "show", SERIES) == before


def test_sigterm_ends_every_process(fleet, worker, synced, directory):
    assert worker.stop() == 0
    assert fleet.controller.stop() == 0
    wait_for(lambda: ours(directory) == [], "no process is left", patience=10)
