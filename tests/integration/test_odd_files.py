"""Files in media that trip simple copiers: each is mirrored as it is, or reported by name; none is skipped silently."""

import os
import socket
import stat

import pytest

from conftest import SERIES
from fleet import assert_done
from site_under_test import OWNER, differences

LONG = b"n" * 251 + b".pdf"


def odd_files(media):
    """Makes them; gives the names of those that a mirror need not copy."""
    os.makedirs(media, exist_ok=True)
    top = os.fsencode(media)

    def write(name, data=b"content"):
        with open(os.path.join(top, name), "wb") as file:
            file.write(data)

    write(b"line\nbreak.pdf")
    write(b"invalid \xff\xfe utf-8.pdf")
    write(LONG)
    write(b" leading and trailing ")
    write(b"-rf")
    write(b"*?[$`'\"\\")
    write(b"empty", b"")
    os.symlink(b"nowhere/at/all", os.path.join(top, b"dangling"))
    os.symlink(b"../../..", os.path.join(top, b"upwards"))
    os.symlink(b"dangling", os.path.join(top, b"link to a link"))
    with open(os.path.join(top, b"sparse"), "wb") as file:
        file.truncate(1 << 30)
        file.seek(1 << 29)
        file.write(b"in the middle")
    write(b"hard 1")
    os.link(os.path.join(top, b"hard 1"), os.path.join(top, b"hard 2"))
    closed = os.path.join(top, b"read-only directory")
    os.mkdir(closed)
    write(b"read-only directory/inside")
    os.chmod(os.path.join(closed, b"inside"), 0o400)
    os.makedirs(os.path.join(top, *[b"deep" * 20] * 30))
    os.mkfifo(os.path.join(top, b"fifo"))
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.getcwd()
        os.chdir(top)  # the path of a socket may have 108 bytes at most
        listener.bind("socket")
        os.chdir(before)
    if os.geteuid() == 0:
        for directory, names, files in os.walk(top):
            for name in [b".", *names, *files]:
                os.chown(os.path.join(directory, name), *account(), follow_symlinks=False)
    os.chmod(closed, 0o555)
    return {"fifo", "socket"}


def account():
    import pwd
    entry = pwd.getpwnam(OWNER)
    return entry.pw_uid, entry.pw_gid


@pytest.fixture(scope="module")
def odd(adopted, synced):
    """Made once the preview is there: what the mirror does with them is what counts here."""
    return odd_files(adopted.path / "media/uploads/odd")


def special(job_task):
    return {os.path.basename(entry["path"]) for entry in job_task["result"]["special"]}


def test_all_is_mirrored_or_reported_by_name(fleet, adopted, synced, odd):
    job = assert_done(fleet.do("preview", "sync", SERIES))
    reported = special(fleet.task(job["id"], "mirror"))
    assert "socket" in reported and reported <= odd
    uncopied = {os.fsencode(f"uploads/odd/{name}") for name in reported}
    expected = {path: found for path, found in adopted.media().items() if path not in uncopied}
    found = synced.media()
    del expected[b"volumes/inbox"], found[b"volumes/inbox"]
    assert differences(expected, found) == {}


def test_a_sparse_file_stays_sparse_and_hard_links_have_one_content(fleet, synced, odd):
    directory = synced.path / "media/uploads/odd"
    status = os.stat(directory / "sparse")
    assert status.st_size == 1 << 30 and status.st_blocks * 512 < 1 << 20
    assert (directory / "hard 1").read_bytes() == (directory / "hard 2").read_bytes() == b"content"


def test_nothing_is_nested(fleet, synced, odd):
    assert not (synced.path / "media/media").exists()
    assert not (synced.path / "snapshot2preview/snapshot2preview").exists()


def test_what_is_deleted_or_changes_its_kind_in_production_does_so_in_the_preview(fleet, adopted, synced, odd):
    directory = adopted.path / "media/uploads/odd"
    (directory / "empty").unlink()
    (directory / "empty").mkdir()
    (directory / "empty/now a directory").write_text("yes")
    os.unlink(os.path.join(os.fsencode(directory), b"line\nbreak.pdf"))
    os.chmod(directory / "read-only directory", 0o755)
    (directory / "read-only directory/inside").unlink()
    (directory / "dangling").unlink()
    (directory / "dangling").write_text("a file now")
    same = directory / "-rf"
    before = os.stat(same)
    same.write_bytes(b"CONTENT")  # same size, same time: the nanoseconds of the change tell
    os.utime(same, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    (synced.path / "media/only in the preview").write_text("left by somebody")
    assert_done(fleet.do("preview", "sync", SERIES))
    expected, found = adopted.media(), synced.media()
    for name in (b"volumes/inbox", b"uploads/odd/socket"):
        expected.pop(name, None), found.pop(name, None)
    assert differences(expected, found) == {}


def test_what_cannot_be_copied_is_reported_by_the_clone_too(fleet, adopted, odd):
    assert_done(fleet.do("preview", "drop", SERIES, "--yes"))
    job = assert_done(fleet.do("preview", "prepare", SERIES, "bert"))
    assert "socket" in special(fleet.task(job["id"], "clone"))
    clone = adopted.root / "bert/media/uploads/odd"
    assert stat.S_ISDIR(os.stat(clone / "empty").st_mode)
    assert os.readlink(clone / "upwards") == "../../.."
