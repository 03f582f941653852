"""Stands in for the application of a site where a test needs many of them: it starts at once, knows its role and its
hosts as the real one does, and misbehaves as the file `behaviour` in its project directory says.

    fake_app.py SOCKET PROJECT      as the program of a site
    fake_app.py linod PROJECT       as its linod: notes when it starts and ends
"""

import http.server
import json
import os
import signal
import socketserver
import sys
import threading
import time


def read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        behaviour = read(f"{PROJECT}/behaviour").strip()
        if behaviour == "hang":
            threading.Event().wait()
        name = "stranger" if behaviour == "wrong" else os.path.basename(os.path.realpath(PROJECT))
        host = self.headers.get("Host", "").split(":")[0]
        status = 500 if behaviour == "error" else 200 if host in HOSTS else 400
        body = f"{name} {ROLE}\n".encode()
        self.send_response(status)
        self.send_header("X-Understudy-Site", f"{name} {ROLE}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 100

    def get_request(self):
        request, _ = super().get_request()
        return request, ("visitor", 0)


def serve(path):
    if os.path.exists(path):
        os.unlink(path)
    os.umask(0o007)
    server = Server(path, Site)
    signal.signal(signal.SIGTERM, lambda *unused: os._exit(0))
    server.serve_forever()


def linod():
    def note(word, *unused):
        with open(f"{PROJECT}/linod.notes", "a", encoding="utf-8") as stream:
            stream.write(f"{word} {time.time()}\n")
        if word == "ends":
            os._exit(0)

    signal.signal(signal.SIGTERM, lambda *unused: note("ends"))
    note("starts")
    while True:
        signal.pause()


PROJECT = sys.argv[2]
if sys.argv[1] == "linod":
    linod()
ROLE = os.environ["UNDERSTUDY_ROLE"]
HOSTS = json.loads(read(f"{PROJECT}/understudy_managed.json"))["role"]["roles"][ROLE]["hosts"]
serve(sys.argv[1])
