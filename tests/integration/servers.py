"""The tests' own database servers (tests/servers), started by the first test that wants one; they end with its file.
Each process of pytest has its own, and each test file finds it empty: its sites have the names that another one's have."""

import os
import subprocess
from collections import namedtuple
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[1] / "servers"
PROGRAM = {"postgresql": "postgresql", "mysql": "mariadb"}  # by the engine's name in the site's settings

# socket: what HOST is (of PostgreSQL a directory); admin: what worker.conf says
Server = namedtuple("Server", "engine directory socket port admin")


def place_of_all():
    given = os.environ.get("UNDERSTUDY_TEST_SERVERS") or f"/tmp/understudy-servers-{os.getpid()}"
    return Path(f"{given}-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}")


def stop():
    if place_of_all().exists():
        subprocess.run([SERVERS, "stop", place_of_all()], check=True, timeout=120)


def server(engine):
    directory = place_of_all()
    until = os.environ.get("UNDERSTUDY_TEST_RUN") or str(os.getpid())
    subprocess.run([SERVERS, "start", directory, PROGRAM[engine], until], check=True, timeout=120)
    place = directory / PROGRAM[engine]
    port = (place / "port").read_text().strip()
    return Server(engine, place, str(place / "socket"), port, f"host={place / 'socket'} port={port}")
