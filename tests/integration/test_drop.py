"""Giving a preview up leaves nothing of it, touches nothing else, and never takes what is linked as production."""

import os

from conftest import PREVIEW, SERIES
from fleet import DONE, FAILED, REFUSED, assert_done
from site_under_test import differences, tree_manifest


def everything_else(root):
    return tree_manifest(root, leave_out=(PREVIEW, "preview"))


def test_what_is_linked_as_production_is_refused(fleet, adopted, synced):
    assert_done(fleet.do("preview", "switch", SERIES))
    before = synced.manifest(leave_out=())
    refused = fleet.ctl("preview", "drop", SERIES, "--yes", check=False)
    assert refused.returncode == REFUSED, refused.stdout + refused.stderr
    assert differences(before, synced.manifest(leave_out=())) == {}
    assert_done(fleet.do("preview", "switch", SERIES))


def test_a_prod_link_set_by_hand_is_respected_too(fleet, adopted, synced):
    """The worker looks at the link itself, whatever the controller believes."""
    link = adopted.root / "prod"
    link.unlink()
    link.symlink_to(PREVIEW)
    before = synced.manifest(leave_out=())
    try:
        assert fleet.ctl("preview", "drop", SERIES, "--yes", check=False).returncode in (FAILED, REFUSED)
        assert differences(before, synced.manifest(leave_out=())) == {}
    finally:
        link.unlink()
        link.symlink_to(adopted.name)


def test_drop_leaves_nothing_and_touches_nothing_else(fleet, adopted, synced, directory):
    outside = directory / "outside"
    outside.mkdir()
    (outside / "precious").write_text("not the preview's")
    (synced.path / "media/link").symlink_to(outside)
    logs = tree_manifest(directory / "log", leave_out=(PREVIEW,))
    before = everything_else(adopted.root)
    last = fleet.json("job", "list")[0]["id"]
    cancelable = fleet.ctl("preview", "drop", SERIES, "--yes")
    assert cancelable.returncode == DONE
    assert fleet.json("job", "list")[0]["id"] > last
    assert not os.path.lexists(synced.path)
    assert not os.path.lexists(adopted.root / "preview")
    assert not os.path.lexists(directory / "log" / PREVIEW)
    after = everything_else(adopted.root)
    assert differences(before, after) == {}
    assert differences(logs, tree_manifest(directory / "log")) == {}
    assert (outside / "precious").read_text() == "not the preview's"
    assert fleet.json("series", "show", SERIES)["preview"] is None


def test_without_a_preview_drop_is_refused_with_the_reason(fleet, adopted):
    refused = fleet.ctl("preview", "drop", SERIES, "--yes", check=False)
    assert refused.returncode == REFUSED
    assert "preview prepare" in refused.stderr


def test_the_same_name_may_be_prepared_again(fleet, adopted):
    assert_done(fleet.do("preview", "prepare", SERIES, PREVIEW))
    assert_done(fleet.do("preview", "drop", SERIES, "--yes"))
