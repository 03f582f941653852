"""The tests' own database servers (tests/servers), started by the first test that wants one; they end with the run. Each
process of pytest has its own: its sites have the names that another one's have."""

import os
import subprocess
from collections import namedtuple
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[1] / "servers"
PROGRAM = {"postgresql": "postgresql", "mysql": "mariadb"}  # by the engine's name in the site's settings

# socket: what HOST is (of PostgreSQL a directory); admin: what worker.conf says
Server = namedtuple("Server", "engine directory socket port admin")


def server(engine):
    given = os.environ.get("UNDERSTUDY_TEST_SERVERS") or f"/tmp/understudy-servers-{os.getpid()}"
    directory = Path(f"{given}-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}")
    until = os.environ.get("UNDERSTUDY_TEST_RUN") or str(os.getpid())
    subprocess.run([SERVERS, "start", directory, PROGRAM[engine], until], check=True, timeout=120)
    place = directory / PROGRAM[engine]
    port = (place / "port").read_text().strip()
    return Server(engine, place, str(place / "socket"), port, f"host={place / 'socket'} port={port}")
