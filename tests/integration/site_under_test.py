"""A real Lino site as a test sees it: its rows, its files, what it serves."""

import hashlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import databases
from servers import server

SOURCE = Path(__file__).resolve().parents[2]
MAKER = SOURCE / "deploy/lino-site"
OWNER = "www-data"
SMALL = "std demo_users"  # 96 objects: a restore takes 3 s
FULL = "std minimal_ledger demo demo2"  # 3,900 objects, 17 s

# Tables that Lino fills by itself, differently in each database, and that no dump has.
NOT_DUMPED = {
    "sessions_session", "django_session", "django_content_type", "contenttypes_contenttype", "django_migrations",
    "checkdata_message", "checkdata_problem", "understudy_marker", "gfks_helptext", "sqlite_sequence",
}


def owner():
    return OWNER if os.geteuid() == 0 else None


def as_owner():
    return ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups"] if os.geteuid() == 0 else []


class Site:
    def __init__(self, root, name, engine="sqlite"):
        self.root = Path(root)
        self.name = name
        self.engine = engine

    @classmethod
    def make(cls, root, name, version="old", fixtures=SMALL, media=20, own_environment=False, engine="sqlite"):
        argv = [MAKER, "make", root, name, "--version", version, "--fixtures", fixtures, "--media", str(media)]
        if engine != "sqlite":
            place = server(engine)
            argv += ["--engine", engine, "--host", place.socket, "--port", place.port]
        if own_environment:
            argv.append("--own-environment")
        if owner():
            argv += ["--owner", owner()]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return cls(root, name, engine)

    @property
    def path(self):
        return self.root / self.name

    @property
    def database(self):
        return databases.open(self.engine, self.path / self.name)

    @property
    def script(self):
        return self.path / "snapshot2preview/restore2preview.py"

    def exists(self):
        return os.path.lexists(self.path)

    # ---- rows

    def rows(self):
        """Rows per table, without the tables that no dump has."""
        return {table: count for table, count in self.database.counts().items() if table not in NOT_DUMPED}

    def sql(self, statement, *values):
        """Changes the database as some user of the site does; gives the rows."""
        return self.database.execute(statement, values)

    def add_persons(self, *names):
        """People that come in while the site is in use."""
        for name in names:
            partner = self.add_row("contacts_partner", name=name, language="en")
            self.add_row("contacts_person", partner_ptr_id=partner, first_name=name, last_name="Test")

    def add_row(self, table, **given):
        """Columns that are not given and must not be null are empty. Gives its row id."""
        return self.database.insert(table, given)

    def persons(self):
        return {row[0] for row in self.sql("SELECT first_name FROM contacts_person")}

    # ---- the site's own code

    def run(self, code, check=True):
        """Runs Python in the site, as its owner; gives what it printed."""
        script = self.path / "tmp/test.py"
        script.write_text(code)
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*as_owner(), self.path / "env/bin/python", "manage.py", "run", "tmp/test.py"],
            cwd=self.path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )
        script.unlink()
        if check and done.returncode:
            raise AssertionError(f"{self.path}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def let_log_in(self, name="robin", password="1234"):
        """The small fixtures give their users no password."""
        self.run(f"from lino.api import rt\nuser = rt.models.users.User.objects.get(username={name!r})\n"
                 f"user.set_password({password!r})\nuser.save()\n")

    def served(self, tables=("contacts.Persons", "contacts.Companies", "tickets.AllTickets", "comments.Comments")):
        """How many objects the site serves over HTTP for each table, asked in process."""
        lines = self.run(SERVED.format(tables=list(tables)))
        return json.loads(re.search(r"^SERVED (.*)$", lines, re.M).group(1))

    # ---- files

    def manifest(self, leave_out=("snapshot2preview",)):
        """Everything below the project directory, to the byte, the nanosecond and the owner."""
        return tree_manifest(self.path, leave_out)

    def media(self):
        return tree_contents(self.path / "media")


SERVED = """
import json
from django.test import Client
from django.conf import settings
settings.ALLOWED_HOSTS = ["*"]
settings.SITE.startup()
client = Client()
from lino.api import rt
user = rt.models.users.User.objects.filter(user_type="900").first() or rt.models.users.User.objects.first()
client.force_login(user)
counts = {{}}
for table in {tables}:
    app, name = table.split(".")
    reply = client.get(f"/api/{{app}}/{{name}}", dict(fmt="json", limit="5", start="0"), REMOTE_USER=user.username)
    counts[table] = reply.json()["count"] if reply.status_code == 200 else f"status {{reply.status_code}}: {{reply.content[:200]}}"
print("SERVED " + json.dumps(counts))
"""


def walk(top, leave_out=()):
    """Every path below `top` as bytes, links not followed."""
    pending = [os.fsencode(top)]
    while pending:
        directory = pending.pop()
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
            if os.path.relpath(entry.path, os.fsencode(top)) in map(os.fsencode, leave_out):
                continue
            yield entry
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)


def contents(entry, status):
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(entry.path)
    if stat.S_ISREG(status.st_mode):
        with open(entry.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return None


def tree_manifest(top, leave_out=()):
    manifest = {}
    for entry in walk(top, leave_out):
        status = entry.stat(follow_symlinks=False)
        manifest[os.path.relpath(entry.path, os.fsencode(top))] = (
            stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_size,
            # A dump changes the modification time of the directory it is put into; that of all others stays.
            status.st_mtime_ns, contents(entry, status),
        )
    return manifest


def tree_contents(top):
    """What a mirror has to make equal: types, modes, modification times of files, and contents."""
    found = {}
    for entry in walk(top):
        status = entry.stat(follow_symlinks=False)
        time = status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None
        found[os.path.relpath(entry.path, os.fsencode(top))] = (stat.filemode(status.st_mode), time, contents(entry, status))
    return found


def differences(before, after):
    """For messages: what differs between two manifests or row counts."""
    return {key: (before.get(key), after.get(key)) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
