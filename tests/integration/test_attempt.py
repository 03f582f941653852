"""Upgrade attempts on a real site: the preview steps in, and back unless it is accepted."""

import os

from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import assert_done


def links(root):
    return os.readlink(root / "prod"), os.readlink(root / "preview")


def open_attempt(fleet):
    assert_done(fleet.do("preview", "sync", SERIES))
    fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h")
    assert_done(fleet.do("attempt", "open", SERIES))


def shown(fleet):
    return fleet.json("attempt", "show", SERIES)


def watch_newest(fleet):
    fleet.ctl("job", "watch", str(fleet.json("job", "list")[0]["id"]))


def reported(fleet):
    """{(sign, first name)} of persons; nothing else has changed."""
    report = fleet.json("attempt", "report", SERIES)
    assert [table["table"] for table in report["tables"]] == ["contacts.Person"], report
    signs = {"added": "+", "changed": "*", "deleted": "-"}
    return {(signs[row["change"]], first_name(row.get("text", ""))) for row in report["rows"]}


def first_name(text):
    return next((name for name in ("Ada", "Dora") if name in text), text)


def test_canceled_the_former_production_is_back_without_what_came_in_meanwhile(fleet, preview, production):
    production.add_persons("Carl")
    frozen = production.manifest()
    open_attempt(fleet)
    assert links(production.root) == (PREVIEW, PRODUCTION)
    assert "Carl" in preview.persons()
    preview.add_persons("Dora")
    preview.run("from lino.api import rt; p = rt.models.contacts.Person.objects.get(first_name='Ada'); "
                "p.remarks = 'seen today'; p.save(); rt.models.contacts.Person.objects.get(first_name='Bob').delete()")
    assert reported(fleet) == {("+", "Dora"), ("*", "Ada"), ("-", "")}
    assert_done(fleet.do("attempt", "cancel", SERIES))
    assert shown(fleet)["state"] == "canceled"
    watch_newest(fleet)
    assert reported(fleet) == {("+", "Dora"), ("*", "Ada"), ("-", "")}
    assert links(production.root) == (PRODUCTION, PREVIEW)
    assert production.manifest() == frozen
    assert {"Carl"} <= production.persons() and "Dora" not in production.persons()


def test_meanwhile_nothing_else_changes_the_series(fleet, preview):
    open_attempt(fleet)
    for words in (["preview", "sync", SERIES], ["preview", "switch", SERIES], ["preview", "drop", SERIES, "--yes"]):
        refused = fleet.ctl(*words, check=False)
        assert refused.returncode == 4 and f"understudyctl attempt show {SERIES}" in refused.stderr
    assert_done(fleet.do("attempt", "cancel", SERIES))


def test_one_whose_last_synchronisation_failed_steps_in_only_with_a_reason(fleet, preview, production):
    assert_done(fleet.do("preview", "sync", SERIES))
    script = production.script.read_text()
    production.script.write_text(script + "\nraise Exception('as the test wants it')\n")
    assert fleet.do("preview", "sync", SERIES)["state"] == "failed"
    production.script.write_text(script)
    refused = fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h", check=False)
    assert refused.returncode == 4 and "--anyway WHY" in refused.stderr
    assert "the last synchronisation failed" in refused.stderr
    fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h", "--anyway", "the script is mended")
    outlook = shown(fleet)
    assert outlook["anyway"] == "the script is mended" and not outlook["fitness"]["fit"]
    assert outlook["forecast"]["median_seconds"] > 0
    assert "production away" in fleet.ctl("attempt", "show", SERIES).stdout
    fleet.ctl("attempt", "withdraw", SERIES)
    states = [rehearsal["state"] for rehearsal in fleet.json("series", "show", SERIES)["rehearsals"]]
    assert states[:2] == ["failed", "done"]


def test_one_that_fails_before_it_is_open_gives_production_back_unchanged(fleet, preview, production):
    assert_done(fleet.do("preview", "sync", SERIES))
    frozen, script = production.manifest(), production.script.read_text()
    production.script.write_text(script + "\nraise Exception('as the test wants it')\n")
    fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h")
    assert fleet.do("attempt", "open", SERIES)["state"] == "failed"
    production.script.write_text(script)
    assert shown(fleet)["state"] == "failed" and shown(fleet)["why"]
    assert links(production.root) == (PRODUCTION, PREVIEW)
    assert production.manifest() == frozen


def test_an_objection_of_a_voter_brings_the_former_production_back(fleet, preview, production):
    fleet.ctl("series", "set", SERIES, "outcome-rule=objection-cancels")
    assert_done(fleet.do("preview", "sync", SERIES))
    planned = fleet.json("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h", "--outcome-when-over", "accept",
                         "--voter", "joe", "--voter", "jane", "--item", "Totals are rounded")
    joe, jane = (one["link"].split()[-1] for one in planned["links"])
    early = fleet.ctl("attempt", "vote", SERIES, "works", "--token", joe, check=False)
    assert early.returncode == 4 and "once it is open" in early.stderr
    unsigned = fleet.ctl("attempt", "open", SERIES, check=False)
    assert unsigned.returncode == 4 and "1 item of the release notes is not signed off" in unsigned.stderr
    assert fleet.json("attempt", "sign", SERIES, "1", "--token", joe)["items_open"] == 0
    assert_done(fleet.do("attempt", "open", SERIES))
    fleet.ctl("attempt", "vote", SERIES, "works", "--token", joe)
    assert shown(fleet)["state"] == "open" and links(production.root) == (PREVIEW, PRODUCTION)
    noted = fleet.json("attempt", "vote", SERIES, "objects", "--token", jane, "--why", "no totals")
    assert_done(fleet.finish(noted["job"]))
    after = shown(fleet)
    assert (after["state"], after["why"]) == ("canceled", "jane objects: no totals")
    assert links(production.root) == (PRODUCTION, PREVIEW)
    late = fleet.ctl("attempt", "vote", SERIES, "works", "--token", jane, check=False)
    assert late.returncode == 4 and "the attempt is canceled" in late.stderr
    fleet.ctl("series", "set", SERIES, "outcome-rule=operator")


def test_accepted_what_came_in_meanwhile_remains(fleet, preview, production):
    before = production.served()["contacts.Persons"]
    open_attempt(fleet)
    preview.add_persons("Emil")
    fleet.ctl("attempt", "accept", SERIES)
    assert shown(fleet)["state"] == "accepted"
    assert links(production.root) == (PREVIEW, PRODUCTION)
    assert {"Carl", "Emil"} <= preview.persons()
    assert preview.served()["contacts.Persons"] == before + 1
    assert sorted(site["state"] for site in fleet.json("series", "show", SERIES)["sites"]) == ["old", "production"]
