"""Delta restores against full restores of the same dump, row by row; what they refuse; what a failure leaves.

$UNDERSTUDY_DELTA_SWEEP runs the long form: every engine, an upgrade and the same version, chains of ten deltas with 200
edits each, compared after the fifth and the tenth ("sqlite", "postgresql", "mysql": that engine alone).
"""

import json
import os
import subprocess

import pytest

from delta_sites import Sites, seed_of
from site_code import SiteCode

SWEEP = os.environ.get("UNDERSTUDY_DELTA_SWEEP", "")
SMALL = "std minimal_ledger demo"
WHOLE = "std minimal_ledger demo demo2"
ENGINES = [SWEEP] if SWEEP in ("sqlite", "postgresql", "mysql") else ["sqlite", "postgresql", "mysql"]


@pytest.fixture(scope="module")
def sqlite(directory):
    """A new Lino's preview of an old one's production."""
    sites = Sites(directory / "sqlite", "sqlite", upgrade=True, fixtures=SMALL)
    yield sites


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def on_server(request, directory):
    sites = Sites(directory / request.param, request.param, upgrade=True, fixtures=SMALL, quick=True)
    yield sites
    sites.forget()


def apply_edits(sites, seed, edits, preview_edits):
    """One link of a chain. Gives what the delta answers."""
    sites.dump(seed, edits)
    if preview_edits:
        sites.edit(sites.preview, seed + 1000, preview_edits)
    answer = sites.delta()
    assert "refused" not in answer, answer
    return answer


def assert_same_rows(sites):
    compared = sites.compare(sites.full_restore("bertfull"))
    assert compared["count"] == 0, json.dumps(compared["differences"], indent=1)
    assert compared["rows"] > 300 and "memo_mention.id" in compared["nature"]


@pytest.mark.skipif(bool(SWEEP), reason="the sweep does more")
def test_who_works_on_the_site_meanwhile_sees_the_old_list_or_the_new_and_no_error(sqlite):
    sqlite.dump(8, 2, operations=["add"], tables=["topics_topic"])
    until = sqlite.place / "enough"
    visitor = SiteCode(sqlite.preview, "visitor", {"until": str(until)})
    assert visitor.process.stdout.readline().startswith("PROGRESS")  # it is logged in
    answer = sqlite.delta()
    until.touch()
    seen = visitor.answer()
    assert answer["added"] == 2, answer
    assert seen["errors"] == [] and seen["statuses"] == [200] and seen["writes"] > 0, seen
    assert 1 <= len(seen["seen"]) <= 2, seen
    sqlite.verified()


@pytest.mark.skipif(bool(SWEEP), reason="the sweep does more")
def test_a_chain_of_deltas_with_edits_of_every_table_ends_where_a_full_restore_does(sqlite, request):
    seed = seed_of(request)
    for link in range(3):
        answer = apply_edits(sqlite, seed + link, edits=70, preview_edits=20 if link == 1 else 0)
        assert answer["changed"] and answer["deleted"] and answer["added"], answer
        assert (answer["repaired"] > 0) == (link == 1), answer
        sqlite.verified()
    sqlite.old.rename(sqlite.new)
    assert_same_rows(sqlite)
    sqlite.verified()


@pytest.mark.skipif(bool(SWEEP), reason="the sweep does more")
def test_a_delta_on_a_server_ends_where_a_full_restore_does(on_server, request):
    answer = apply_edits(on_server, seed_of(request), edits=60, preview_edits=15)
    assert answer["changed"] and answer["repaired"], answer
    assert_same_rows(on_server)
    on_server.verified()


@pytest.mark.skipif(bool(SWEEP), reason="the sweep does more")
def test_tables_without_transactions_refuse(on_server):
    if on_server.engine != "mysql":
        pytest.skip("all its tables have transactions")
    on_server.dump(9, 0)
    on_server.execute("ALTER TABLE django_session ENGINE=MyISAM", "bert")
    assert "1 tables know no transactions, such as django_session" in on_server.delta()["refused"][0]


@pytest.mark.skipif(not SWEEP, reason="UNDERSTUDY_DELTA_SWEEP is not set")
@pytest.mark.parametrize("upgrade", [True, False], ids=["upgrade", "same-version"])
@pytest.mark.parametrize("kind", ENGINES)
def test_chains_of_ten(directory, kind, upgrade, request):
    seed = seed_of(request)
    sites = Sites(directory / f"{kind}-{upgrade}", kind, upgrade, WHOLE)
    for link in range(10):
        answer = apply_edits(sites, seed + link, edits=200, preview_edits=20 if link % 3 == 2 else 0)
        print(kind, upgrade, link, {name: value for name, value in answer.items() if "table" not in name}, flush=True)
        if link % 5 == 4:
            assert_same_rows(sites)
        sites.verified()
    sites.forget()


# ---------------------------------------------------------------- what happens meanwhile


@pytest.fixture(scope="module")
def changed(sqlite):
    """A dump in which a ticket and a topic are other than in the preview."""
    sqlite.dump(7, 1, operations=["change"], tables=["tickets_ticket", "topics_topic"])
    return sqlite


def hold(sites):
    """Stops the next delta where it saves a ticket, in the middle of its transaction."""
    os.mkfifo(sites.place / "hold")
    started = sites.start_delta()
    return started, open(sites.place / "hold", "w")  # waits for it


def test_a_delta_that_is_killed_in_the_middle_leaves_all_rows_as_they_were(changed):
    before = changed.rows()
    started, stream = hold(changed)
    started.kill()
    stream.close()
    (changed.place / "hold").unlink()
    assert changed.rows() == before


def test_a_delta_that_fails_in_the_middle_leaves_all_rows_as_they_were(changed):
    before = changed.rows()
    (changed.place / "fail").touch()
    answer = changed.delta()
    (changed.place / "fail").unlink()
    assert "as the test wants it" in answer["refused"][0]
    assert changed.rows() == before and len(list(changed.hashes.iterdir())) == 1


def test_who_reads_meanwhile_sees_the_old_rows_and_then_the_new(changed):
    def tickets():
        query = "SELECT * FROM tickets_ticket ORDER BY id"
        return subprocess.run(["sqlite3", changed.preview / "bert", query], capture_output=True, check=True).stdout

    before = tickets()
    started, stream = hold(changed)
    assert tickets() == before
    (changed.place / "hold").unlink()  # first: the next ticket would wait there again
    stream.close()
    assert "refused" not in started.answer()
    assert tickets() != before
    changed.verified()
