"""The way into a site, for every helper of this folder.

Runs the helper whose source is open as descriptor argv[2] and gives it these names:

    request              what the worker asks, from standard input
    result(value)        answers; the last answer counts
    progress(...)        tells how far it is
    enter(argv, inside)  runs the site's own manage.py, which sets the site's paths and names its
                         settings, and calls inside(execute) instead of its command
    quiet()              keeps the site's log file and its mail out of what follows
    again()              runs another helper, as sys.argv says, in a copy of this process (warm.py)
    protect(paths)       makes it an error to open or remove one of these databases
    own_sessions()       ends what the process does in a database server when it is ended itself

Modules that helpers share are in the folder `shared`: `import understudy_rows` is shared/rows.py,
open as the descriptor of argv's "rows=DESCRIPTOR".

Standard output belongs to the answers: whatever site code prints goes to standard error.
"""
import importlib.abc
import importlib.util
import inspect
import json
import os
import runpy
import signal
import sys
import threading
import time

PREFIX = "understudy_"
_entered = None  # what `execute` is, in a process that is in the site already
_answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def _say(word, value):
    _answers.write(f"{word} {json.dumps(value)}\n")
    _answers.flush()


def result(value):
    _say("RESULT", value)


def progress(unit, done, total=0, note="", done_bytes=0, total_bytes=0):
    _say("PROGRESS", {"unit": unit, "done": done, "total": total, "note": note,
                      "done_bytes": done_bytes, "total_bytes": total_bytes})


def outer_frames(frame, context=1):
    """Lino asks inspect for all its callers, with their source lines, once for each field that one
    plugin gives to another: a fifth of the time that a site takes to start, and it uses two names.
    """
    frames = []
    while frame:
        code = frame.f_code
        frames.append(inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name,
                                        None, None))
        frame = frame.f_back
    return frames


def enter(argv, inside):
    """Lino looks at sys.argv; `execute` is Django's execute_from_command_line."""
    if _entered:
        sys.argv[:] = ["manage.py", *argv]
        return inside(_entered)
    inspect.getouterframes = outer_frames
    import django.core.management as management

    execute = management.execute_from_command_line
    calls = []

    def command(*unused, **also_unused):
        global _entered
        calls.append(True)
        _entered = execute
        inside(execute)

    management.execute_from_command_line = command
    sys.argv[:] = ["manage.py", *argv]
    runpy.run_path("manage.py", run_name="__main__")
    if not calls:
        raise SystemExit("manage.py never calls execute_from_command_line()")


def quiet():
    """After the settings are read (Lino then has made its logging plans), before Django starts."""
    from django.utils.log import DEFAULT_LOGGING

    for name in ("file", "mail_admins"):
        if name in DEFAULT_LOGGING["handlers"]:
            DEFAULT_LOGGING["handlers"][name] = {"class": "logging.NullHandler"}


def protect(paths):
    """A second lock behind the worker's interlock: site code may name its database twice."""
    kept = {os.path.realpath(path) for path in paths}

    def watch(event, arguments):
        if event not in ("sqlite3.connect", "os.remove", "os.rename", "os.truncate"):
            return
        for argument in arguments:
            if isinstance(argument, (str, bytes, os.PathLike)):
                path = os.fsdecode(argument).removeprefix("file:").split("?")[0]
                if os.path.realpath(path) in kept:
                    raise PermissionError(f"{event} of {path}, which is not to be touched")

    sys.addaudithook(watch)


# For each kind of server: which session it is, how another one of the same user ends it, and
# whether it is still there.
SESSIONS = {
    "mysql": ("SELECT connection_id()", "KILL CONNECTION %s",
              "SELECT count(*) FROM information_schema.processlist WHERE id = %s"),
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)",
                   "SELECT count(*) FROM pg_stat_activity WHERE pid = %s")}
_sessions = {}


def _remember_session(sender, connection, **unused):
    if connection.vendor in SESSIONS:
        with connection.cursor() as cursor:
            cursor.execute(SESSIONS[connection.vendor][0])
            _sessions[cursor.fetchone()[0]] = connection


def _end_session(number, connection):
    parameters = connection.get_connection_params()
    if connection.vendor == "mysql":  # the database may just have been dropped
        for name in ("db", "database"):
            parameters.pop(name, None)
    _, end, count = SESSIONS[connection.vendor]
    other = connection.get_new_connection(parameters)
    cursor = other.cursor()
    cursor.execute(end, [number])
    for _ in range(60):
        cursor.execute(count, [number])
        if cursor.fetchone()[0] == 0:
            return
        time.sleep(0.05)


def _wait_for_end():
    signal.sigwait({signal.SIGTERM})
    for number, connection in list(_sessions.items()):
        try:
            _end_session(number, connection)
        except Exception as error:  # gone already, or the server is
            print(f"session {number}: {error}", file=sys.stderr)
    os._exit(128 + signal.SIGTERM)


def own_sessions():
    """A process that waits for a database's lock sees no signal, since Python's handlers run in the
    thread that waits; and once it is killed, its session goes on waiting."""
    from django.db.backends.signals import connection_created

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_end, daemon=True).start()
    connection_created.connect(_remember_session)


class _Shared(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def __init__(self, modules):
        self.descriptors = {PREFIX + name: int(fd) for name, fd in modules}

    def find_spec(self, name, path, target=None):
        if name in self.descriptors:
            return importlib.util.spec_from_loader(name, self, origin=f"{name}.py")
        return None

    def get_source(self, name):
        with os.fdopen(self.descriptors[name], encoding="utf-8") as stream:
            return stream.read()


def again():
    """The old stream stays, for its end would close a descriptor that is another's now."""
    global _answers, _before
    _before = _answers
    _answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _main()


def _main():
    name = sys.argv[1]
    with os.fdopen(int(sys.argv[2]), encoding="utf-8") as stream:
        source = stream.read()
    sys.meta_path.insert(0, _Shared(given.split("=") for given in sys.argv[3:]))
    sys.path[0] = os.getcwd()  # as for `python manage.py`
    names = {"__name__": "__main__", "__file__": f"{name}.py", "request": json.load(sys.stdin),
             "result": result, "progress": progress, "enter": enter, "quiet": quiet,
             "protect": protect, "again": again, "own_sessions": own_sessions}
    exec(compile(source, f"{name}.py", "exec"), names)


_main()
