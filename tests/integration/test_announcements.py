"""What people are told who do not watch: over a real mail server and a real web server, and to a program."""

import email
import hashlib
import hmac
import json
import shlex
import re
from email import policy

import pytest

from conftest import SERIES
from fleet import REFUSED, Daemon, assert_done, wait_for

SECRET = "one two 'three'"


@pytest.fixture(scope="module")
def received(fleet, directory):
    path = directory / "received"
    path.mkdir()
    program = Daemon(fleet.place.argv(["/usr/bin/python3", __file__.replace("test_announcements", "receivers"), str(path)]),
                     directory / "receivers.log")
    program.start()
    wait_for((path / "ports").exists, "the receivers listen", 60)
    yield path
    program.kill()


@pytest.fixture(scope="module")
def announcing(fleet, received, directory):
    """The fleet, with announcements on every channel."""
    ports = json.loads((received / "ports").read_text())
    (directory / "secret").write_text(SECRET + "\n")
    command = directory / "command"
    command.write_text(f"#!/bin/sh\ncat >{directory}/.told && mv {directory}/.told {directory}/told\n")
    command.chmod(0o755)
    settings = {"mail_to = ": "jane@example.com\nmail_to = joe@example.com", "mail_from = ": "understudy@example.com",
                "smtp = ": f"smtp://127.0.0.1:{ports['smtp']}", "webhook = ": f"http://127.0.0.1:{ports['http']}/hook",
                "webhook_secret_file = ": f"{directory}/secret", "command = ": f"{command}", "retry = ": "1 s",
                "host_away = ": "1 s"}
    fleet.configure("announce", "".join(f"{name}{value}\n" for name, value in settings.items()))
    return fleet


def hooks(received):
    return [json.loads(path.read_text()) for path in sorted(received.glob("hook-*"))]


def mails(received):
    return [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(received.glob("mail-*"))]


def letters(received):
    """Mails to a voter."""
    return [mail for mail in mails(received) if mail["X-To"] == "ann@example.com"]


def clear(received, directory):
    for path in [*received.glob("hook-*"), *received.glob("mail-*"), directory / "told"]:
        path.unlink(missing_ok=True)


def quiet(fleet, received, directory):
    """All that was announced before has arrived, and is forgotten."""
    wait_for(lambda: all(one["state"] != "pending" for announced in fleet.json("announcement", "list")
                         for one in announced["deliveries"]), "all is delivered", 60)
    clear(received, directory)


def states(fleet, number):
    announcement = next(one for one in fleet.json("announcement", "list") if one["id"] == number)
    return {one["channel"]: one["state"] for one in announcement["deliveries"]}


def test_without_a_channel_a_test_is_refused_and_says_what_to_configure(fleet):
    done = fleet.ctl("announcement", "test", check=False)
    assert done.returncode == REFUSED and "controller.conf" in done.stderr


def test_a_test_reaches_every_channel(announcing, received, directory):
    number = announcing.json("announcement", "test")["id"]
    wait_for(lambda: set(states(announcing, number).values()) == {"delivered"}, "all are delivered", 60)
    mail, = mails(received)
    assert mail["X-To"] == "jane@example.com joe@example.com" and mail["Subject"] == "A test announcement"
    assert "announcements reach you" in mail.get_body().get_content()
    hook, = hooks(received)
    assert hook["headers"]["X-Understudy-Signature"] == "sha256=" + hmac.new(
        SECRET.encode(), hook["body"].encode(), hashlib.sha256).hexdigest()
    assert hook["headers"]["X-Understudy-Id"] in mail["Message-ID"]
    assert json.loads((directory / "told").read_text()) == json.loads(hook["body"])


def test_a_webhook_that_fails_is_tried_again_with_the_same_id_and_delays_no_mail(announcing, received, directory):
    clear(received, directory)
    (received / "answer").write_text("500")
    number = announcing.json("announcement", "test")["id"]
    wait_for(lambda: len(hooks(received)) >= 2, "it is tried again", 60)
    assert states(announcing, number)["mail"] == "delivered"
    (received / "answer").write_text("204")
    wait_for(lambda: states(announcing, number)["webhook"] == "delivered", "it is delivered at last", 60)
    assert len({hook["headers"]["X-Understudy-Id"] for hook in hooks(received)}) == 1


def test_a_redirect_is_not_followed(announcing, received, directory):
    clear(received, directory)
    (received / "answer").write_text("302")
    number = announcing.json("announcement", "test")["id"]
    wait_for(lambda: hooks(received), "it is tried", 60)
    (received / "answer").write_text("200")
    wait_for(lambda: states(announcing, number)["webhook"] == "delivered", "it is delivered at last", 60)
    assert {hook["path"] for hook in hooks(received)} == {"/hook"}


def test_killed_while_a_server_stalls_it_is_delivered_after_the_restart(announcing, received, directory):
    clear(received, directory)
    (received / "answer").write_text("stall")
    number = announcing.json("announcement", "test")["id"]
    wait_for(lambda: hooks(received), "the server has it, and says nothing", 60)
    announcing.controller.kill()
    (received / "answer").write_text("200")
    announcing.start_controller()
    wait_for(lambda: states(announcing, number)["webhook"] == "delivered", "it is delivered", 60)


def test_an_absent_host_is_told_of_once_and_so_is_its_return(announcing, worker, received, directory):
    clear(received, directory)
    announcing.ctl("host", "show", worker.name)
    worker.kill()
    wait_for(lambda: "Host one is away" in [mail["Subject"] for mail in mails(received)], "its absence is told", 60)
    worker.start()
    wait_for(lambda: "Host one is back" in [mail["Subject"] for mail in mails(received)], "its return is told", 60)
    assert [mail["Subject"] for mail in mails(received)] == ["Host one is away", "Host one is back"]


def test_a_voter_is_mailed_a_link_alone_which_lets_vote_once_it_is_open(announcing, preview, received, directory):
    assert_done(announcing.do("preview", "sync", SERIES))
    clear(received, directory)
    announcing.ctl("attempt", "plan", SERIES, "--at", "2099-12-04T18:00", "--lapse", "1 h", "--voter", "ann@example.com")
    announcing.ctl("attempt", "announce", SERIES)
    wait_for(lambda: letters(received), "the invitation is mailed", 60)
    assert_done(announcing.do("attempt", "open", SERIES))
    wait_for(lambda: len(letters(received)) == 2, "the question is mailed", 60)
    invited, asked = letters(received)
    assert (invited["To"], asked["To"]) == ("ann@example.com", "ann@example.com")
    assert "asked for" in invited["Subject"] and asked["Subject"] == f"Does the upgraded {SERIES} work?"
    text = asked.get_body().get_content()
    word, = (line for line in text.splitlines() if " works --token " in line)
    token = word.split()[-1]
    assert token in invited.get_body().get_content()
    announcing.run(*shlex.split(word)[:1], "--dir", announcing.controller_directory, *shlex.split(word)[1:])
    voter, = announcing.json("attempt", "show", SERIES)["voters"]
    assert (voter["voter"], voter["vote"]) == ("ann@example.com", "works")
    database = b"".join(path.read_bytes() for path in announcing.controller_directory.glob("controller.db*"))
    assert b"ann@example.com" in database and token.split("-")[1].encode() not in database
    assert not any(token in hook["body"] for hook in hooks(received))
    assert_done(announcing.do("attempt", "cancel", SERIES))


def event_in(mail):
    """What a calendar program reads in a mail: METHOD, and the event's lines by their names."""
    part, = mail.iter_attachments()
    assert part.get_content_type() == "text/calendar" and part.get_filename() == "attempt.ics"
    text = part.get_content().replace("\r\n ", "")
    lines = dict(re.split("[:;]", line, maxsplit=1) for line in text.split("BEGIN:VEVENT")[1].splitlines()[1:] if line)
    method, = re.findall(r"^METHOD:(\w+)\r?$", text, re.M)
    assert part.get_param("method") == method
    return method, lines


def test_a_mail_about_an_attempt_brings_it_into_the_calendar_moves_it_and_removes_it(announcing, adopted, received, directory):
    quiet(announcing, received, directory)
    announcing.ctl("schedule", "set", SERIES, "--zone", "Europe/Brussels")
    announcing.ctl("attempt", "plan", SERIES, "--at", "2099-06-27T18:00", "--lapse", "3 h", "--anyway", "a test")
    wait_for(lambda: len(mails(received)) == 1, "the plan is told", 60)
    announcing.ctl("attempt", "announce", SERIES)
    wait_for(lambda: len(mails(received)) == 2, "it is announced", 60)
    announcing.ctl("attempt", "move", SERIES, "--at", "2099-06-28T19:00")
    wait_for(lambda: len(mails(received)) == 3, "its new time is told", 60)
    announcing.ctl("attempt", "withdraw", SERIES)
    wait_for(lambda: len(mails(received)) == 4, "its withdrawal is told", 60)
    told = [event_in(mail) for mail in mails(received)]
    assert [method for method, _ in told] == ["PUBLISH", "PUBLISH", "PUBLISH", "CANCEL"]
    assert [event["STATUS"] for _, event in told] == ["TENTATIVE", "CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [event["SEQUENCE"] for _, event in told] == ["0", "1", "2", "3"]
    assert len({event["UID"] for _, event in told}) == 1 and told[0][1]["UID"].endswith("@understudy")
    assert [event["DTSTART"] for _, event in told[1:]] == [
        "TZID=Europe/Brussels:20990627T180000", *["TZID=Europe/Brussels:20990628T190000"] * 2]
    assert told[0][1]["DTEND"] == "TZID=Europe/Brussels:20990627T210000"
    assert {event["ORGANIZER"] for _, event in told} == {"mailto:understudy@example.com"}
    assert "Opens" in mails(received)[1].get_body(("plain",)).get_content()


def test_a_mail_about_something_else_has_no_attachment(announcing, received, directory):
    quiet(announcing, received, directory)
    announcing.ctl("announcement", "test")
    wait_for(lambda: mails(received), "it is delivered", 60)
    assert list(mails(received)[0].iter_attachments()) == []


def test_a_disk_that_is_almost_full_is_told_of_once_and_so_is_its_room(announcing, worker, received, directory):
    disk = announcing.json("host", "show", worker.name)["disks"][0]
    assert 0 < disk["free_bytes"] < disk["total_bytes"]
    about = f"The disk of {worker.name}:{disk['path']}"

    def told():
        """Of that disk: others may be short, too, and the host away for a moment."""
        return [mail["Subject"].removeprefix(about) for mail in mails(received) if mail["Subject"].startswith(about)]

    quiet(announcing, received, directory)
    announcing.configure("announce", "disk_short = 99\n")
    wait_for(lambda: told() == [" is almost full"], "it is told", 60)
    configuration = announcing.controller_directory / "controller.conf"
    configuration.write_text(configuration.read_text().replace("disk_short = 99", "disk_short = 1"))
    announcing.configure("announce", "")
    wait_for(lambda: len(told()) == 2, "its room is told", 60)
    assert told() == [" is almost full", " has room again"]
    assert disk["path"] in announcing.ctl("host", "show", worker.name).stdout
