"""What is MariaDB's own in a dump of a real site: the helper alone, as the worker runs it."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

import databases
from site_under_test import SOURCE, as_owner

HELPERS = SOURCE / "worker/python"


@pytest.fixture(scope="module")
def engine():
    return "mysql"


class Helper:
    """worker/python/NAME.py in a site, with its request."""

    def __init__(self, site, name, **request):
        modules = sorted((HELPERS / "shared").glob("*.py"))
        fds = [os.open(path, os.O_RDONLY) for path in (HELPERS / f"{name}.py", *modules)]
        shared = [f"{path.stem}={fd}" for path, fd in zip(modules, fds[1:])]
        self.process = subprocess.Popen(
            [*as_owner(), site.path / "env/bin/python", HELPERS / "main.py", name, str(fds[0]), *shared], cwd=site.path,
            pass_fds=fds, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for fd in fds:
            os.close(fd)
        self.process.stdin.write(json.dumps(request))
        self.process.stdin.close()
        self.process.stdin = None

    def result(self):
        out, errors = self.process.communicate(timeout=240)
        assert self.process.returncode == 0, errors
        return json.loads(next(line for line in out.splitlines() if line.startswith("RESULT "))[len("RESULT "):])


@pytest.fixture
def dump(production, tmp_path_factory):
    work = production.path / ".test-dump"

    def start(**request):
        subprocess.run(["rm", "-rf", work], check=True)
        subprocess.run([*as_owner(), "mkdir", work], check=True)
        return Helper(production, "dump", directory=str(work / "snapshot"), work=str(work), max_rows=0, volatile=[],
                      **request)

    yield start
    subprocess.run(["rm", "-rf", work], check=True)


@pytest.fixture
def legacy(production):
    """A table without snapshots."""
    production.sql("CREATE TABLE legacy (id INT) ENGINE=MyISAM")
    yield "legacy"
    production.sql("DROP TABLE legacy")


def sessions(user):
    """(number, state) of each session in the server."""
    return databases.Mysql(Path("information_schema")).execute(
        f"SELECT id, state FROM processlist WHERE user = '{user}'")


def end_sessions(database):
    """What a killed client left running there."""
    databases.Mysql(Path("information_schema")).execute(
        "delimiter //\nBEGIN NOT ATOMIC FOR one IN (SELECT id FROM processlist WHERE id <> connection_id() AND "
        f"db = '{database}') DO EXECUTE IMMEDIATE concat('KILL ', one.id); END FOR; END //\ndelimiter ")


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_tables_without_snapshots_are_named_and_nothing_is_dumped(production, dump, legacy):
    assert dump(stop_writers=False).result()["unsafe"] == [legacy]
    assert not (production.path / ".test-dump/snapshot").exists()


def test_writers_of_tables_without_snapshots_wait_for_the_dump(production, dump, legacy):
    helper = dump(stop_writers=True)
    wait_for((production.path / ".test-dump/snapshot").exists)  # by now it reads, and has its locks
    writer = threading.Thread(target=production.sql, args=[f"INSERT INTO {legacy} VALUES (1)"])
    writer.start()
    wait_for(lambda: any("Waiting for table" in row[1] for row in sessions("root")) or helper.process.poll() is not None)
    assert writer.is_alive()
    assert helper.result()["unsafe"] == [legacy]
    writer.join(10)
    assert production.sql(f"SELECT count(*) FROM {legacy}") == [("1",)]


def test_two_tables_that_are_always_changed_together_are_dumped_as_of_one_moment(production, dump):
    (person,), = production.sql("SELECT partner_ptr_id FROM contacts_person WHERE first_name = 'Ada'")
    writer = subprocess.Popen(production.database.argv(production.name), stdin=subprocess.PIPE, text=True)
    writer.stdin.write(
        "delimiter //\nSET @n = 0 //\nBEGIN NOT ATOMIC WHILE TRUE DO SET @n = @n + 1; START TRANSACTION;"
        f"UPDATE contacts_person SET last_name = concat('moment', @n) WHERE partner_ptr_id = {person};"
        f"UPDATE contacts_partner SET name = concat('moment', @n) WHERE id = {person}; COMMIT; DO SLEEP(0.002);"
        "END WHILE; END //\n")
    writer.stdin.close()
    try:
        seen = []
        for _ in range(2):
            assert dump(stop_writers=False).result()["objects"] > 0
            files = [production.path / f".test-dump/snapshot/contacts_{name}.py" for name in ("person", "partner")]
            one, other = [re.findall(r"moment(\d+)", file.read_text()) for file in files]
            assert one == other and len(one) == 1
            seen += one
        assert int(seen[0]) < int(seen[1])  # the writer went on
    finally:
        writer.kill()
        writer.wait()
        end_sessions(production.name)


def test_a_dump_that_waits_for_a_lock_ends_when_told_and_leaves_no_session(production, dump):
    holder = subprocess.Popen([*production.database.argv(production.name), "--unbuffered"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        holder.stdin.write("LOCK TABLES contacts_person WRITE; SELECT 'locked';\n")
        assert holder.stdout.readline() == "locked\n"
        helper = dump(stop_writers=False)
        wait_for(lambda: any("Waiting for table" in row[1] for row in sessions(production.name)))
        helper.process.terminate()
        assert helper.process.wait(timeout=4) != 0
        assert sessions(production.name) == []
    finally:
        holder.kill()
        holder.wait()


def test_what_a_killed_dump_left_in_the_server_ends_with_the_next(production, dump):
    """Its session waits for a lock, and would for a minute more."""
    locked = [*production.database.argv(production.name), "--unbuffered"]
    holder = subprocess.Popen(locked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    holder.stdin.write("LOCK TABLES contacts_person WRITE; SELECT 'locked';\n")
    assert holder.stdout.readline() == "locked\n"
    first = dump(stop_writers=False)
    wait_for(lambda: any("Waiting for table" in row[1] for row in sessions(production.name)))
    (session, _), = sessions(production.name)
    first.process.kill()
    first.process.wait()
    second = dump(stop_writers=False)
    wait_for(lambda: session not in [row[0] for row in sessions(production.name)])
    holder.kill()
    holder.wait()
    assert second.result()["objects"] > 0


@pytest.fixture
def forwarded(production):
    """A port that leads to the server, as through an SSH tunnel."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, target):
        while data := source.recv(65536):
            target.sendall(data)
        target.close()

    def forward():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", int(production.database.server.port)))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=forward, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.mark.parametrize("way", ["host", "socket", "forward", "options", "option file", "include"])
def test_the_server_is_the_same_by_whatever_way_a_site_comes(production, forwarded, way, tmp_path_factory):
    place, settings = production.database.server, production.path / "settings.py"
    before = settings.read_text()
    options = production.path / "client.cnf"
    change = {
        "host": f"HOST='127.0.0.1', PORT='{place.port}'",
        "socket": f"HOST='{place.socket}', PORT=''",
        "forward": f"HOST='127.0.0.1', PORT='{forwarded}'",
        "options": f"HOST='', PORT='', NAME='elsewhere', OPTIONS=dict(unix_socket='{place.socket}', db='{production.name}')",
        "option file": f"HOST='', PORT='', OPTIONS=dict(read_default_file='{options}')",
        "include": f"HOST='', PORT='', OPTIONS=dict(read_default_file='{options}.d')",
    }[way]
    options.write_text(f"[client]\nsocket={place.socket}\n")
    Path(f"{options}.d").write_text(f"!include {options}\n")
    try:
        settings.write_text(f"{before}\nDATABASES['default'].update({change})\n")
        server = Helper(production, "probe").result()["identity"]["database"]["server"]
        assert server.startswith("mysql:") and server.endswith(f"/data/:{production.name}")
    finally:
        settings.write_text(before)
        options.unlink()
        Path(f"{options}.d").unlink()
