"""A scan finds what runs on a host, names what is wrong there, and changes nothing."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from fleet import DONE, REFUSED, assert_done
from site_under_test import Site, differences, owner, tree_manifest

USER = owner() or os.environ.get("USER") or "nobody"


class Host:
    """A host's configuration in a directory of its own, as Debian and getlino lay it out."""

    def __init__(self, directory):
        self.directory = directory
        self.root = directory / "lino_local"
        self.etc = directory / "etc"
        for place in ("nginx/sites-enabled", "nginx/sites-available", "apache2/sites-enabled", "supervisor/conf.d",
                      "systemd/multi-user.target.wants", "cron.d"):
            (self.etc / place).mkdir(parents=True)
        self.root.mkdir(parents=True)

    def write(self, path, text):
        (self.etc / path).write_text(text.replace("@", str(self.root)))

    def vhost(self, name, host, at, available_only=False):
        self.write(f"nginx/sites-available/{name}.conf", NGINX.format(name=name, host=host, at=at))
        if not available_only:
            (self.etc / f"nginx/sites-enabled/{name}.conf").symlink_to(f"../sites-available/{name}.conf")

    def program(self, name, at, user=USER):
        said = f"user = {user}\n" if user else ""
        self.write(f"supervisor/conf.d/{name}.conf",
                   f"[program:{name}]\ncommand = /usr/bin/uwsgi --ini {at}/nginx/uwsgi.ini\n{said}")

    def configure(self, worker):
        """Where its worker looks: in [scan] of worker.conf."""
        paths = {"nginx": "nginx", "apache": "apache2", "supervisor": "supervisor", "systemd": "systemd", "cron": "cron.d"}
        lines = "".join(f"{name} = {self.etc / path}\n" for name, path in paths.items())
        with open(worker.directory / "worker.conf", "a") as file:
            file.write(f"[scan]\npatience = 15 s\n{lines}")

    def manifest(self):
        return tree_manifest(self.directory) | {("times", path): os.lstat(path).st_atime_ns for path in self.watched()}

    def watched(self):
        """Files whose time of access a scan leaves alone: what the worker reads by itself."""
        yield from (path for path in self.etc.rglob("*") if path.is_file() and not path.is_symlink())


NGINX = """upstream {name} {{
    server unix:{at}/nginx.sock;
}}
server {{
    listen 80;
    server_name {host};
    location /static {{ alias {at}/env/static_root; }}
    location /media {{ alias {at}/media; }}
    location / {{ uwsgi_pass {name}; }}
}}
"""


@pytest.fixture(scope="module")
def tidy(directory):
    """One operator's production, linked, with all that getlino makes."""
    host = Host(directory / "tidy")
    site = Site.make(host.root, "anna", own_environment=False)
    for path in ("settings.py", "anna"):
        (site.path / path).chmod(0o660)
    (host.root / "prod").symlink_to("anna")
    host.vhost("anna", "anna.example.com", "@/prod")
    host.program("anna-uwsgi", "@/anna")
    host.write("cron.d/anna", f"MAILTO=root\n10 2 * * * {USER} @/anna/make_snapshot.sh\n")
    return host


def add_copied_preview(host, production):
    """The preview as it is after `cp -a` and half of the work by hand."""
    shutil.copytree(production.path, host.root / "bert", symlinks=True)
    preview = Site(host.root, "bert")
    (preview.path / "anna").rename(preview.path / "bert")
    for name in ("manage.py", "settings.py", "wsgi.py"):
        text = (preview.path / name).read_text()
        (preview.path / name).write_text(re.sub(r"\banna\b", "bert", text))
    shutil.copy2(production.database, preview.path / "anna")  # the database of the old name stays
    with open(preview.path / "settings.py", "a") as file:
        file.write("DEBUG = True\nEMAIL_BACKEND = 'django.core.mail.backends.smtp.EmailBackend'\n"
                   f"DATABASES['second'] = dict(DATABASES['default'], NAME='{production.database}')\n")
    (preview.path / "settings.py").chmod(0o664)
    (preview.path / "snapshot2preview/snapshot2preview").mkdir(parents=True)
    if owner():
        subprocess.run(["chown", "-Rh", owner(), preview.path], check=True)
    return preview


def add_broken_sites(host):
    """Sites that do not answer, each in its own way."""
    manage = "import sys\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    for name in ("carl", "dora", "testing"):
        site = host.root / name
        (site / "log").mkdir(parents=True)
        site.chmod(0o2775)
        (site / "manage.py").write_text(manage)
        (site / "settings.py").write_text("SECRET_KEY = 'known'\n")
    (host.root / "carl/env/bin").mkdir(parents=True)
    (host.root / "carl/env/bin/python").symlink_to("/usr/bin/python3")
    (host.root / "carl/django.py").write_text("import time\ntime.sleep(600)\n")
    (host.root / "carl/env/bin/activate").write_text(f'VIRTUAL_ENV="{host.root}/anna/env"\n')
    (host.root / "carl/log").chmod(0o555)
    (host.root / "dora/env").symlink_to("/nonexistent/env")
    (host.root / "dora/manage.py").chmod(0o666)
    (host.root / "dora/lino.sh").write_text(f"cd {host.root}/zoe && python manage.py\n")
    (host.root / "half").mkdir()
    (host.root / "half/settings.py").write_text("")
    (host.root / "old").symlink_to("gone")
    if owner():
        subprocess.run(["chown", "-Rh", owner(), *(host.root / name for name in ("carl", "dora", "testing"))], check=True)


def add_bad_configuration(host):
    host.vhost("anna", "www.example.com", "@/anna")  # by its name, and a host that it does not allow
    host.vhost("zoe", "zoe.example.com", "@/zoe")  # gone
    host.vhost("carl", "carl.example.com", "@/carl", available_only=True)
    host.write("nginx/sites-available/mixed.conf",
               "server { listen 80; server_name www.example.com; root @/anna/media; location / { alias @/bert/media; } }")
    (host.etc / "nginx/sites-enabled/mixed.conf").symlink_to("../sites-available/mixed.conf")
    (host.etc / "nginx/sites-enabled/lost.conf").symlink_to("../sites-available/lost.conf")
    (host.etc / "nginx/sites-enabled/shadow.conf").symlink_to("/proc/self/environ")
    (host.etc / "nginx/sites-enabled/loop.conf").symlink_to("loop.conf")
    host.write("nginx/nginx.conf", "http { include nginx.conf; include sites-enabled/*; }\n")
    host.program("anna-uwsgi", "@/anna", user=None)
    host.write("supervisor/conf.d/bert.conf",
               "[program:bert-daphne]\ncommand = @/bert/env/bin/daphne -p 8010 asgi:application\nuser = x\n"
               "[program:linod_bert]\ncommand = @/bert/linod.sh\nuser = x\n")
    host.write("systemd/carl.service",
               "[Service]\nUser=x\nWorkingDirectory=@/carl\nExecStart=@/anna/env/bin/gunicorn -b 127.0.0.1:8010 wsgi\n")
    (host.etc / "systemd/multi-user.target.wants/carl.service").symlink_to("../carl.service")
    host.write("cron.d/bert", f"MAILTO=joe\n10 2 * * * {USER} @/bert/make_snapshot.sh\n"
                              f"11 2 * * * {USER} @/bert/make_snapshot.sh > /dev/null\n")


@pytest.fixture(scope="module")
def untidy(directory):
    """A host on which about everything went wrong once."""
    host = Host(directory / "untidy")
    production = Site.make(host.root, "anna")
    preview = add_copied_preview(host, production)
    (host.root / "prod").symlink_to("anna")
    (host.root / "preview").symlink_to("bert")
    (production.path / "log").unlink()
    (production.path / "media/dangling").symlink_to("nothing")
    add_broken_sites(host)
    add_bad_configuration(host)
    assert preview.exists()
    return host


@pytest.fixture(scope="module")
def workers(fleet, tidy, untidy):
    for name, host in (("tidy", tidy), ("untidy", untidy)):
        worker = fleet.add_worker(name, host.root)
        host.configure(worker)
        worker.stop()
        worker.start()
        fleet.wait_connected(name)


def scan(fleet, host, *options):
    return assert_done(fleet.do("series", "scan", host, *options))["tasks"][0]["result"]


@pytest.fixture(scope="module")
def report(fleet, workers, untidy):
    """What a person is shown."""
    before = untidy.manifest()
    done = fleet.ctl("series", "scan", "untidy")
    assert differences(before, untidy.manifest()) == {}
    return done.stdout


@pytest.fixture(scope="module")
def scanned(fleet, report):
    """The same as JSON."""
    job = re.match(r"Job (\d+): scan of untidy", report).group(1)
    return fleet.job(job)["tasks"][0]["result"]


def codes(result):
    return {finding["code"] for finding in result.get("findings", [])}


def test_a_host_as_getlino_lays_it_out_is_found_whole_and_unchanged(fleet, workers, tidy):
    before = tidy.manifest()
    result = scan(fleet, "tidy")
    assert differences(before, tidy.manifest()) == {}
    (site,) = result["found"]
    assert (site["name"], site["role"]) == ("anna", "production")
    assert site["application"].startswith("Lino Noi 25.12")
    assert site["databases"] == [f"sqlite {tidy.root}/anna/anna"]
    parts = {part["kind"]: part for part in site["parts"]}
    assert set(parts) == {"nginx vhost", "supervisor program", "cron job"}
    assert parts["nginx vhost"]["link"] == "prod"
    assert parts["nginx vhost"]["hosts"] == ["anna.example.com"]
    expected = set() if owner() else {"mode"}  # only root can give the directory to www-data
    assert codes(result) == expected, result["findings"]


def test_the_line_offered_adopts_the_site(fleet, workers, tidy):
    (line,) = scan(fleet, "tidy")["lines"]
    words = shlex.split(line["command"])
    assert words[:3] == ["understudyctl", "series", "add"]
    assert fleet.ctl(*words[1:]).returncode == DONE
    again = scan(fleet, "tidy")
    assert again["found"][0]["series"] == words[3]
    assert again.get("lines", []) == []


# Each defect that was planted: its code, the site it is told of, and how its place ends.
PLANTED = [
    ("mail-in-preview", "bert", "bert/settings.py:{EMAIL_BACKEND}"),
    ("debug-on", "bert", "bert/settings.py:{DEBUG}"),
    ("database-shared", "bert", "bert/settings.py:{DATABASES}"),
    ("path-of-other", "bert", "bert/nginx/uwsgi.ini:2"),
    ("link-into-other", "bert", "bert/media/volumes/inbox"),
    ("sqlite-left-behind", "bert", "bert/anna"),
    ("secrets-readable", "bert", "bert/settings.py:{SECRET_KEY}"),
    ("database-readable", "anna", "anna/anna"),
    ("nested-copy", "bert", "bert/snapshot2preview/snapshot2preview"),
    ("env-shared-with-production", "bert", "bert/env"),
    ("static-shared", "bert", "bert/settings.py"),
    ("linod-in-preview", "bert", "conf.d/bert.conf:4"),
    ("cron-mails-in-preview", "bert", "cron.d/bert:2"),
    ("cron-in-preview", "bert", "cron.d/bert:3"),
    ("log-missing", "anna", "anna/log"),
    ("media-link-dangling", "anna", "anna/media/dangling"),
    ("script-missing", "anna", "anna/snapshot2preview"),
    ("site-silent", "carl", "/carl"),
    ("env-copied", "carl", "carl/env/bin/activate"),
    ("log-not-writable", "carl", "carl/log"),
    ("env-missing", "dora", "dora/env"),
    ("world-writable", "dora", "dora/manage.py"),
    ("path-gone", "dora", "dora/lino.sh:1"),
    ("name-rule", "testing", "/testing"),
    ("site-incomplete", "half", "lino_local"),
    ("link-dangling", "", "lino_local/old"),
    ("vhost-bypasses-links", "anna", "sites-enabled/anna.conf:4"),
    ("host-not-allowed", "anna", "sites-enabled/anna.conf:6"),
    ("vhost-disabled", "carl", "sites-available/carl.conf:4"),
    ("vhost-mixed", "anna", "sites-enabled/mixed.conf:1"),
    ("vhost-twice", "", "sites-enabled/mixed.conf:1"),
    ("site-gone", "", "sites-enabled/zoe.conf:7"),
    ("config-link-dangling", "", "sites-enabled/lost.conf"),
    ("config-not-read", "", "sites-enabled/shadow.conf"),
    ("config-not-read", "", "sites-enabled/loop.conf"),
    ("program-root", "anna", "conf.d/anna-uwsgi.conf:1"),
    ("address-twice", "", "systemd/carl.service:1"),
    ("program-mixed", "carl", "systemd/carl.service:4"),
]


def settings_lines(host):
    """The last line of the preview's settings that assigns to each name."""
    lines = (host.root / "bert/settings.py").read_text().splitlines()
    found = {}
    for number, line in enumerate(lines, 1):
        if match := re.match(r"([A-Z_]+) *=", line):
            found[match.group(1)] = number
    return found


@pytest.mark.parametrize("code, site, where", PLANTED, ids=[f"{code}-{site}" for code, site, _ in PLANTED])
def test_a_defect_is_named_with_its_place(scanned, untidy, code, site, where):
    place = where.format(**settings_lines(untidy))
    found = [finding for finding in scanned["findings"] if finding["code"] == code and finding.get("site", "") == site]
    assert any(finding["where"].endswith(place) for finding in found), found or codes(scanned)
    assert all(finding["what"] and finding["why"] and finding["next"] for finding in found)


def test_the_worst_comes_first(scanned):
    ranks = [["danger", "warning", "notice"].index(finding["severity"]) for finding in scanned["findings"]]
    assert ranks == sorted(ranks)


def test_production_is_offered_in_spite_of_all(scanned, untidy):
    # The other scan's series may have the shorter name already.
    (line,) = scanned["lines"]
    assert re.fullmatch(rf"understudyctl series add anna(-2)? --host untidy --root {untidy.root} --production anna", line["command"])


def test_a_site_that_hangs_is_ended_and_told(scanned):
    (finding,) = [finding for finding in scanned["findings"] if finding["code"] == "site-silent" and finding["site"] == "carl"]
    assert finding["what"] == "the site did not answer in time"


def test_the_report_fits_a_terminal_but_for_what_is_to_be_pasted(report):
    text, _, lines = report.partition("To adopt them\n")
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(re.fullmatch(r" +\(?/\S+", line) for line in wide), wide  # a path stays whole
    assert lines.startswith("understudyctl series add ") or lines.startswith("#")
    assert "DANGER" in text and "mail-in-preview" in text


def test_a_scan_is_in_the_history_of_its_host(fleet, scanned):
    entries = fleet.json("log")
    assert any(entry["event"] == "host scanned" and "untidy" in entry["detail"] for entry in entries)
    assert any(job["kind"] == "scan" and job["series"] is None and job["host"] == "untidy" for job in fleet.json("job", "list"))


@pytest.mark.parametrize("arguments", [("nobody",), ("untidy", "--root", "etc")])
def test_a_scan_of_what_is_not_there_is_refused(fleet, workers, arguments):
    done = fleet.ctl("series", "scan", *arguments, check=False)
    assert done.returncode == REFUSED
    assert "next" in done.stderr or "next" in done.stdout


def test_a_root_beyond_the_workers_own_fails_and_says_why(fleet, workers):
    job = fleet.do("series", "scan", "untidy", "--root", "/etc")
    assert job["state"] == "failed" and job["failure"]["code"] == "policy"
