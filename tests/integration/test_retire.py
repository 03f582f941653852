"""An old production is retired: refused while anything uses it; then nothing of it is left, and its last backup restores."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import databases
from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import REFUSED, assert_done, explain, processes, wait_for
from serving import PREVIEW_HOST, PROD_HOST, ask, fleet, manager, served, shown, sink, stack, templates, web
from site_under_test import OWNER, Site, as_owner, differences
from stack import Nginx, Supervisor

STACK, SERVER = (Nginx, Supervisor), "uwsgi"


@pytest.fixture(scope="module", params=databases.ENGINES)
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def production(root, engine):
    """On a server a restore writes into its environment (initdb's migrations), which the others share."""
    site = Site.make(root, PRODUCTION, engine=engine, own_environment=engine != "sqlite")
    site.add_persons("Ada", "Bob")
    (root / "prod").symlink_to(PRODUCTION)
    return site


@pytest.fixture(scope="module")
def worker(fleet, production, stack, templates, manager, directory):
    """Its host's configuration is the stack's; backups go beside everything."""
    options = "".join(part.options() for part in stack) + f"[serving]\ntemplates = {templates}\n"
    options += f"[policy]\nbackups = {directory}/backups\n[scan]\nsupervisor = {manager.files}\n"
    return fleet.add_worker("one", production.root, engine=production.engine, options=options)


@pytest.fixture(scope="module")
def told(fleet, directory):
    """What is announced, is told to a program, which keeps it there."""
    path, command = directory / "told", directory / "tell"
    path.mkdir()
    command.write_text(f"#!/bin/sh\nmktemp -p {path} && cat >/dev/null\n")
    command.chmod(0o755)
    fleet.configure("announce", f"command = {command}\n")
    fleet.wait_connected("one")
    return path


@pytest.fixture(scope="module")
def successor(served, shown):
    return Site(served.root, PREVIEW, served.engine)


@pytest.fixture(scope="module")
def old(fleet, served, successor):
    """The former production, after an attempt that was accepted; users have gone on in both."""
    fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h")
    assert_done(fleet.do("attempt", "open", SERIES))
    fleet.ctl("attempt", "accept", SERIES)
    served.add_persons("Olga")
    return served


def state(site, web, manager):
    """All of a site that a refusal must leave as it is. A dump is made anew, and a marker says who stopped what."""
    root = site.root
    leave_out = ("snapshot2preview", ".understudy-run", "log", "tmp")
    manifest = {path: fields[:4] + fields[5:] for path, fields in site.manifest(leave_out).items() if not path.endswith(b".pyc")}
    links = {name: os.readlink(root / name) for name in os.listdir(root) if os.path.islink(root / name)}
    return {**manifest, "links": links, "rows": site.rows(), "programs": manager.programs(),
            "vhosts": sorted(os.listdir(web.files))}


@contextlib.contextmanager
def in_use(fleet, old, web, manager, *words):
    """Meanwhile a retirement is refused with these words, and leaves everything as it was."""
    yield
    before = state(old, web, manager)
    job = fleet.do("series", "retire", SERIES, "--yes")
    assert job["state"] == "failed" and job["failure"]["code"] == "in-use", explain(job)
    for word in (*words, "understudyctl job retry"):
        assert word in str(job["failure"]), job["failure"]
    assert differences(before, state(old, web, manager)) == {}


def test_it_is_refused_while_a_link_leads_there(fleet, old, web, manager):
    link = old.root / "archive"
    with in_use(fleet, old, web, manager, str(link)):
        link.symlink_to(PRODUCTION)
    link.unlink()


def test_it_is_refused_while_a_program_works_there(fleet, old, web, manager):
    with contextlib.ExitStack() as ended:
        with in_use(fleet, old, web, manager, "sleep 1001", "media"):
            process = ended.enter_context(subprocess.Popen(["sleep", "1001"], cwd=old.path / "media"))
            ended.callback(process.kill)


def test_it_is_refused_while_a_configuration_names_it(fleet, old, web, manager):
    by_hand = manager.files / "by-hand.conf"
    with in_use(fleet, old, web, manager, f"{by_hand}:2", "supervisor program"):
        by_hand.write_text(f"[program:by-hand]\ncommand=/usr/bin/uwsgi --chdir {old.path}\n")
    by_hand.unlink()


def test_production_is_never_retired_beside_an_old_site(fleet, old, successor):
    refused = fleet.ctl("series", "retire", SERIES, PREVIEW, "--yes", check=False)
    assert refused.returncode == REFUSED and f"series retire {SERIES} {PRODUCTION}" in refused.stderr


def entries(root):
    """Of a root directory, which is a Python package itself."""
    return {name for name in os.listdir(root) if not name.startswith(("__", "settings"))}


def sites(fleet):
    return {site["name"]: site for site in fleet.json("series", "show", SERIES)["sites"]}


@pytest.fixture(scope="module")
def elsewhere(old, successor):
    """What a database server has beside the old site's."""
    return old.database.databases() - {PRODUCTION} if old.engine != "sqlite" else set()


@pytest.fixture(scope="module")
def before(old):
    old.run("print('so that its code is compiled')")
    pid_file = Path(f"/tmp/{PRODUCTION}-master.pid")  # as its nginx/uwsgi.ini says
    pid_file.write_text("4194305\n")
    if os.geteuid() == 0:
        shutil.chown(pid_file, OWNER)
    return old.rows(), old.path.stat().st_mode


@pytest.fixture(scope="module")
def retired(fleet, worker, old, told, before, elsewhere):
    """By itself, when its time is over and people were told; its runners are killed at each long step."""
    fleet.ctl("series", "set", SERIES, "keep-old=1 s", "retire-notice=1 s")

    def queued():
        fleet.ctl("schedule", "show", SERIES)  # looks at what is due
        newest = fleet.json("job", "list")[0]
        return newest["kind"] == "retire" and newest["who"] == "calendar" and newest["id"]

    assert sites(fleet)[PRODUCTION]["kept_until"] > 0
    job = wait_for(queued, "it is due", 60)
    assert len(list(told.iterdir())) == 1 and sites(fleet)[PRODUCTION]["told_at"] > 0
    for label in ("dump", "backup", "purge"):
        assert fleet.until_running(job, label), explain(fleet.job(job))
        for pid in worker.runners():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return assert_done(fleet.finish(job))


def test_when_its_time_is_over_nothing_of_it_is_left(fleet, retired, old, elsewhere, directory, web, manager):
    root = old.root
    assert entries(root) == {PREVIEW, "prod"} and os.readlink(root / "prod") == PREVIEW
    assert os.listdir(directory / "log") == [PREVIEW]
    assert os.listdir(web.files) == [f"{SERIES}-prod.conf"]
    assert os.listdir(manager.files) == [f"{PREVIEW}-prod.conf"] and manager.known() == {f"{PREVIEW}-prod"}
    assert [argv for _, argv in processes() if any(f"{old.path}/" in word or word == str(old.path) for word in argv)] == []
    assert f"{old.path}/" not in Path("/proc/net/unix").read_text()
    assert not os.path.exists(f"/tmp/{PRODUCTION}-master.pid")
    if old.engine != "sqlite":
        assert Site(root, PREVIEW, old.engine).database.databases() == elsewhere
    assert sites(fleet)[PRODUCTION]["state"] == "purged"


def test_its_successor_has_not_noticed(retired, successor, web):
    answer = ask(web, PROD_HOST)
    assert (answer.status, answer.site, answer.role) == (200, PREVIEW, "prod")
    assert ask(web, PREVIEW_HOST).status == 400
    assert {"Ada", "Bob"} <= successor.persons()


def test_people_were_told_before_and_after(fleet, retired, told):
    kinds = [one["kind"] for one in fleet.json("announcement", "list") if one["about"] == "retirement"]
    assert kinds == ["retired", "retire-soon"]
    wait_for(lambda: len(list(told.iterdir())) == 2, "both are delivered", 60)
    history = fleet.ctl("log", SERIES).stdout
    assert "retirement announced" in history and "its last backup is" in history


def test_the_last_backup_restores(fleet, retired, old, before, directory, successor):
    """As its own words say; the database from the dump, as on any new server."""
    backup = Path(next(task for task in retired["tasks"] if task["label"] == "backup")["result"]["directory"])
    assert backup.is_relative_to(directory / "backups") and backup.stat().st_mode & 0o77 == 0
    lines = [line.strip() for line in (backup / "RESTORE").read_text().splitlines() if line.startswith("    ")]
    copies = [line for line in lines if line.startswith("cp ")]
    assert len(copies) == 2, lines  # the project directory and the log
    for line in copies:
        subprocess.run(["sh", "-ec", line], check=True)
    rows, mode = before
    assert old.path.stat().st_mode == mode
    if old.engine == "sqlite":
        assert old.rows() == rows  # it lies in the directory
        os.unlink(old.path / PRODUCTION)
    else:
        make_database(old, successor)
    done = subprocess.run([*as_owner(), "env/bin/python", "manage.py", "run", "snapshot2preview/restore.py", "--noinput"],
                          cwd=old.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert differences(rows, old.rows()) == {}
    assert {"Ada", "Bob", "Olga"} <= old.persons()


def make_database(site, other):
    """As its administrator does."""
    password = site.run("from django.conf import settings; print('IS', settings.DATABASES['default']['PASSWORD'])"
                        ).split("IS ")[1].split()[0]
    for statement in site.database.with_user(password):
        other.database.run(f"{statement};", other.database.MAINTENANCE)


def test_the_last_production_goes_once_nothing_leads_to_it(fleet, retired, successor, elsewhere, web, manager):
    root = successor.root
    shutil.rmtree(root / PRODUCTION, ignore_errors=True)  # of the test before
    job = fleet.do("series", "retire", SERIES, PREVIEW, "--yes")
    assert job["state"] == "failed" and job["failure"]["code"] == "in-use", explain(job)
    assert manager.programs() == {f"{PREVIEW}-prod"} and ask(web, PROD_HOST).status == 200
    (root / "prod").unlink()
    assert_done(fleet.do("job", "retry", str(job["id"])))
    assert entries(root) == set() and os.listdir(web.files) == [] and os.listdir(manager.files) == []
    if successor.engine != "sqlite":
        assert PREVIEW not in databases.open(successor.engine, root / PRODUCTION).databases()
    refused = fleet.ctl("schedule", "show", SERIES, check=False)
    assert refused.returncode == REFUSED and "retired" in refused.stderr
