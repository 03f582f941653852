"""A mail server and a web server that keep what they are sent: `receivers.py DIRECTORY`.

DIRECTORY/ports has their ports once both listen. Each mail becomes mail-N (its headers and text), each request hook-N (JSON: path,
headers, body). How the next requests are answered stands in DIRECTORY/answer: a status, or "stall".
"""

import itertools
import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller

directory = Path(sys.argv[1])
numbers = itertools.count(1)
never = threading.Event()


def keep(kind, data):
    number = next(numbers)
    (directory / f".{kind}-{number}").write_bytes(data)
    os.rename(directory / f".{kind}-{number}", directory / f"{kind}-{number:04d}")


class Mail:
    async def handle_DATA(self, server, session, envelope):
        keep("mail", f"X-To: {' '.join(envelope.rcpt_tos)}\n".encode() + envelope.content)
        return "250 kept"


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = (directory / "answer").read_text()
        keep("hook", json.dumps({"path": self.path, "headers": dict(self.headers), "body": body, "answer": answer}).encode())
        if answer == "stall":
            never.wait()
        self.send_response(int(answer))
        if answer.startswith("3"):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *unused):
        pass


(directory / "answer").write_text("200")
with socket.create_server(("127.0.0.1", 0)) as free:  # aiosmtpd wants to be told a port
    smtp = free.getsockname()[1]
Controller(Mail(), hostname="127.0.0.1", port=smtp, server_hostname="localhost").start()
hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
ports = {"smtp": smtp, "http": hook.server_port}
(directory / ".ports").write_text(json.dumps(ports))
os.rename(directory / ".ports", directory / "ports")
hook.serve_forever()
