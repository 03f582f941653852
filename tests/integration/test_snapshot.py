"""What a dump reads: one moment of a database that somebody writes to, for whom it is no burden."""

import shutil
import time

import pytest

from busy_database import Busy, check_copy, connect, snapshot

MODES = ["delete", "truncate", "persist", "wal"]


@pytest.mark.parametrize("mode", MODES)
def test_each_copy_is_of_one_moment_while_a_writer_moves_amounts(tmp_path, mode):
    with Busy(tmp_path / "production", mode, megabytes=8, pause=0) as busy:
        for _ in range(6):
            before = busy.writes()
            moves = check_copy(snapshot(tmp_path / "production", tmp_path))
            assert moves >= before - before // 7 - 1  # not of an earlier moment than when it was asked for
    check_copy(tmp_path / "production")


@pytest.mark.parametrize("mode", MODES)
def test_a_writer_goes_on_while_a_copy_takes_its_time(tmp_path, mode):
    """Whoever hears of the progress takes 20 ms for each word: the copy takes more than a second."""
    with Busy(tmp_path / "production", mode, megabytes=40, pause=0.01) as busy:
        busy.longest_wait()
        started, before = time.monotonic(), busy.writes()
        copy = snapshot(tmp_path / "production", tmp_path, lambda *unused: time.sleep(0.02))
        took, written = time.monotonic() - started, busy.writes() - before
        longest = busy.longest_wait()
    check_copy(copy)
    assert written >= 10
    assert longest < took / 2


@pytest.mark.parametrize("mode", MODES)
def test_a_database_that_nobody_has_open_stays_as_it_is(tmp_path, mode):
    production, work = tmp_path / "production", tmp_path / "work"
    work.mkdir()
    with Busy(production, mode, megabytes=1, pause=0) as busy:
        busy.longest_wait()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    check_copy(snapshot(production, work))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_database_as_a_crash_has_left_it_is_refused_and_stays_as_it_is(tmp_path):
    """Whoever opens it for writing rolls the journal back; a dump opens nothing of production's for writing."""
    with Busy(tmp_path / "production", "delete", megabytes=1, pause=0):
        pass
    connection = connect(tmp_path / "production")
    connection.execute("BEGIN")
    connection.execute("UPDATE ballast SET stamp = -1, bytes = randomblob(4000)")
    crashed, work = tmp_path / "crashed", tmp_path / "work"
    crashed.mkdir()
    work.mkdir()
    for name in ("production", "production-journal"):
        shutil.copy(tmp_path / name, crashed)
    connection.execute("ROLLBACK")
    connection.close()
    before = {path.name: path.read_bytes() for path in crashed.iterdir()}
    with pytest.raises(SystemExit, match="crashed/production is as a crash has left it"):
        snapshot(crashed / "production", work)
    assert {path.name: path.read_bytes() for path in crashed.iterdir()} == before
    connect(crashed / "production").execute("SELECT count(*) FROM ballast").fetchone()
    check_copy(snapshot(crashed / "production", work))
