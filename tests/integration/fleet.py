"""A controller and its workers as separate processes, driven as an operator drives them."""

import http.client
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import network
from servers import server
from site_under_test import MAKER, SOURCE, Site, owner

BUILD = Path(os.environ.get("UNDERSTUDY_BUILD") or SOURCE / "build")
BIN = BUILD / "bin"
CRASH = BUILD / "tests/crash.so"
PATIENCE = 300  # seconds; far beyond what any job of these tests takes, so that only a hang meets it

DONE, FAILED, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4
ENDED = {"done", "failed", "canceled"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def wait_for(condition, what, patience=PATIENCE):
    """Waits for something that tells nobody when it happens."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(0.02)


def processes():
    """(pid, argv) of every process."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                yield int(entry.name), Path(entry.path, "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            except OSError:
                continue


class Daemon:
    """A program of the build that runs until it is told otherwise."""

    def __init__(self, argv, log, environment=None):
        self.argv, self.log, self.environment = argv, log, environment
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )

    def kill(self):
        """kill -9, without a word."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.terminate()
        return self.process.wait(timeout=30)


class Worker(Daemon):
    def __init__(self, fleet, name, roots):
        self.fleet, self.name, self.roots = fleet, name, roots
        self.place = fleet.network.place(name)
        self.directory = fleet.directory / f"worker-{name}"
        self.crash_file = fleet.directory / f"crash-{name}"
        super().__init__(
            self.place.argv([str(BIN / "understudy-worker"), "run", "--dir", str(self.directory)]),
            fleet.directory / f"worker-{name}.log",
            os.environ | pip_offline() | {"LD_PRELOAD": str(CRASH), "CRASH_FILE": str(self.crash_file)},
        )

    def crash_at(self, program, function, count):
        """The next `program` ("run": the worker, "run-task": a runner) dies right before its count-th call of function."""
        self.crash_file.write_text(f"{program} {function} {count}")

    def crashed(self):
        """Whether that has happened; it is not asked for any longer."""
        waiting = self.crash_file.exists()
        self.crash_file.unlink(missing_ok=True)
        return not waiting

    def join(self):
        line = self.fleet.ctl("host", "add", self.name).stdout
        join = shlex.split(re.search(r"^\s*(understudy-worker join .*)$", line, re.M).group(1))
        join[0] = str(BIN / join[0])
        roots = [word for root in self.roots for word in ("--root", str(root))]
        argv = [*join, "--dir", str(self.directory), *roots]
        subprocess.run(self.place.argv(argv), check=True, capture_output=True, text=True)

    def administer(self, place):
        """Its configuration says how the tests' own database server is reached."""
        with open(self.directory / "worker.conf", "a") as file:
            file.write(f"\n[{place.engine}]\nadmin = {place.admin}\n")

    def runners(self):
        """Process ids of this worker's runners that have a task: they hold files of its directory open."""
        tasks = str(self.directory / "tasks")
        return [pid for pid, argv in processes() if "run-task" in argv[1:2] and holds_open(pid, f"{tasks}/", f"{tasks}/.spare")]


def holds_open(pid, prefix, but_for):
    try:
        files = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(file.startswith(prefix) and not file.startswith(but_for) for file in files)


def pip_offline():
    wheels = subprocess.run([MAKER, "wheels"], check=True, capture_output=True, text=True).stdout.strip()
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


class Fleet:
    def __init__(self, directory, net=None):
        self.directory = Path(directory)
        self.network = net or network.make()
        self.place = self.network.place("c")
        self.controller_directory = self.directory / "controller"
        self.workers = {}
        listen = f"{self.place.address}:{self.network.free_port(self.place)}"
        self.run("understudy-controller", "init", "--dir", self.controller_directory, "--listen", listen)
        # Else a test that runs at night might meet the series' own synchronisation.
        configuration = self.controller_directory / "controller.conf"
        configuration.write_text(configuration.read_text().replace("#nightly = yes", "nightly = no"))
        self.controller = Daemon(
            self.place.argv([str(BIN / "understudy-controller"), "run", "--dir", str(self.controller_directory)]),
            self.directory / "controller.log",
        )
        self.start_controller()

    # ---- processes

    def run(self, program, *arguments, check=True):
        done = subprocess.run(
            [str(BIN / program), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            raise AssertionError(f"{program} {arguments}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def configure(self, section, lines):
        """Puts lines at the beginning of a section of controller.conf, and starts the controller anew."""
        configuration = self.controller_directory / "controller.conf"
        configuration.write_text(configuration.read_text().replace(f"[{section}]\n", f"[{section}]\n{lines}"))
        self.controller.stop()
        self.start_controller()

    def start_controller(self):
        self.controller.start()
        wait_for(self.answers, "the controller answers")

    def answers(self):
        if self.controller.process.poll() is not None:
            raise AssertionError(f"the controller ended: {self.controller.log.read_text()}")
        return self.ctl("host", "list", check=False).returncode == DONE

    def add_worker(self, name, *roots, engine="sqlite", options=""):
        """`options` are more lines of its worker.conf."""
        worker = self.workers[name] = Worker(self, name, roots)
        worker.join()
        if engine != "sqlite":
            worker.administer(server(engine))
        with open(worker.directory / "worker.conf", "a") as conf:
            conf.write(options)
        worker.start()
        self.wait_connected(name)
        return worker

    def wait_connected(self, name):
        wait_for(lambda: self.json("host", "show", name)["connected"], f"host {name} connects")

    def close(self):
        """Ends everything that was started here, runners and their children too."""
        for daemon in (self.controller, *self.workers.values()):
            if daemon.process and daemon.process.poll() is None:
                daemon.kill()
        for pid, argv in processes():
            if any(str(self.directory) in word for word in argv) and pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self.network.close()

    # ---- the command line

    def ctl(self, *arguments, check=True):
        return self.run("understudyctl", "--dir", self.controller_directory, *arguments, check=check)

    def json(self, *arguments, check=True):
        return json.loads(self.ctl(*arguments, "--json", check=check).stdout)

    def start_job(self, *arguments):
        """Gives a job's id; the job goes on."""
        return self.json(*arguments, "--no-wait")["id"]

    def job(self, job):
        return self.json("job", "show", str(job))

    def task(self, job, label):
        return next(task for task in self.job(job)["tasks"] if task["label"] == label)

    def finish(self, job):
        """Waits until a job has ended, or waits for a person."""
        for event in self.events(job):
            pass
        return self.job(job)

    def do(self, *arguments):
        """A job from word to end; what it became."""
        return self.finish(self.start_job(*arguments))

    # ---- the event stream

    @property
    def socket(self):
        return self.controller_directory / "api.socket"

    def over(self, job):
        return self.job(job)["state"] in ENDED | {"waiting"}

    def events(self, job, after=0, patience=PATIENCE):
        """A job's events as they come, over restarts of the controller, until it is over."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                for event in self.stream(job, after, patience):
                    after = event["seq"]
                    yield event
                # A job that was canceled or tried again has ended before, in its earlier events.
                if self.over(job):
                    return
            except (OSError, http.client.HTTPException):
                select.select([], [], [], 0.05)
        raise AssertionError(f"job {job} did not end within {patience} s: {json.dumps(self.job(job), indent=1)}")

    def stream(self, job, after, patience):
        connection = UnixConnection(self.socket, patience)
        try:
            connection.request("GET", f"/v1/jobs/{job}/events?after={after}")
            reply = connection.getresponse()
            for line in reply:
                if line.startswith(b"data:"):
                    data = json.loads(line[5:])
                    yield from data if isinstance(data, list) else [data]
        finally:
            connection.close()

    def until(self, job, condition):
        """Follows a job until an event meets the condition; None when the job ended first."""
        return next((event for event in self.events(job) if condition(event)), None)

    def until_running(self, job, label, progress=False):
        """Follows a job until a step runs; with `progress`, until it has told of some."""
        def met(event):
            if progress:
                return event["type"] == "progress" and event["label"] == label
            return event["type"] == "task" and event["task"]["label"] == label and event["task"]["state"] == "running"
        return self.until(job, met)


def scratch(directory):
    """A directory that the sites' owner may pass through."""
    path = Path(directory)
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)
    return path


def explain(job):
    """For messages of failed assertions."""
    tasks = [f"{task['label']}: {task['state']} {task.get('failure') or ''}" for task in job.get("tasks", [])]
    return "\n".join([f"job {job['id']} {job['kind']} {job['state']} {job.get('failure') or ''}", *tasks])


def assert_done(job):
    assert job["state"] == "done", explain(job)
    return job


def remove_tree(path):
    """Removes what a test made, read-only directories included."""
    subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", path], check=True)
