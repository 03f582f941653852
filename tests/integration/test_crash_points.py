"""A runner that dies right before any one of its calls: the task is taken up again and reaches its end.

The calls are those that others can see the effect of; tests/faults/crash.c counts them.
"""

import os

import pytest

from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import assert_done
from site_under_test import differences

# Far more than any of these jobs takes; a sweep ends at the first count that is not reached.
MANY = 200


def links(root):
    return {name: os.readlink(root / name) for name in ("prod", "preview") if os.path.islink(root / name)}


@pytest.mark.parametrize("function", ["symlinkat", "renameat", "unlinkat", "fsync"])
def test_a_switch_sets_both_links_wherever_its_runner_dies(fleet, worker, adopted, preview, function):
    assert links(adopted.root) == {"prod": PRODUCTION, "preview": PREVIEW}
    for count in range(1, MANY):
        before = links(adopted.root)
        worker.crash_at("run-task", function, count)
        assert_done(fleet.do("preview", "switch", SERIES))
        crashed = worker.crashed()
        after = links(adopted.root)
        assert after["prod"] != before["prod"], f"{function} {count}"
        assert after.get("preview") != after["prod"]
        if not crashed:
            break
    if links(adopted.root)["prod"] != PRODUCTION:
        assert_done(fleet.do("preview", "switch", SERIES))
    assert count < MANY - 1
    assert sorted(name for name in os.listdir(adopted.root) if name.startswith(".")) == []


@pytest.mark.parametrize("function, counts", [("renameat", (1, 3)), ("renameat2", (1,)), ("unlinkat", (2,)), ("mkdirat", (1,))])
def test_a_sync_reaches_its_end_wherever_a_runner_dies(fleet, worker, adopted, synced, function, counts):
    for count in counts:
        adopted.add_persons(f"At {function} {count}")
        worker.crash_at("run-task", function, count)
        assert_done(fleet.do("preview", "sync", SERIES))
        worker.crashed()
        assert differences(adopted.rows(), synced.rows()) == {}
    assert differences(adopted.media(), synced.media()).keys() <= {b"volumes/inbox"}
