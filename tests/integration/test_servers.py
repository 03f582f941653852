"""A small site on each database server: its preview's own user, the interlock, snapshots, kills, locks, and its end."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading

import pytest

import databases
from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import assert_done, explain, processes, wait_for
from servers import server
from site_under_test import Site, differences

SUM = 1000


@pytest.fixture(scope="module", params=[engine for engine in databases.ENGINES if engine != "sqlite"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def elsewhere(adopted):
    """What the server has beside the preview's databases and user."""
    return adopted.database.databases()


@pytest.fixture(scope="module")
def refused(fleet, adopted, elsewhere, unprepared):
    """A preparation that finds its name taken by a database of somebody else."""
    foreign = databases.open(adopted.engine, adopted.root / PREVIEW)
    foreign.run(foreign.create_statement, foreign.MAINTENANCE)
    return fleet.do("preview", "prepare", SERIES, PREVIEW)


@pytest.fixture(scope="module")
def preview(fleet, adopted, refused):
    foreign = databases.open(adopted.engine, adopted.root / PREVIEW)
    foreign.run(foreign.drop_statement, foreign.MAINTENANCE)
    assert_done(fleet.do("job", "retry", str(refused["id"])))
    return Site(adopted.root, PREVIEW, adopted.engine)


def owner(site):
    status = os.stat(site.path / "settings.py")
    return status.st_uid, status.st_gid


def password(site):
    return site.run("from django.conf import settings; print('IS', settings.DATABASES['default']['PASSWORD'])"
                    ).split("IS ")[1].split()[0]


@pytest.fixture(scope="module")
def unprepared(fleet, adopted, elsewhere, ways):
    """A preparation while production's settings name its database by a file that its clone reads, too; and whether
    production's rows are as they were. Nothing is left of it."""
    settings = adopted.path / "settings.py"
    text, before = settings.read_text(), adopted.database.dump()
    try:
        settings.write_text(text + TRICKS["a service or option file"].format(**ways) + "\n")
        job = fleet.do("preview", "prepare", SERIES, PREVIEW)
    finally:
        settings.write_text(text)
    unchanged = adopted.database.dump() == before
    assert fleet.do("job", "cancel", str(job["id"]))["state"] == "canceled"
    return job, unchanged


def test_a_clone_whose_settings_name_production_by_a_file_is_refused(unprepared, adopted):
    job, unchanged = unprepared
    assert job["state"] == "failed" and job["failure"]["code"] == "interlock", explain(job)
    assert adopted.name in str(job["failure"]) and job["failure"]["next"]
    assert unchanged


def test_a_name_that_is_taken_is_refused(refused):
    assert refused["state"] == "failed"
    assert refused["failure"]["code"] == "name-taken", explain(refused)
    assert refused["failure"]["next"]


def test_the_preview_has_a_user_and_a_password_of_its_own(fleet, worker, adopted, preview):
    """And neither password stands anywhere but in the sites' own files."""
    own, productions = password(preview), password(adopted)
    assert own and own != productions
    jobs = "".join(fleet.ctl("job", "show", str(job["id"]), "--json").stdout for job in fleet.json("job", "list"))
    places = [jobs, worker.log.read_text(), fleet.controller.log.read_text(), preview.database.server_log()]
    places += [path.read_text(errors="replace") for path in worker.directory.rglob("*") if path.is_file()]
    for place in places:
        assert own not in place and productions not in place
    assert (preview.path / "understudy_managed.json").stat().st_mode & 0o777 == 0o640


def test_after_a_sync_rows_are_equal(adopted, synced):
    assert differences(adopted.rows(), synced.rows()) == {}
    assert {"Ada", "Bob"} <= synced.persons()


# ---- one state of production


def transfers(count):
    for _ in range(count):
        amount = random.randrange(SUM)
        yield (f"BEGIN; UPDATE contacts_partner SET remarks = '{amount}' WHERE name = 'Purse'; "
               f"UPDATE users_user SET remarks = '{SUM - amount}' WHERE username = 'robin'; COMMIT;\n")


@contextlib.contextmanager
def transferring(site):
    """Amounts move between two tables all the time."""
    process = subprocess.Popen(site.database.argv(site.name), stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def feed():
        with contextlib.suppress(OSError):
            process.stdin.writelines(transfers(1_000_000))

    threading.Thread(target=feed, daemon=True).start()
    yield process
    process.kill()
    process.wait()


def amounts(site):
    return [int(site.sql(f"SELECT remarks FROM {table} WHERE {column} = '{value}'")[0][0])
            for table, column, value in (("contacts_partner", "name", "Purse"), ("users_user", "username", "robin"))]


def test_a_sync_never_sees_half_a_transfer(fleet, adopted, synced):
    adopted.add_persons("Purse")
    adopted.sql(f"UPDATE contacts_partner SET remarks = '{SUM}' WHERE name = 'Purse'")
    adopted.sql("UPDATE users_user SET remarks = '0' WHERE username = 'robin'")
    with transferring(adopted) as writer:
        for _ in range(2):
            assert_done(fleet.do("preview", "sync", SERIES))
            assert sum(amounts(synced)) == SUM
        assert writer.poll() is None
    assert sum(amounts(adopted)) == SUM


# ---- kills and locks


def test_killed_at_any_step_the_preview_has_old_or_new_rows(fleet, worker, adopted, synced, elsewhere):
    """From before the restore until the previous database is given up."""
    before = synced.persons()
    adopted.add_persons("Killed")
    whole = {frozenset(before), frozenset(before | {"Killed"})}
    job = fleet.start_job("preview", "sync", SERIES, "--full")
    for step in ("restore", "ledger", "swap", "verify", "settle"):
        assert fleet.until_running(job, step), explain(fleet.job(job))
        for pid in worker.runners():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert frozenset(synced.persons()) in whole
    assert_done(fleet.finish(job))
    assert "Killed" in synced.persons()
    assert synced.database.databases() - elsewhere == {PREVIEW}


def test_a_restore_that_waits_in_a_lock_is_ended_whole(fleet, adopted, synced, elsewhere):
    rows = synced.rows()
    staging = databases.open(synced.engine, synced.path / (PREVIEW + synced.database.staging))
    lock = "\n".join(staging.lock_statements(rows)) + "\n"
    job = fleet.start_job("preview", "sync", SERIES, "--full")
    assert fleet.until_running(job, "restore", progress=True)
    with subprocess.Popen([*staging.argv(staging.name)], stdin=subprocess.PIPE, text=True) as locker:
        locker.stdin.write(lock)
        locker.stdin.flush()
        wait_for(staging.somebody_waits, "the restore waits for a lock", patience=60)
        fleet.ctl("job", "cancel", str(job), check=False)
        assert fleet.finish(job)["state"] == "canceled"
        locker.kill()
    assert synced.database.databases() - elsewhere == {PREVIEW}
    assert not [argv for _, argv in processes() if f"{synced.path}/env/bin/python" in argv]
    assert synced.rows() == rows


# ---- the end: one job, that is refused and tried again


@pytest.fixture(scope="module")
def drop(fleet, synced):
    """Tries to drop the preview; what the job became."""
    job = None

    def attempt():
        nonlocal job
        job = fleet.do("job", "retry", str(job["id"])) if job else fleet.do("preview", "drop", SERIES, "--yes")
        return job

    return attempt


@contextlib.contextmanager
def forwarded(path, target):
    """What comes in at one socket goes on to another."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    os.chmod(path, 0o777)
    listener.listen()

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(target)
                threading.Thread(target=pump, args=(near, far), daemon=True).start()
                threading.Thread(target=pump, args=(far, near), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield
    listener.close()


PRODUCTIONS = "dict(DATABASES['default'], NAME='an' 'na', USER='an' 'na', PASSWORD={password!r}, HOST={host!r})"
TRICKS = {
    "the same host": "DATABASES['default'] = " + PRODUCTIONS,
    "another name of the host": "DATABASES['default'] = " + PRODUCTIONS.replace("{host!r}", "{link!r}"),
    "a port forward": "DATABASES['default'] = " + PRODUCTIONS.replace("{host!r}", "{forward!r}"),
    "an include": "exec(open({include!r}).read())",
    "an environment variable": "import os; os.environ['WHICH'] = {host!r}; DATABASES['default'] = " +
                               PRODUCTIONS.replace("{host!r}", "os.environ['WHICH']"),
    "a second alias": "DATABASES['archive'] = " + PRODUCTIONS,
    "a service or option file": "DATABASES['default'] = {by_file}",
    "such a file and a second alias": "DATABASES['archive'] = {by_file}",
}


@pytest.fixture(scope="module")
def ways(adopted, directory):
    """Other ways to production's database."""
    place = adopted.database.server
    (directory / "ways").mkdir(mode=0o755)
    words = {"password": password(adopted), "host": place.socket, "link": str(directory / "ways/link"),
             "include": str(directory / "ways/include.py"),
             "forward": str(adopted.database.forward_host(directory / "ways"))}
    words["by_file"] = adopted.database.by_file(directory / "ways", words["password"])
    for file in (directory / "ways").iterdir():
        shutil.chown(file, *owner(adopted))
    os.symlink(place.socket, words["link"])
    (directory / "ways/include.py").write_text(TRICKS["the same host"].format(**words))
    with forwarded(*adopted.database.forward_paths(directory / "ways")):
        yield words


@pytest.mark.parametrize("trick", TRICKS)
def test_a_preview_that_names_productions_database_is_not_dropped(adopted, synced, drop, ways, trick):
    settings = synced.path / "settings.py"
    text, before = settings.read_text(), adopted.database.dump()
    try:
        settings.write_text(text + TRICKS[trick].format(**ways) + "\n")
        job = drop()
        assert job["state"] == "failed" and job["failure"]["code"] == "interlock", explain(job)
        assert job["failure"]["next"]
        assert adopted.database.dump() == before
    finally:
        settings.write_text(text)


def test_a_server_that_is_down_is_told(fleet, worker, adopted, synced, drop):
    configuration = worker.directory / "worker.conf"
    text, rows = configuration.read_text(), synced.rows()
    try:
        configuration.write_text(text.replace(server(adopted.engine).admin, "host=/nonexistent"))
        worker.stop()
        worker.start()
        fleet.wait_connected(worker.name)
        job = drop()
        assert job["state"] == "failed" and job["failure"]["code"] == "server-down", explain(job)
        assert synced.rows() == rows
    finally:
        configuration.write_text(text)
        worker.stop()
        worker.start()
        fleet.wait_connected(worker.name)


def test_drop_leaves_neither_database_nor_user(adopted, synced, drop, elsewhere):
    before = adopted.database.dump()
    assert_done(drop())
    assert not os.path.lexists(synced.path)
    assert adopted.database.databases() == elsewhere
    assert PRODUCTION in elsewhere
    assert adopted.database.dump() == before
