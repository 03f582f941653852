"""Enough of Django and Lino for the worker's helpers: a site on SQLite that answers in no time.

The word in the file `behaviour` of the project directory makes it a bad one.
"""
import contextlib
import os
import signal
import sqlite3
import sys
import time
import types

__path__ = []
BEHAVIOUR = os.path.abspath("behaviour")
TABLES = {"contacts_person": "id, name", "uploads_volume": "id, ref, root_dir"}


def get_version():
    return "5.2"


def module(name, **members):
    made = types.ModuleType(name)
    made.__path__ = []
    made.__dict__.update(members)
    sys.modules[name] = made
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, made)
    return made


def behaviour():
    try:
        with open(BEHAVIOUR) as stream:
            return stream.read().strip()
    except FileNotFoundError:
        return ""


class Settings:
    def __init__(self):
        import settings

        name = os.path.basename(os.getcwd())
        self.SETTINGS_MODULE = f"sites.{name}.settings"
        sys.modules[self.SETTINGS_MODULE] = settings
        self.__dict__.update({k: v for k, v in vars(settings).items() if k.isupper()})
        self.SETTINGS_MODULE = getattr(settings, "SETTINGS_MODULE", self.SETTINGS_MODULE)
        sys.modules.setdefault(self.SETTINGS_MODULE, settings)


class Signal:
    def __init__(self):
        self.receivers = []

    def connect(self, receiver):
        self.receivers.append(receiver)


def database():
    return settings.DATABASES["default"]["NAME"]


def initdb():
    if os.path.exists(database()):
        os.remove(database())
    print(f"`initdb ` started on database {database()}.")
    with sqlite3.connect(database()) as connection:
        for table, fields in TABLES.items():
            connection.execute(f"CREATE TABLE {table} ({fields})")


def write(directory, name, text):
    with open(os.path.join(directory, name), "w") as stream:
        stream.write(text)


SCRIPT = """SOURCE_VERSION = '1.0'
import django, os
from lino.utils.dpy import DpyLoader

def create_contacts_person(id, name):
    return "contacts_person", id, name

def create_uploads_volume(id, ref, root_dir):
    return "uploads_volume", id, ref, root_dir

def execfile(name, *args):
    exec(compile(open(name).read(), name, "exec"), *args)

def main():
    loader = DpyLoader(globals())
    django.initdb()
    os.chdir(os.path.dirname(__file__))
    args = globals(), locals()
    execfile("contacts_person.py", *args)
    execfile("uploads_volume.py", *args)
    loader.finalize()

main()
"""


def dump2py(directory):
    print(f"Writing {directory}/restore.py...")
    os.mkdir(directory)
    count = 0
    with sqlite3.connect(database()) as connection:
        for table, fields in TABLES.items():
            rows = connection.execute(f"SELECT {fields} FROM {table}").fetchall()
            lines = "".join(f"loader.save(create_{table}{row!r})\n" for row in rows)
            write(directory, f"{table}.py", f'logger.info("Loading {len(rows)} objects to table '
                  f'{table}...")\n# fields: {fields}\n{lines}\n')
            count += len(rows)
    if behaviour() == "disk-full":
        raise OSError(28, "No space left on device")
    write(directory, "restore.py", SCRIPT)
    if behaviour() == "short":
        count += 1
    print(f"Wrote {count} objects to {directory}/restore.py and siblings.")


class DpyLoader:
    def __init__(self, names):
        self.count, self.connection = 0, None
        names["logger"] = types.SimpleNamespace(info=print)

    def register_success(self):
        self.count += 1

    def save(self, row):
        if behaviour() == "unsavable":
            raise Exception(f"Failed to save independent {row}")
        if self.connection is None:
            self.connection = sqlite3.connect(database())
        marks = ", ".join("?" * (len(row) - 1))
        self.connection.execute(f"INSERT INTO {row[0]} VALUES ({marks})", row[1:])
        self.register_success()

    def finalize(self):
        if behaviour() == "lost":
            self.connection.execute("DELETE FROM contacts_person WHERE id = 1")
        if self.connection:
            self.connection.commit()
            self.connection.close()
        if behaviour() == "abandon":
            print("Abandoning with 2 unsaved instances:\n"
                  "- contacts.Person no such city (2 object(s) with primary key 1, 2)")
        print(f"Loaded {self.count} objects")


class RunCommand:
    def handle(self, script):
        with open(script) as stream:
            exec(compile(stream.read(), script, "exec"), {"__name__": "__main__", "__file__": script})


class Collectstatic:
    """Three files, of which one is there already."""

    def copy_file(self, path):
        os.makedirs(settings.STATIC_ROOT, exist_ok=True)
        write(settings.STATIC_ROOT, path, path)

    def collect(self):
        for path in ("a.css", "b.js"):
            self.copy_file(path)
        return {"modified": ["a.css", "b.js"], "unmodified": ["c.png"]}


class Connection:
    """django.db.connection, its introspection, its operations and a cursor, all in one."""

    vendor = "sqlite"

    def __init__(self):
        self.introspection = self.ops = self

    def __enter__(self):
        self.connection = sqlite3.connect(database())
        return self

    def __exit__(self, *unused):
        self.connection.close()

    def table_names(self, cursor=None):
        with self:
            return [n for (n,) in self.connection.execute("SELECT name FROM sqlite_master")]

    def get_primary_key_column(self, cursor, table):
        return None

    def quote_name(self, name):
        return f'"{name}"'

    def cursor(self):
        return self

    def execute(self, sql):
        self.answer = self.connection.execute(sql)
        self.description = self.answer.description

    def fetchone(self):
        return self.answer.fetchone()

    def fetchmany(self, size):
        return self.answer.fetchmany(size)


class Person:
    """A model: its class, its manager and its description, all in one."""

    label, db_table, pk = "contacts.Person", "contacts_person", types.SimpleNamespace(column="id")

    def get(self, pk):
        with sqlite3.connect(database()) as connection:
            return connection.execute("SELECT name FROM contacts_person WHERE id = ?",
                                      [int(pk)]).fetchone()[0]

    def get_parent_list(self):
        return []


Person._base_manager = Person._meta = Person()


class Client:
    def __init__(self, **unused):
        pass

    def get(self, path, **unused):
        return types.SimpleNamespace(status_code=500 if behaviour() == "broken-page" else 200)


def misbehave(word):
    if word == "garbage":
        sys.stdout.buffer.write(b"RESULT {}\nPROGRESS [\n\xff\xfe\0RESULT 1\nLoaded x objects\n" * 9)
        sys.stdout.flush()
    elif word == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("hanging", "w").close()
        while True:
            time.sleep(60)
    elif word == "flood":
        while True:
            os.write(2, b"x" * (1 << 20))
    elif word == "nothing":
        sys.exit(0)
    elif word == "fail":
        raise ValueError("this site is broken")


def execute_from_command_line(argv):
    misbehave(behaviour())
    print("Started manage.py", *argv[1:])
    if argv[1] == "dump2py":
        dump2py(next(a for a in argv[2:] if a.startswith("/")))
    elif argv[1] == "run":
        RunCommand().handle(argv[2])
    elif argv[1] == "collectstatic":
        Collectstatic().collect()


for name in ("core", "utils", "db", "db.backends", "contrib", "contrib.staticfiles",
             "contrib.staticfiles.management", "contrib.staticfiles.management.commands"):
    module(f"django.{name}")
module("django.contrib.staticfiles.finders", get_finders=list)
module("django.contrib.staticfiles.management.commands.collectstatic", Command=Collectstatic)
sys.modules["django.db"].connection = Connection()
module("django.db.transaction", atomic=contextlib.nullcontext)
module("django.apps", apps=types.SimpleNamespace(get_models=lambda **unused: [Person]))
sys.modules["django"].setup = lambda: misbehave(behaviour())
module("django.test", Client=Client)
module("django.core.management", execute_from_command_line=execute_from_command_line)
module("django.utils.log", DEFAULT_LOGGING={"handlers": {}})
module("django.db.backends.signals", connection_created=Signal())
module("lino", __version__="1.0")
for name in ("utils", "management", "management.commands"):
    module(f"lino.{name}")
module("lino.utils.dpy", DpyLoader=DpyLoader, LoaderBase=DpyLoader)
module("lino.management.commands.run", Command=RunCommand)
if behaviour() == "garbage":
    misbehave("garbage")
settings = Settings()
module("django.conf", settings=settings)
