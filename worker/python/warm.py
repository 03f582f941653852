"""Starts the site once and lets later helpers begin in copies of this process, with all imports
done. request: worker (user id of those who may ask).

A worker's runner that wants a helper connects to the listening socket, descriptor 3. What it would
have started is warm_begin.py then, which sends its arguments and all its descriptors over that
connection; a child of this process takes them over and does what main.py does. The connection's
end, or a "T" on it, ends the child; its exit status is the answer.
"""
import array
import ctypes
import gc
import json
import os
import select
import signal
import socket
import struct
import sys

PR_SET_PDEATHSIG = 1
IDLE_MS = 3600 * 1000
MESSAGE = 65536
FDS = 128


def own_files():
    """Files of the project that were read: a change would not be noticed by a copy."""
    here = os.getcwd() + "/"
    files = {os.path.realpath(getattr(module, "__file__", None) or "")
             for module in list(sys.modules.values())}
    return {path for path in files if path.startswith(here)
            and not path.startswith(here + "env/")} | {here + "manage.py"}


def stamp(files):
    stamps = []
    for path in sorted(files):
        try:
            found = os.stat(path)
            stamps.append((path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
        except OSError:
            stamps.append((path,))
    return stamps


def receive(connection):
    """Arguments and descriptors; the latter in the order of their numbers there: 0, 1, 2 ..."""
    fds = array.array("i")
    text, ancillary, flags, unused = connection.recvmsg(
        MESSAGE, socket.CMSG_LEN(FDS * fds.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    return json.loads(text), list(fds)


def become(argv, fds, parent):
    """Their descriptors at their numbers, and nothing else of this process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    free = max([*fds, len(fds)]) + 1
    moved = [os.dup2(fd, free + number, inheritable=False) for number, fd in enumerate(fds)]
    for number, fd in enumerate(moved):
        os.dup2(fd, number, inheritable=number < 3)
    os.closerange(len(fds), 1 << 16)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False,
                                        errors="backslashreplace") for number in (1, 2))
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv[:] = argv


def end(status):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def child(argv, fds, parent):
    try:
        become(argv, fds, parent)
        again()
    except SystemExit as exit:
        if isinstance(exit.code, str):
            print(exit.code, file=sys.stderr)
        end(exit.code if isinstance(exit.code, int) else 1 if exit.code else 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        end(1)
    end(0)


class Served:
    def __init__(self, connection):
        self.connection, self.pid, self.pidfd = connection, 0, -1

    def begin(self, fresh):
        argv, fds = receive(self.connection)
        if fresh and fds:
            self.connection.sendall(b"B")
            parent = os.getpid()
            self.pid = os.fork()
            if self.pid == 0:
                child(argv, fds, parent)
            self.pidfd = os.pidfd_open(self.pid)
        for fd in fds:
            os.close(fd)
        if not self.pid:
            self.connection.close()  # without a word: it has not begun

    def answer(self, status):
        try:
            self.connection.sendall(struct.pack("i", status))
        except OSError:
            pass  # it was ended
        self.connection.close()

    def told(self):
        """Over the connection: "T" to end in peace, its end to end at once."""
        try:
            word = self.connection.recv(1)
        except OSError:
            word = b""
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM if word else signal.SIGKILL)
        return bool(word)

    def ended(self):
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.pidfd)
        self.answer(status)


def may_ask(connection):
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("3i", credentials)[1] == request["worker"]


def serve(listening, files):
    before = stamp(files)
    watched = {listening.fileno(): None}
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    while True:
        ready = poll.poll(IDLE_MS)
        if not ready and len(watched) == 1:
            return  # whoever wanted it is gone, or busy with something long
        for fd, unused in ready:
            if fd == listening.fileno():
                served = Served(listening.accept()[0])
                if not may_ask(served.connection):
                    served.connection.close()
                    continue
                served.begin(stamp(files) == before)
                if served.pid:
                    for source in (served.pidfd, served.connection.fileno()):
                        watched[source] = served
                        poll.register(source, select.POLLIN)
                continue
            served = watched.get(fd)
            if served is None:
                continue
            if fd == served.pidfd:
                for source in (served.pidfd, served.connection.fileno()):
                    if watched.pop(source, None):
                        poll.unregister(source)
                served.ended()
            elif not served.told():
                poll.unregister(fd)
                del watched[fd]


def run(execute):
    import django

    quiet()
    django.setup()
    import django.contrib.staticfiles.management.commands.collectstatic
    import django.core.management.commands.check
    import django.test
    import lino.management.commands.run
    import lino.utils.dpy
    from django.db import connections
    from django.urls import get_resolver

    get_resolver().url_patterns
    connections.close_all()
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=3), own_files())
    result({})


enter(["check"], run)
