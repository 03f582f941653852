"""Names and places that are refused: each refusal says the rule and a way out."""

import os

import pytest

from conftest import PRODUCTION, SERIES
from fleet import REFUSED, USAGE
from site_under_test import differences


def refused(fleet, *arguments):
    before = fleet.json("job", "list")
    done = fleet.ctl(*arguments, check=False)
    assert done.returncode in (REFUSED, 1), f"{arguments}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return " ".join((done.stderr + done.stdout).split()), len(fleet.json("job", "list")) - len(before)


@pytest.mark.parametrize("name", ["prod", "preview", "old", "new", "testing", "production"])
def test_names_of_roles_are_refused(fleet, adopted, name):
    words, jobs = refused(fleet, "preview", "prepare", SERIES, name)
    assert name in words and "neutral" in words
    assert jobs == 0
    assert not os.path.lexists(adopted.root / name) or name in ("prod", "preview")


@pytest.mark.parametrize("name", ["2go", "with-dash", "Anna", "class", "a.b", "été", "a" * 33, "..", "a/b", "anna "])
def test_names_that_are_no_python_identifiers_are_refused(fleet, adopted, name):
    words, jobs = refused(fleet, "preview", "prepare", SERIES, name)
    assert "Python" in words or "characters" in words, words
    assert "neutral name" in words
    assert jobs == 0


def test_an_existing_directory_is_refused_and_stays(fleet, adopted):
    taken = adopted.root / "taken"
    taken.mkdir()
    (taken / "file").write_text("somebody's")
    words, _ = refused(fleet, "preview", "prepare", SERIES, "taken")
    assert str(taken) in words
    assert (taken / "file").read_text() == "somebody's"
    assert os.listdir(taken) == ["file"]


def test_the_production_site_itself_is_refused_as_a_preview(fleet, adopted):
    before = adopted.manifest(leave_out=())
    refused(fleet, "preview", "prepare", SERIES, PRODUCTION)
    assert differences(before, adopted.manifest(leave_out=())) == {}


def test_a_root_outside_the_workers_is_refused_with_the_line_to_add(fleet, worker, adopted, directory):
    other = directory / "elsewhere"
    other.mkdir()
    words, _ = refused(fleet, "series", "add", "gamma", "--host", worker.name, "--root", str(other), "--production", PRODUCTION)
    assert "worker.conf" in words or "--root" in words, words


@pytest.mark.parametrize("path", ["relative", "/", "/a/../b", "/a//b"])
def test_a_root_that_is_no_normal_path_is_refused(fleet, worker, path):
    refused(fleet, "series", "add", "gamma", "--host", worker.name, "--root", path, "--production", PRODUCTION)


def test_a_project_directory_that_is_a_link_out_of_the_root_is_refused(fleet, worker, adopted, directory):
    outside = directory / "outside"
    outside.mkdir()
    (outside / "settings.py").write_text("")
    (adopted.root / "escape").symlink_to(outside)
    words, _ = refused(fleet, "series", "add", "gamma", "--host", worker.name, "--root", str(adopted.root), "--production", "escape")
    assert "link" in words or "directory" in words, words
    assert os.listdir(outside) == ["settings.py"]


def test_a_series_that_is_known_already_is_refused(fleet, worker, adopted):
    words, _ = refused(fleet, "series", "add", SERIES, "--host", worker.name, "--root", str(adopted.root), "--production", PRODUCTION)
    assert SERIES in words


def test_an_unknown_series_host_or_job_is_refused_by_name(fleet, adopted):
    for arguments in (["series", "show", "nobody"], ["host", "show", "nobody"], ["job", "show", "4711"],
                      ["preview", "sync", "nobody"], ["preview", "switch", "nobody"]):
        words, _ = refused(fleet, *arguments)
        assert arguments[-1] in words


def test_an_unknown_option_is_a_usage_error(fleet):
    assert fleet.ctl("preview", "sync", SERIES, "--quickly", check=False).returncode == USAGE
