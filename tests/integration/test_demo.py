"""The demo ends well and cleans up, also when it is interrupted."""

import os
import signal
import subprocess

import pytest

from fleet import BUILD, PATIENCE, processes, scratch, wait_for
from site_under_test import SOURCE

DEMO = str(SOURCE / "deploy/demo")


@pytest.fixture
def place(directory):
    """Where the demo puts what it makes."""
    return scratch(directory / "demo")


def start(place, *options, **popen):
    environment = os.environ | {"TMPDIR": str(place), "UNDERSTUDY_BUILD": str(BUILD)}
    return subprocess.Popen([DEMO, *options], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **popen)


def nothing_left(place):
    return os.listdir(place) == [] and not [argv for _, argv in processes() if any(str(place) in word for word in argv)]


def test_an_interrupted_demo_leaves_nothing(place):
    demo = start(place, start_new_session=True)
    for line in demo.stdout:
        if "preview prepare alpha" in line and "--dry-run" not in line:
            break
    os.killpg(demo.pid, signal.SIGTERM)
    demo.stdout.read()
    assert demo.wait(timeout=PATIENCE) != 0
    wait_for(lambda: nothing_left(place), "everything has ended", patience=10)


def test_the_demo_ends_well_and_what_is_kept_can_be_stopped(place):
    demo = start(place, "--keep")
    told = demo.communicate(timeout=3 * PATIENCE)[0]
    assert demo.returncode == 0, told[-5000:]
    for word in ("create_tickets_ticket", "links switched", "What was done", "deploy/demo --stop"):
        assert word in told
    assert any("understudy-controller" in argv[0] and str(place) in " ".join(argv) for _, argv in processes() if argv)
    stopped = start(place, "--stop")
    stopped.communicate(timeout=PATIENCE)
    assert stopped.returncode == 0
    wait_for(lambda: nothing_left(place), "everything has ended", patience=10)
