"""Every row of the step table has its file, its test, and its messages."""

import re

import pytest

from site_under_test import SOURCE

STEPS = re.findall(r"^\s*X\((\w+),", (SOURCE / "proto/steps.h").read_text(), re.M)


def test_the_table_is_found():
    assert {"echo", "restore", "purge"} <= set(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_its_file_and_its_test(step):
    assert f"step_{step}_ops" in (SOURCE / f"worker/steps/{step}.c").read_text()
    test = SOURCE / f"tests/unit/steps/test_{step}.c"
    assert test.exists(), f"{step}: {test.relative_to(SOURCE)} is missing"
    assert f"step_{step}_ops" in test.read_text() or f'"{step}"' in test.read_text()


def test_every_operation_of_the_protocol_has_its_row():
    protocol = (SOURCE / "proto/fleet.proto").read_text()
    named = {name for name in re.findall(r"^message (\w+)Arguments \{", protocol, re.M)}
    assert {name.lower() for name in named} == set(STEPS)
