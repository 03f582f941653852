"""Sites that are served: a web server, a service manager and real Lino in between; then the same with a stand-in for
Lino that starts at once, for what takes many switches.

The files test_serving_*.py name the stack.
"""

import email
import http.client
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

import network
from conftest import PREVIEW, PRODUCTION, SERIES
from fleet import Fleet, assert_done, explain, wait_for
from killing import kill
from site_under_test import SOURCE, Site, as_owner

PROD_HOST, PREVIEW_HOST = "lino.example.com", "preview.lino.example.com"
ROLES = ((PROD_HOST, "prod"), (PREVIEW_HOST, "preview"))

FAKE = {
    "supervisor": """\
[program:@program@]
command=/usr/bin/python3 {app} {what} @project@
environment=UNDERSTUDY_ROLE="@role@"
user=@owner@
startsecs=0
stdout_logfile=NONE
redirect_stderr=true
""",
    "systemd": """\
[Service]
Type=exec
User=@owner@
Environment=UNDERSTUDY_ROLE=@role@
ExecStart=/usr/bin/python3 {app} {what} @project@
[Install]
WantedBy=default.target
""",
}
SUFFIX = {"supervisor": "conf", "systemd": "service"}


@pytest.fixture(scope="module")
def fleet(directory):
    fleet = Fleet(directory, network.Loopback())
    yield fleet
    fleet.close()


@pytest.fixture(scope="module")
def stack(request, directory):
    """The web server and the service manager that the file names."""
    parts = [kind(directory) for kind in request.module.STACK]
    for part in parts:
        part.start()
    yield parts
    for part in reversed(parts):
        part.stop()


@pytest.fixture(scope="module")
def web(stack):
    return stack[0]


@pytest.fixture(scope="module")
def manager(stack):
    return stack[1]


@pytest.fixture(scope="module")
def templates(directory, manager):
    """The administrator's own: the stand-in for Lino."""
    path = directory / "templates"
    (path / "service").mkdir(parents=True)
    (path / "vhost").mkdir()
    app = Path(shutil.copy(SOURCE / "tests/integration/fake_app.py", directory / "fake_app.py"))
    app.chmod(0o644)
    for name, what in (("fake", "@socket@"), ("linod", "linod")):
        text = FAKE[manager.name].format(app=app, what=what)
        (path / f"service/{manager.name}-{name}.{SUFFIX[manager.name]}").write_text(text)
    return path


@pytest.fixture(scope="module")
def sink():
    """A local mail server: what it was sent."""
    controller = pytest.importorskip("aiosmtpd.controller")

    class Kept:
        messages = []

        async def handle_DATA(self, server, session, envelope):
            self.messages.append(email.message_from_bytes(envelope.content)["Subject"])
            return "250 OK"

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = Kept()
    server = controller.Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    kept.port = port
    yield kept
    server.stop()


@pytest.fixture(scope="module")
def worker(fleet, production, stack, templates, sink):
    production.let_log_in()
    with open(production.root / "settings.py", "a") as settings:
        settings.write(f"EMAIL_HOST, EMAIL_PORT = '127.0.0.1', {sink.port}\n")
    options = "".join(part.options() for part in stack) + f"[serving]\ntemplates = {templates}\n"
    return fleet.add_worker("one", production.root, options=options)


@pytest.fixture(scope="module")
def served(request, fleet, adopted, web, manager):
    fleet.ctl("series", "set", SERIES, f"prod-hosts={PROD_HOST}", f"preview-hosts={PREVIEW_HOST}", f"manager={manager.name}",
              f"server={request.module.SERVER}", f"web={web.name}", f"listen=127.0.0.1:{web.port}", "drain-time=10 s")
    assert_done(fleet.do("series", "serve", SERIES))
    return adopted


@pytest.fixture(scope="module")
def shown(fleet, served):
    """A preview with production's data, and visitors."""
    assert_done(fleet.do("preview", "prepare", SERIES, PREVIEW))
    assert_done(fleet.do("preview", "sync", SERIES))
    return Site(served.root, PREVIEW)


@pytest.fixture(scope="module")
def fake(fleet, served, shown):
    """From here on the stand-in serves both sites."""
    fleet.ctl("series", "set", SERIES, "server=fake", "linod=linod_%s", "health-time=5 s", "drain-time=5 s")
    assert_done(fleet.do("series", "serve", SERIES))
    return served


# ---------------------------------------------------------------- visitors


class Answer:
    def __init__(self, reply, body):
        self.status, self.body = reply.status, body.decode(errors="replace")
        self.site, self.role = (reply.getheader("X-Understudy-Site") or "nobody nothing").split()


def headers_of(host, session):
    return {"Host": host} | ({"Cookie": f"sessionid={session}"} if session else {})


def ask(web, host, path="/", timeout=30, session=None):
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers_of(host, session))
        reply = connection.getresponse()
        return Answer(reply, reply.read())
    finally:
        connection.close()


def log_in(web, host, session=None):
    """The session that the login form of the site behind a host gives, to who may have another one's cookie still."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    try:
        connection.request("POST", "/auth", "username=robin&password=1234", headers_of(host, session) | form)
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()[:300]
        reply.read()
        cookies = [value for name, value in reply.getheaders() if name.lower() == "set-cookie"]
    finally:
        connection.close()
    return next(cookie.split(";")[0].removeprefix("sessionid=") for cookie in cookies if cookie.startswith("sessionid="))


def answering(web):
    """Which site answers for each role, after it has said so twice."""
    found = {}
    for host, role in ROLES:
        first, second = ask(web, host), ask(web, host)
        assert first.status == second.status == 200, first.body[:300]
        assert first.role == second.role == role and first.site == second.site
        found[role] = first.site
    return found


class Traffic:
    """Visitors of both hosts: some keep their connection, some come anew for each page.

    A web server that takes a new configuration closes connections that are kept; `patient` visitors ask again then, as
    browsers do.
    """

    def __init__(self, web, patient=False):
        self.web, self.patient, self.over, self.answers, self.failures = web, patient, threading.Event(), [], []
        self.threads = [threading.Thread(target=self.visit, args=(host, keep)) for host, _ in ROLES for keep in (True, False)]

    def visit(self, host, keep):
        connection = None
        while not self.over.wait(0.02):
            kept = connection is not None
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=30)
            try:
                connection.request("GET", "/", headers={"Host": host})
                reply = connection.getresponse()
                answer = Answer(reply, reply.read())
                self.answers.append((host, answer))
                if answer.status != 200 or answer.role != dict(ROLES)[host]:
                    self.failures.append(f"{host}: {answer.status} by {answer.site} as {answer.role}: {answer.body[:200]}")
            except (OSError, http.client.HTTPException) as error:
                if not (self.patient and kept and isinstance(error, ConnectionError)):
                    self.failures.append(f"{host}: {error!r}")
                connection.close()
            if not keep or not connection.sock:
                connection.close()
                connection = None

    def more(self, count=20):
        wanted = len(self.answers) + count
        wait_for(lambda: len(self.answers) >= wanted, "more visitors", 60)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def changes(self, host):
        """How often the site behind a host's new connections changed."""
        sites = [answer.site for asked, answer in self.answers if asked == host]
        return len(set(sites))


def links(root):
    return {name: os.readlink(root / name) for name in ("prod", "preview")}


# ---------------------------------------------------------------- with Lino


def test_a_served_production_answers_its_visitors(served, web, manager):
    answer = ask(web, PROD_HOST)
    assert (answer.status, answer.site, answer.role) == (200, PRODUCTION, "prod")
    assert manager.programs() == {f"{PRODUCTION}-prod"}
    assert ask(web, "elsewhere.example.com").status == 400


def test_a_preview_is_served_from_its_first_synchronisation_on(shown, served, web, manager):
    assert answering(web) == {"prod": PRODUCTION, "preview": PREVIEW}
    assert manager.programs() == {f"{PRODUCTION}-prod", f"{PREVIEW}-preview"}
    assert "(preview)" in ask(web, PREVIEW_HOST).body + shown.run("from django.conf import settings\nprint(settings.SITE.title)")


MAIL = """
from lino.api import rt
from django.core.mail import get_connection, EmailMessage
rt.login().send_email("{subject}", "lino@site.invalid", "Hello", ["user@elsewhere.invalid"])
try:
    EmailMessage("{subject} past the settings", "Hello", "lino@site.invalid", ["user@elsewhere.invalid"],
                 connection=get_connection("django.core.mail.backends.smtp.EmailBackend")).send()
except OSError as error:
    print(error)
"""


def send(site, subject):
    site.run(MAIL.format(subject=subject))


def mails_kept(site):
    """Subjects of the mails that became files."""
    found = [email.message_from_bytes(path.read_bytes().split(b"\n---")[0]) for path in (site.path / "mail").glob("*")]
    return {message["Subject"] for message in found}


def test_mail_of_production_is_sent_and_that_of_a_preview_becomes_files(served, shown, sink):
    send(served, "from production")
    send(shown, "from the preview")
    assert {subject for subject in sink.messages if subject.startswith("from")} == {"from production", "from production past the settings"}
    assert mails_kept(shown) == {"from the preview"}
    assert not (served.path / "mail").exists()


def test_linod_does_not_run_on_a_preview(shown):
    done = subprocess.run([*as_owner(), shown.path / "env/bin/python", "manage.py", "linod"], cwd=shown.path, env={"HOME": "/tmp"},
                          capture_output=True, text=True)
    assert done.returncode and "linod does not run on a preview" in done.stderr


USERS_ONLY = "/api/users/Me?fmt=json&limit=1"


@pytest.fixture(scope="module")
def logged_in(shown, web):
    """A user's session on production, from before the first switch."""
    session = log_in(web, PROD_HOST)
    assert ask(web, PROD_HOST, USERS_ONLY, session=session).status == 200
    return session


def test_visitors_notice_nothing_of_a_switch(shown, served, logged_in, fleet, web, manager, sink):
    with Traffic(web) as traffic:
        assert_done(fleet.do("preview", "switch", SERIES))
        traffic.more()
    assert traffic.failures == []
    assert (traffic.changes(PROD_HOST), traffic.changes(PREVIEW_HOST)) == (2, 2)
    assert answering(web) == {"prod": PREVIEW, "preview": PRODUCTION}
    assert manager.programs() == {f"{PREVIEW}-prod", f"{PRODUCTION}-preview"}
    send(served, "from the old production")
    assert "from the old production" not in sink.messages and "from the old production" in mails_kept(served)


def test_a_session_from_before_a_switch_is_a_strangers_on_the_new_site(logged_in, web):
    """As without a session: the page that asks for a name, no data, no failure; and by that page he is in again."""
    page, data = ask(web, PROD_HOST, session=logged_in), ask(web, PROD_HOST, USERS_ONLY, session=logged_in)
    assert (page.status, page.site, page.role) == (200, PREVIEW, "prod")
    assert (data.status, data.site, data.role) == (403, PREVIEW, "prod")
    assert data.status == ask(web, PROD_HOST, USERS_ONLY).status
    again = log_in(web, PROD_HOST, session=logged_in)
    assert again != logged_in
    answer = ask(web, PROD_HOST, USERS_ONLY, session=again)
    assert (answer.status, answer.site) == (200, PREVIEW)
    assert ask(web, PREVIEW_HOST, USERS_ONLY, session=logged_in).site == PRODUCTION


# ---------------------------------------------------------------- with the stand-in


def test_a_site_is_served_by_what_its_settings_say_now(fake, web, manager):
    assert answering(web) == {"prod": PREVIEW, "preview": PRODUCTION}
    assert manager.programs() == {f"{PREVIEW}-prod", f"{PRODUCTION}-preview", f"linod_{PREVIEW}"}


def test_the_old_linod_ends_before_the_new_one_begins(fake, fleet, shown):
    notes = fake.path / "linod.notes"
    assert_done(fleet.do("preview", "switch", SERIES))
    wait_for(lambda: notes.exists() and notes.read_text().endswith("\n"), "the new linod's note", 20)
    ended = (shown.path / "linod.notes").read_text().split()
    began = notes.read_text().split()
    assert ended[-2] == "ends" and began[-2] == "starts" and float(ended[-1]) < float(began[-1])


def refused(fleet, fake, web, manager, *words):
    """A switch that fails, of which nothing is left and nobody notices anything; what it says."""
    before, programs, roles = links(fake.root), manager.programs(), answering(web)
    managed = {site: (fake.root / site / "understudy_managed.json").read_text() for site in (PRODUCTION, PREVIEW)}
    with Traffic(web, patient=True) as traffic:
        job = fleet.do("preview", "switch", SERIES)
        traffic.more(8)
    assert job["state"] == "failed", explain(job)
    assert traffic.failures == []
    assert links(fake.root) == before and answering(web) == roles
    assert {site: (fake.root / site / "understudy_managed.json").read_text() for site in managed} == managed
    assert manager.programs() == programs
    for word in words:
        assert word in str(job["failure"]), job["failure"]


@pytest.mark.parametrize("how, words", [("error", ("status 500", "prod.sock")), ("hang", ("no answer within 5 s",)),
                                        ("wrong", ("stranger prod", f"{PREVIEW} prod"))])
def test_a_site_that_is_not_well_does_not_become_production(fake, fleet, shown, web, manager, how, words):
    """It misbehaves from now on, in whatever role: the preview's visitors would notice that, production's must not."""
    path = shown.path / "behaviour"
    before = links(fake.root)
    path.write_text(how)
    try:
        job = fleet.do("preview", "switch", SERIES)
        assert job["state"] == "failed", explain(job)
        assert ask(web, PROD_HOST).site == before["prod"]
    finally:
        path.unlink()
    assert links(fake.root) == before
    assert answering(web) == before
    assert manager.programs() == {f"{PRODUCTION}-prod", f"{PREVIEW}-preview", f"linod_{PRODUCTION}"}
    for word in words:
        assert word in str(job["failure"]), job["failure"]


def test_a_vhost_template_with_an_error_is_refused_with_what_the_server_says(fake, fleet, web, manager, templates):
    broken = templates / "vhost/broken.conf"
    broken.write_text("@series@ @hosts@ is no directive;\n")
    fleet.ctl("series", "set", SERIES, "vhost=broken")
    files = {path.name: path.read_text() for path in web.files.iterdir()}
    try:
        refused(fleet, fake, web, manager, "does not take the vhost", str(web.files))
    finally:
        fleet.ctl("series", "set", SERIES, "vhost=standard")
    assert {path.name: path.read_text() for path in web.files.iterdir()} == files


def test_a_port_that_is_taken_is_told(fake, fleet, web, manager):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        fleet.ctl("series", "set", SERIES, f"listen=127.0.0.1:{port}")
        try:
            refused(fleet, fake, web, manager, "does not take the vhost", str(port))
        finally:
            fleet.ctl("series", "set", SERIES, f"listen=127.0.0.1:{web.port}")


def test_a_manager_that_is_dead_stops_the_switch_before_anything_is_done(fake, fleet, web, manager):
    before, roles = links(fake.root), answering(web)
    hidden = manager.hide()
    try:
        job = fleet.do("preview", "switch", SERIES)
    finally:
        manager.show(hidden)
    assert job["state"] == "failed" and manager.name in str(job["failure"]), explain(job)
    assert links(fake.root) == before and answering(web) == roles


# ---------------------------------------------------------------- killed

SWITCH = ("vhost", "start", "linod_stop", "role", "page", "switch", "drain", "linod_start")


def assert_whole(fake, fleet, web, manager, job):
    """Each role is a definite site's, which knows it."""
    job = fleet.finish(job)
    assert job["state"] == "done", explain(job)
    found = answering(web)
    assert found == links(fake.root) and set(found.values()) == {PRODUCTION, PREVIEW}
    prod, preview = found["prod"], found["preview"]
    assert manager.programs() == {f"{prod}-prod", f"{preview}-preview", f"linod_{prod}"}
    for role, site in found.items():
        assert f'"role": "{role}"' in (fake.root / site / "understudy_managed.json").read_text()
    assert [path.name for path in web.files.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("victim", ["runner", "all"])
def test_a_switch_reaches_its_end_whatever_is_killed_at_each_step(fake, fleet, worker, web, manager, victim):
    for label in SWITCH:
        with Traffic(web) as traffic:
            job = fleet.start_job("preview", "switch", SERIES)
            assert fleet.until_running(job, label), label
            kill(fleet, worker, victim)
            assert_whole(fake, fleet, web, manager, job)
        assert traffic.failures == [], label


@pytest.mark.parametrize("function", ["renameat", "unlinkat", "fsync", "symlinkat"])
def test_a_switch_reaches_its_end_wherever_its_runners_die(fake, fleet, worker, web, manager, function):
    for count in range(1, 200 if os.environ.get("SWEEP") else 3):
        with Traffic(web) as traffic:
            worker.crash_at("run-task", function, count)
            assert_whole(fake, fleet, web, manager, fleet.start_job("preview", "switch", SERIES))
        assert traffic.failures == [], f"{function} {count}"
        if not worker.crashed():
            break


# ---------------------------------------------------------------- gone


def test_production_stands_still_behind_its_maintenance_page_during_an_attempt(fake, fleet, web, manager):
    if links(fake.root)["prod"] != PRODUCTION:
        assert_done(fleet.do("preview", "switch", SERIES))
    fleet.ctl("attempt", "plan", SERIES, "--at", "now", "--lapse", "1 h")
    assert_done(fleet.do("attempt", "open", SERIES))
    assert ask(web, PROD_HOST).site == PREVIEW
    answer = ask(web, PREVIEW_HOST)
    assert answer.status == 503 and "is being upgraded" in answer.body
    assert manager.programs() == {f"{PREVIEW}-prod", f"linod_{PREVIEW}"}
    assert_done(fleet.do("attempt", "cancel", SERIES))
    assert ask(web, PROD_HOST).site == PRODUCTION
    assert ask(web, PREVIEW_HOST).site == PREVIEW
    assert manager.programs() == {f"{PRODUCTION}-prod", f"{PREVIEW}-preview", f"linod_{PRODUCTION}"}


def test_a_drop_leaves_nothing_of_the_preview(fake, fleet, web, manager):
    if links(fake.root)["prod"] != PRODUCTION:
        assert_done(fleet.do("preview", "switch", SERIES))
    assert_done(fleet.do("preview", "drop", SERIES, "--yes"))
    assert {path.name for path in web.files.iterdir()} == {f"{SERIES}-prod.conf"}
    assert [path for path in manager.files.rglob("*") if PREVIEW in path.name] == []
    assert manager.known() & {f"{PREVIEW}-preview", f"{PREVIEW}-prod", f"linod_{PREVIEW}"} == set()
    assert not os.path.lexists(fake.root / PREVIEW)
    assert ask(web, PROD_HOST).site == PRODUCTION
