"""A production and a preview for delta restores, on any engine, without a fleet around them."""

import importlib.machinery
import importlib.util
import os
import random
import shutil
import subprocess
from pathlib import Path

from servers import server
from site_code import SiteCode, run_site_code

SOURCE = Path(__file__).resolve().parents[2]
UPGRADE = SOURCE / "deploy/lino/upgrade.sed"
PRODUCTION, PREVIEW, OTHER = "anna", "bert", "bertfull"
# Saving a ticket fails while the file "fail" is there, and waits for the FIFO "hold".
HELD = """
def held(instance):
    def before_dumpy_save(loader):
        if os.path.exists("{place}/fail"):
            raise Exception("as the test wants it")
        if os.path.exists("{place}/hold"):
            open("{place}/hold").read()
    instance.before_dumpy_save = before_dumpy_save
    return instance

def main("""


def lino_site():
    loader = importlib.machinery.SourceFileLoader("lino_site", str(SOURCE / "deploy/lino-site"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lino_site", loader))
    loader.exec_module(module)
    return module


LINO_SITE = lino_site()


class Sites:
    def __init__(self, directory, engine, upgrade, fixtures, quick=False):
        self.engine, self.quick, self.upgrade = engine, quick, upgrade
        self.place, self.root = directory, directory / "lino_local"
        self.production, self.preview = self.root / PRODUCTION, self.root / PREVIEW
        self.new, self.old, self.hashes = (self.preview / name for name in ("new", "verified", "hashes"))
        if engine != "sqlite":
            self.server = server(engine)
            self.admin = LINO_SITE.SERVERS[engine](self.server.socket, self.server.port)
            self.forget()
        self.make_production(fixtures)
        self.make_preview()
        self.dump(seed=0, edits=0, password="1234")
        self.full_restore(mark=True)
        self.verified()

    def forget(self):
        if self.engine == "sqlite":
            return
        for name in (PRODUCTION, PREVIEW, OTHER):
            self.execute(f"DROP DATABASE IF EXISTS {name}")
        for name in (PRODUCTION, PREVIEW):
            self.execute(f"DROP ROLE IF EXISTS {name}" if self.engine == "postgresql" else
                         f"DROP USER IF EXISTS '{name}'@'%'")

    def execute(self, statement, database=None):
        self.admin.administer(f"{statement};", database or self.admin.MAINTENANCE)

    # ------------------------------------------------------------ the sites

    def make_production(self, fixtures):
        options = [] if self.engine == "sqlite" else ["--host", self.server.socket, "--port", self.server.port]
        subprocess.run([SOURCE / "deploy/lino-site", "make", "--engine", self.engine, *options, "--version", "old",
                        "--fixtures", fixtures, "--media", "3", self.root, PRODUCTION], check=True)

    def make_preview(self):
        """A copy of production, with a name, a database and an environment of its own."""
        shutil.copytree(self.production, self.preview, symlinks=True)
        for name in ("settings.py", "manage.py"):
            text = (self.preview / name).read_text().replace(PRODUCTION, PREVIEW)
            (self.preview / name).write_text(text)
        (self.preview / "media/volumes/inbox").unlink()
        (self.preview / "media/volumes/inbox").symlink_to(self.preview / "tmp")
        environment = LINO_SITE.cached_environment("new" if self.upgrade else "old")
        (self.preview / "env").unlink()
        if self.engine == "postgresql":  # Lino's initdb writes into it
            subprocess.run(["cp", "-a", "--reflink=auto", environment, self.preview / "env"], check=True)
        else:
            (self.preview / "env").symlink_to(environment)
        self.hashes.mkdir()
        if self.engine == "sqlite":
            (self.preview / PRODUCTION).unlink()
            return
        shutil.rmtree(self.preview / "tmp")  # its password is production's: it has one of its own
        (self.preview / "tmp").mkdir()
        self.admin.create(PREVIEW)
        text = (self.preview / "settings.py").read_text()
        start = text.index("'PASSWORD': '") + len("'PASSWORD': '")
        (self.preview / "settings.py").write_text(text[:start] + self.admin.password + text[text.index("'", start):])

    def database(self, name):
        """As helpers are told of it; empty and the preview's own."""
        if self.engine == "sqlite":
            return str(self.preview / name)
        if name != PREVIEW:
            self.execute(f"DROP DATABASE IF EXISTS {name}")
            self.execute({"postgresql": f"CREATE DATABASE {name} OWNER {PREVIEW}",
                          "mysql": f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; "
                                   f"GRANT ALL ON {name}.* TO '{PREVIEW}'@'%'"}[self.engine])
        return name

    # ------------------------------------------------------------ what is done with them

    def edit(self, project, seed, count, operations=("add", "change", "delete"), dump=None, tables=(), password=""):
        return run_site_code(project, "edits", seed=seed, count=count, operations=operations, tables=tables,
                             dump=dump and str(dump), password=password)

    def dump(self, seed, edits, **options):
        """Edits production, and brings its dump to the preview, with the maintained script."""
        shutil.rmtree(self.new, ignore_errors=True)
        answer = self.edit(self.production, seed, edits, dump=self.new, **options)
        script = (self.new / "restore.py").read_text()
        if self.upgrade:
            script = subprocess.run(["sed", "-f", UPGRADE], input=script, capture_output=True, text=True, check=True).stdout
        script = script.replace("\ndef main(", HELD.format(place=self.place), 1)
        script = script.replace("return tickets_Ticket(**kw)", "return held(tickets_Ticket(**kw))")
        (self.new / "restore2preview.py").write_text(script)
        return answer

    def request(self, **changes):
        return {"old": str(self.old), "new": str(self.new), "script": str(self.new / "restore2preview.py"),
                "database": self.settings_name(), "keep": [], "collation": "", "production": [str(self.production)],
                "project": str(self.preview), "hashes": str(self.hashes), "same": {"environment": "one"},
                "quick": self.quick, "check_only": False, "limit": 100000} | changes

    def settings_name(self):
        return str(self.preview / PREVIEW) if self.engine == "sqlite" else PREVIEW

    def start_delta(self, **changes):
        return SiteCode(self.preview, "delta", self.request(**changes))

    def delta(self, **changes):
        return self.start_delta(**changes).answer()

    def full_restore(self, name=PREVIEW, mark=False):
        staging = self.database(name)
        request = self.request(staging=staging, objects=0, mark=None)
        if mark:
            request["mark"] = {"hashes": str(self.hashes), "same": request["same"]}
        answer = run_site_code(self.preview, "restore", **request)
        assert "failure" not in answer, answer
        return staging

    def verified(self):
        """What the preview holds now is the next delta's dump A."""
        shutil.rmtree(self.old, ignore_errors=True)
        self.new.rename(self.old)

    def compare(self, other):
        return run_site_code(self.preview, "compare", database=self.settings_name(), left="", right=other, paths=[])

    def differences_to_full_restore(self):
        compared = self.compare(self.full_restore(OTHER))
        return compared["differences"]

    def rows(self):
        """All rows of the preview, byte for byte."""
        if self.engine == "sqlite":
            return subprocess.run(["sqlite3", self.preview / PREVIEW, ".dump"], capture_output=True, check=True).stdout
        options = {"postgresql": ["--data-only", "--inserts"], "mysql": ["--skip-comments", "--skip-dump-date"]}
        command = self.admin.argv([*self.admin.DUMP, *options[self.engine]], PREVIEW)
        dump = subprocess.run(command, capture_output=True, check=True).stdout
        return [line for line in dump.splitlines() if b"setval(" not in line and b"AUTO_INCREMENT=" not in line
                and b"restrict" not in line]


def seed_of(request):
    """Printed with the test's output; $UNDERSTUDY_SEED repeats a run."""
    seed = int(os.environ.get("UNDERSTUDY_SEED") or random.randrange(10**6))
    print(f"UNDERSTUDY_SEED={seed}")
    return seed
