"""The procedure by hand, as hosting providers type it, and the sites that it and Understudy work on."""

import contextlib
import sqlite3
import subprocess
import sys
import time

from site_under_test import SOURCE, as_owner

MIRROR = "--archive --delete --delete-excluded --delete-during --times --omit-dir-times".split()
SESSIONS = "working_session"  # the table that is made larger, and whose rows change
LINO = SOURCE / "deploy/lino"


def as_site(site, *argv):
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
    done = subprocess.run([*as_owner(), *argv], cwd=site.path, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} in {site.path}: exit status {done.returncode}\n{done.stderr}")


def timed(work):
    started = time.monotonic()
    work()
    return time.monotonic() - started


def by_hand(production, preview):
    def mirror():
        for directory in ("media", "snapshot2preview"):
            as_site(preview, "rsync", *MIRROR, f"{production.path}/{directory}/", f"{preview.path}/{directory}/")

    manage = "env/bin/python", "manage.py"
    return {
        "dump": timed(lambda: as_site(production, *manage, "dump2py", "-o", "snapshot2preview")),
        "mirror": timed(mirror),
        "restore": timed(lambda: as_site(preview, *manage, "run", "snapshot2preview/restore2preview.py", "--noinput")),
        "static": timed(lambda: as_site(preview, *manage, "collectstatic", "--noinput")),
    }


def enlarge(site, objects):
    """Copies sessions until the site has about so many objects."""
    missing = objects - sum(site.rows().values())
    with contextlib.closing(sqlite3.connect(site.database)) as database, database:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({SESSIONS})") if not row[5]]
        names = ", ".join(f'"{name}"' for name in columns)
        while missing > 0:
            added = database.execute(f"INSERT INTO {SESSIONS} ({names}) SELECT {names} FROM {SESSIONS} LIMIT ?",
                                     [missing]).rowcount
            missing -= added


def upgrade():
    wanted = ("lino==", "lino-xl==", "lino-noi==", "lino-react==")
    pins = [line for line in (LINO / "new.txt").read_text().splitlines() if line.lower().startswith(wanted)]
    return [word for pin in pins for word in ("--install", pin)]


def edit_script(fleet, production):
    """What an operator edits and allows after the first synchronisation to the new version has listed it."""
    fleet.do("preview", "sync", "alpha")
    subprocess.run(["sed", "-i", "-f", LINO / "upgrade.sed", production.script], check=True)
    for line in (LINO / "allow.txt").read_text().splitlines():
        fleet.ctl("preview", "allow", "alpha", line.split()[0], "--why", "measured")
