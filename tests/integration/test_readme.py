"""The README shows what works: its commands are run by the demo, and what it names is there."""

import re
import shlex
import subprocess

import pytest

from fleet import BIN
from site_under_test import SOURCE

README = (SOURCE / "README.md").read_text()


def shown_commands():
    """Lines of code blocks that call one of the programs, with `$ ` or without, continued lines joined."""
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", README, re.M | re.S)
    blocks = "\n".join(text for kind, text in fenced if kind in ("sh", "console")).replace("\\\n", " ")
    return re.findall(r"^ *(?:\$ |# )?((?:understudy\S*|deploy/\S+|tests/\S+)\b[^\n]*)", blocks, re.M)


def test_the_two_commands_are_there_and_can_be_run():
    assert {"deploy/demo", "tests/run"} <= {command.split()[0] for command in shown_commands()}
    for program in ("deploy/demo", "tests/run", "deploy/packages"):
        assert subprocess.run(["bash", "-n", SOURCE / program]).returncode == 0


@pytest.mark.parametrize("command", [c for c in shown_commands() if c.startswith("understudy")])
def test_a_shown_command_is_one_that_the_program_knows(command):
    """The program's own manual for its words must name every option that is shown."""
    words = shlex.split(command.split(" #")[0])
    path = []
    for word in words[1:]:
        if not re.fullmatch("[a-z][a-z-]*", word):
            break
        done = subprocess.run([BIN / words[0], *path, word, "--help"], capture_output=True, text=True)
        if done.returncode:
            break
        path.append(word)
        if "COMMANDS" not in done.stdout:
            break
    manual = subprocess.run([BIN / words[0], *path, "--help"], check=True, capture_output=True, text=True).stdout
    assert path, f"{command}: no such command"
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in manual, f"{command}: {word}"


def test_what_it_names_in_the_tree_is_there():
    for path in re.findall(r"`((?:proto|controller|worker|deploy|tests)/[\w./-]*)`", README):
        assert (SOURCE / path).exists(), path
