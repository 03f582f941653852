"""What a person or a script sees of the command line: exit statuses, help, JSON, the joined worker, the history."""

import json
import os
import subprocess

import pytest

from conftest import PREVIEW, SERIES
from fleet import BIN, DONE, FAILED, REFUSED, UNREACHABLE, USAGE, Fleet, UnixConnection, assert_done

COMMANDS = [
    [], ["host"], ["host", "add"], ["host", "list"], ["host", "show"],
    ["host", "window"], ["host", "window", "set"], ["host", "window", "show"], ["series"], ["series", "add"], ["series", "list"],
    ["series", "show"], ["preview"], ["preview", "prepare"], ["preview", "sync"], ["preview", "allow"], ["preview", "drop"],
    ["preview", "switch"], ["job"], ["job", "list"], ["job", "show"], ["job", "watch"], ["job", "cancel"], ["job", "retry"],
    ["job", "resume"], ["schedule"], ["schedule", "show"], ["schedule", "set"], ["schedule", "pause"],
    ["schedule", "resume"], ["announcement"], ["announcement", "list"], ["announcement", "test"],
    ["announcement", "retry"], ["attempt"], ["attempt", "plan"], ["attempt", "move"], ["calendar"], ["log"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_level_has_its_manual(words):
    done = subprocess.run([BIN / "understudyctl", *words, "--help"], capture_output=True, text=True)
    assert done.returncode == DONE and done.stderr == ""
    for section in ("NAME", "SYNOPSIS"):
        assert section in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    if not words or len(words) == 1 and words not in (["log"], ["calendar"]):
        assert "COMMANDS" in done.stdout


@pytest.mark.parametrize("program", ["understudy-controller", "understudy-worker"])
def test_the_daemons_have_manuals_too(program):
    done = subprocess.run([BIN / program, "--help"], capture_output=True, text=True)
    assert done.returncode == DONE and "SYNOPSIS" in done.stdout


@pytest.mark.parametrize("words", [["frobnicate"], ["host", "remove", "x"], ["preview", "sync"], ["host", "show", "a", "b"],
                                   ["preview", "allow", "s", "t"], ["--no-such-option"]], ids=" ".join)
def test_a_wrong_command_line_is_2(words):
    done = subprocess.run([BIN / "understudyctl", *words], capture_output=True, text=True)
    assert done.returncode == USAGE and done.stderr and done.stdout == ""


def test_no_controller_is_3_and_says_where_it_was_looked_for(tmp_path):
    done = subprocess.run([BIN / "understudyctl", "--dir", tmp_path, "host", "list"], capture_output=True, text=True)
    assert done.returncode == UNREACHABLE
    assert str(tmp_path) in done.stderr and "understudy-controller run" in done.stderr


def test_the_directory_comes_from_the_environment(fleet):
    done = subprocess.run([BIN / "understudyctl", "host", "list"], capture_output=True, text=True,
                          env=os.environ | {"UNDERSTUDY_DIR": str(fleet.controller_directory)})
    assert done.returncode == DONE


def test_init_refuses_to_overwrite(fleet):
    before = sorted(os.listdir(fleet.controller_directory))
    done = fleet.run("understudy-controller", "init", "--dir", fleet.controller_directory, check=False)
    assert done.returncode not in (DONE, USAGE)
    assert str(fleet.controller_directory) in done.stderr
    assert sorted(os.listdir(fleet.controller_directory)) == before


def test_a_refusal_is_4_and_a_failed_job_is_1(fleet, adopted, preview):
    assert fleet.ctl("preview", "prepare", SERIES, "prod", check=False).returncode == REFUSED
    broken = preview.path / "manage.py"
    text = broken.read_text()
    broken.write_text("import no_such_module\n")
    try:
        done = fleet.ctl("preview", "sync", SERIES, check=False)
        assert done.returncode == FAILED
        assert "no_such_module" in done.stdout + done.stderr
    finally:
        broken.write_text(text)
    assert fleet.ctl("preview", "sync", SERIES).returncode == DONE


def test_without_a_terminal_a_job_is_drawn_in_plain_lines(fleet, synced):
    done = fleet.ctl("preview", "sync", SERIES)
    assert "\x1b" not in done.stdout and "\r" not in done.stdout
    for title in ("Dump production", "Compare rows, table by table"):
        assert title in done.stdout


def test_no_wait_prints_the_jobs_id_and_watch_follows_it(fleet, synced):
    done = fleet.ctl("preview", "sync", SERIES, "--no-wait")
    job = done.stdout.split()[-1]
    assert job.isdigit()
    assert fleet.ctl("job", "watch", job).returncode == DONE
    assert fleet.job(job)["state"] == "done"


@pytest.mark.parametrize("words", [["host", "list"], ["host", "show", "one"], ["series", "list"], ["series", "show", SERIES],
                                   ["job", "list"], ["log"], ["log", SERIES], ["preview", "sync", SERIES, "--dry-run"]], ids=" ".join)
def test_json_on_every_command(fleet, preview, words):
    done = fleet.ctl(*words, "--json")
    json.loads(done.stdout)


def test_an_error_is_json_too_where_that_is_asked_for(fleet, adopted):
    done = fleet.ctl("series", "show", "nobody", "--json", check=False)
    assert done.returncode == REFUSED
    failure = json.loads(done.stdout or done.stderr)
    assert "nobody" in json.dumps(failure)


def test_a_token_works_once(fleet, worker, directory):
    import shlex
    line = next(line for line in fleet.ctl("host", "add", "three").stdout.splitlines() if "understudy-worker join" in line)
    join = shlex.split(line)
    join[0] = str(BIN / join[0])
    place = fleet.network.place("three")
    for number, status in ((1, 0), (2, 1)):
        argv = [*join, "--dir", str(directory / f"three-{number}"), "--root", str(directory)]
        done = subprocess.run(place.argv(argv), capture_output=True, text=True)
        assert (done.returncode != 0) == bool(status), done.stdout + done.stderr
    assert "host add" in done.stderr


def test_cancel_ends_a_running_job_and_takes_its_work_back(fleet, adopted, synced):
    before = synced.rows()
    job = fleet.start_job("preview", "sync", SERIES, "--full")
    fleet.until_running(job, "restore")
    fleet.ctl("job", "cancel", str(job))
    assert fleet.finish(job)["state"] == "canceled"
    assert synced.rows() == before
    assert_done(fleet.do("preview", "sync", SERIES))


def test_review_waits_after_the_diff_until_it_is_resumed(fleet, adopted, synced):
    assert_done(fleet.do("preview", "drop", SERIES, "--yes"))
    job = fleet.do("preview", "prepare", SERIES, PREVIEW, "--review")
    assert job["state"] == "waiting"
    assert f"job resume {job['id']}" in job["hint"]
    assert "+    title" in next(task for task in job["tasks"] if task["label"] == "rewrite")["result"]["diff"]
    assert_done(fleet.finish(fleet.json("job", "resume", str(job["id"]), "--no-wait")["id"]))


def test_a_reviewed_job_may_be_canceled_and_leaves_nothing(fleet, adopted, synced):
    if fleet.json("series", "show", SERIES)["preview"]:
        assert_done(fleet.do("preview", "drop", SERIES, "--yes"))
    before = sorted(os.listdir(adopted.root))
    job = fleet.do("preview", "prepare", SERIES, "carl", "--review")
    fleet.ctl("job", "cancel", str(job["id"]))
    assert fleet.finish(job["id"])["state"] == "canceled"
    assert sorted(os.listdir(adopted.root)) == before


def test_the_controllers_directory_is_closed_to_others(fleet):
    assert os.stat(fleet.controller_directory).st_mode & 0o007 == 0
    for path in fleet.controller_directory.rglob("*.key"):
        assert os.stat(path).st_mode & 0o077 == 0


def served_calendar(fleet):
    """What a calendar program gets: type and text."""
    connection = UnixConnection(fleet.socket, 60)
    try:
        connection.request("GET", "/v1/calendar.ics")
        reply = connection.getresponse()
        return reply.headers["Content-Type"], reply.read().decode().replace("\r\n", "\n")
    finally:
        connection.close()


def test_a_schedule_is_set_shown_paused_and_in_the_history(fleet, adopted):
    done = fleet.ctl("schedule", "set", SERIES, "--at", "02:30", "--zone", "Europe/Brussels", "--window", "22:00-06:00")
    assert "BYHOUR=2;BYMINUTE=30" in done.stdout and "02:30" in done.stdout
    assert len(fleet.json("schedule", "show", SERIES)["next"]) == 10
    assert len(fleet.json("calendar", "--days", "2")) == 2
    ics = fleet.ctl("calendar", "--ics").stdout
    assert served_calendar(fleet) == ("text/calendar; charset=utf-8", ics)
    assert ics.startswith("BEGIN:VCALENDAR") and "TZID=" in ics and "BEGIN:VTIMEZONE" in ics
    done = fleet.ctl("host", "window", "set", "one", "04:00-05:00", "--zone", "Europe/Brussels")
    assert "04:00-05:00" in done.stdout and SERIES in done.stdout and "moves it from" in " ".join(done.stdout.split())
    assert "moves it from" in fleet.json("schedule", "show", SERIES)["next"][0]["why"]
    assert "04:00-05:00" in fleet.ctl("host", "window", "show", "one").stdout
    fleet.ctl("host", "window", "set", "one", "")
    assert f"schedule resume {SERIES}" in fleet.ctl("schedule", "pause", SERIES).stdout
    assert fleet.json("calendar") == []
    assert "schedule paused" in fleet.ctl("log", SERIES).stdout
    done = fleet.ctl("schedule", "set", SERIES, "--at", "12:00", check=False)
    assert done.returncode == REFUSED and "22:00-06:00" in done.stderr


def test_a_controller_that_was_down_at_night_starts_with_its_calendar_as_it_was(fleet, adopted):
    before = fleet.json("schedule", "show", SERIES)
    fleet.controller.kill()
    fleet.start_controller()
    assert fleet.json("schedule", "show", SERIES) == before
