"""A synchronisation goes the cheapest way that is proven safe, and says why: nothing, the database's own copy, the rows
that have changed, or in full."""

import json
import os
import signal

import pytest

from conftest import PRODUCTION, SERIES
from fleet import assert_done, explain
from site_under_test import differences


@pytest.fixture(scope="module")
def adopted(fleet, worker, production):
    """As the operator finds it: no way is forbidden."""
    assert_done(fleet.do("series", "add", SERIES, "--host", worker.name, "--root", str(production.root),
                         "--production", PRODUCTION))
    return production


def sync(fleet, *options):
    """The restore's result: the way and what is told."""
    job = assert_done(fleet.do("preview", "sync", SERIES, *options))
    return fleet.task(job["id"], "restore")["result"]


def reasons(fleet):
    job = fleet.json("job", "list")[0]["id"]
    return " ".join(fleet.task(job, "choose")["result"].get("reasons", []))


def settings(fleet, *words):
    fleet.ctl("series", "set", SERIES, *words)


def settled(fleet):
    """A verified preview, from which nothing has changed."""
    sync(fleet)
    assert sync(fleet)["way"] == "nothing", reasons(fleet)


def equal(production, preview):
    assert differences(production.rows(), preview.rows()) == {}
    assert production.persons() == preview.persons()


def test_the_first_restore_is_a_full_one(fleet, synced, adopted):
    job = fleet.json("job", "list")[0]["id"]
    assert fleet.task(job, "restore")["result"].get("way", "full") == "full"
    assert "no verified synchronisation yet" in fleet.task(job, "choose")["result"]["told"]
    equal(adopted, synced)


def test_nothing_is_done_when_nothing_has_changed(fleet, adopted, synced):
    before, snapshot = os.stat(synced.database), os.stat(adopted.path / "snapshot2preview/restore.py").st_mtime_ns
    result = sync(fleet)
    assert result["way"] == "nothing" and "nothing has changed since" in result["told"]
    assert (before.st_ino, before.st_mtime_ns) == (os.stat(synced.database).st_ino, os.stat(synced.database).st_mtime_ns)
    assert os.stat(adopted.path / "snapshot2preview/restore.py").st_mtime_ns == snapshot
    assert "nothing has changed since" in fleet.ctl("log", SERIES).stdout.replace("\n    ", " ")


def test_media_is_mirrored_all_the_same(fleet, adopted, synced):
    (adopted.path / "media/new.txt").write_text("new")
    assert sync(fleet)["way"] == "nothing"
    assert (synced.path / "media/new.txt").read_text() == "new"


def test_a_dry_run_tells_the_way(fleet, synced):
    job = assert_done(fleet.do("preview", "sync", SERIES, "--dry-run"))
    assert "nothing has changed since" in fleet.task(job["id"], "choose")["result"]["told"]


def test_in_full_means_in_full(fleet, adopted, synced):
    assert "it was asked for" in sync(fleet, "--full")["told"]
    equal(adopted, synced)


def test_equal_versions_copy_the_database_itself(fleet, adopted, synced):
    adopted.add_persons("Native")
    adopted.sql(f"INSERT INTO {sessions(adopted)} VALUES ('key', 'data', '2030-01-01')")
    before = adopted.manifest()
    assert sync(fleet)["way"] == "native"
    assert differences(before, adopted.manifest()) == {}
    equal(adopted, synced)
    assert synced.sql(f"SELECT count(*) FROM {sessions(synced)}") == [(0,)]
    assert {path for (path,) in synced.sql("SELECT root_dir FROM uploads_volume")} == {f"{synced.path}/tmp"}


def sessions(site):
    """Which of the two session tables that there may be the site has."""
    found = site.sql("SELECT name FROM sqlite_master WHERE name IN ('sessions_session', 'django_session')")
    return found[0][0]


def test_rows_edited_in_the_preview_are_put_right(fleet, adopted, synced):
    settled(fleet)
    synced.sql("UPDATE contacts_person SET first_name = 'Edited'")
    assert sync(fleet)["way"] != "nothing"
    assert "the preview's data was edited" in reasons(fleet)
    equal(adopted, synced)


@pytest.mark.parametrize("quick", ["yes", "no"])
def test_another_way_of_restoring_is_a_change(fleet, synced, quick):
    settled(fleet)
    settings(fleet, f"quick={quick}")
    assert sync(fleet)["way"] != "nothing"
    assert "how the series is restored has changed" in reasons(fleet)


def test_changed_settings_are_a_change_and_forbid_a_copy(fleet, adopted, synced):
    settled(fleet)
    with open(synced.path / "settings.py", "a") as file:
        file.write("\nTIME_ZONE = 'UTC'\n")
    assert sync(fleet).get("way", "full") == "full"
    assert "the preview's settings have changed" in reasons(fleet)
    equal(adopted, synced)


def test_a_changed_environment_is_a_change_and_forbids_a_copy(fleet, adopted, synced):
    settled(fleet)
    module = next((synced.path / "env/lib").glob("python3*/site-packages/lino/__init__.py"))
    status = os.stat(module)
    text = module.read_bytes()
    module.write_bytes(text[:-1] + b"\n")  # of the same size, and as old as before
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert sync(fleet).get("way", "full") == "full"
    assert "the preview's environment has changed" in reasons(fleet)


def test_a_damaged_marker_counts_for_nothing(fleet, adopted, synced):
    settled(fleet)
    marker = synced.path / ".understudy/marker"
    whole = json.loads(marker.read_text())
    whole["proof"]["script"] = "0" * 64
    marker.write_text(json.dumps(whole))
    assert sync(fleet).get("way", "full") == "full"
    assert "marker of the last synchronisation is damaged" in reasons(fleet)
    marker.write_text("")
    sync(fleet)
    assert "damaged" in reasons(fleet)
    equal(adopted, synced)


def test_an_edited_script_is_run(fleet, adopted, synced):
    settled(fleet)
    script = adopted.script.read_text()
    adopted.script.write_text(script.replace("def main(args):", "def main(args):\n    # edited", 1))
    assert adopted.script.read_text() != script
    assert sync(fleet).get("way", "full") == "full"
    assert "the script was edited" in reasons(fleet)
    assert "restore2preview.py is not what Lino wrote" in reasons(fleet)
    adopted.script.write_text(script)
    sync(fleet)
    equal(adopted, synced)


def test_only_the_rows_that_have_changed_are_restored(fleet, adopted, synced):
    settings(fleet, "native=forbid")
    sync(fleet, "--full")
    adopted.add_persons("Delta")
    adopted.sql("UPDATE contacts_person SET last_name = 'Changed' WHERE first_name = 'Ada'")
    synced.sql("UPDATE contacts_person SET last_name = 'Edited' WHERE first_name = 'Bob'")
    result = sync(fleet)
    assert result["way"] == "delta", (result, reasons(fleet))
    assert "put right" in result["told"]
    equal(adopted, synced)
    assert synced.sql("SELECT last_name FROM contacts_person WHERE first_name = 'Ada'") == [("Changed",)]
    assert sync(fleet)["way"] == "nothing"


def test_a_delta_is_compared_with_a_full_restore_at_intervals(fleet, adopted, synced):
    settings(fleet, "compare-interval=0 s")
    adopted.add_persons("Compared")
    result = sync(fleet)
    settings(fleet, "compare-interval=7 d")
    assert result["way"] == "delta" and result["compared"] and not result.get("differences"), result
    equal(adopted, synced)


def test_a_delta_that_is_refused_is_a_full_restore_in_the_same_step(fleet, adopted, synced):
    (rows,) = (synced.path / ".understudy").glob("rows.*")
    rows.unlink()
    adopted.add_persons("Refused")
    result = sync(fleet)
    assert result.get("way", "full") == "full" and "no row hashes" in result["told"].replace("there are ", ""), result
    equal(adopted, synced)


def test_nights_are_full_unless_the_series_says_otherwise(fleet, adopted, synced):
    adopted.add_persons("Nightly")
    assert sync(fleet, "--nightly").get("way", "full") == "full"
    assert "delta=on-demand, and this is a nightly run" in reasons(fleet)
    settings(fleet, "delta=always", "full-nights=none")
    adopted.add_persons("Nightly too")
    assert sync(fleet, "--nightly")["way"] == "delta"
    equal(adopted, synced)


def kill(worker):
    for pid in worker.runners():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.parametrize("words, step", [("native=allow", "choose"), ("native=allow", "restore"), ("native=allow", "settle"),
                                         ("native=forbid", "restore"), ("native=forbid", "settle"),
                                         ("native=forbid", "verify")])
def test_runners_that_are_killed_reach_the_same_end(fleet, worker, adopted, synced, words, step):
    settings(fleet, words)
    adopted.add_persons(f"Killed {words} {step}")
    job = fleet.start_job("preview", "sync", SERIES)
    assert fleet.until_running(job, step), explain(fleet.job(job))
    kill(worker)
    assert_done(fleet.finish(job))
    equal(adopted, synced)
    assert sync(fleet)["way"] == "nothing", reasons(fleet)


def test_no_python_is_left_running(fleet, worker, synced):
    assert not worker.runners()


def test_settings_that_are_not_there_are_refused_with_those_that_are(fleet, synced):
    refused = fleet.ctl("series", "set", SERIES, "quik=yes", check=False)
    assert refused.returncode == 4 and "quick, native, delta" in refused.stdout + refused.stderr
    refused = fleet.ctl("series", "set", SERIES, "quick=yes", "native=maybe", check=False)
    assert refused.returncode == 4 and "allow | forbid" in refused.stdout + refused.stderr
    shown = {row["setting"]: row["value"] for row in fleet.json("series", "show", SERIES)["settings"]}
    assert shown["quick"] == "no" and shown["delta"] == "always"
