"""Lino Noi 24.11 ends a partial restore with exit status 0: the job must fail all the same."""

import pytest

from conftest import PRODUCTION, SERIES
from fleet import explain
from site_under_test import Site


@pytest.fixture(scope="module")
def production(root):
    site = Site.make(root, PRODUCTION, version="ancient")
    (root / "prod").symlink_to(PRODUCTION)
    return site


def test_a_partial_restore_that_exits_0_fails_the_job(fleet, adopted, synced):
    before = synced.rows()
    adopted.sql("INSERT INTO contacts_role (id, company_id, person_id, type_id) VALUES (77, 12345, 54321, 1)")
    job = fleet.do("preview", "sync", SERIES)
    assert job["state"] == "failed"
    assert "Role" in str(job["failure"]) and "77" in str(job["failure"]), explain(job)
    assert synced.rows() == before
