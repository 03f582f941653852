"""Begins a helper in a site that is started already (warm.py): started as the helper's process would
be, with one descriptor more, argv[1], the connection, after all others.

Exit status 75: it has not begun, for the project's files have changed; it must be started by
itself.
"""
import array
import json
import os
import signal
import socket
import struct
import sys

number = int(sys.argv[1])
connection = socket.socket(fileno=number)
signal.signal(signal.SIGTERM, lambda *unused: connection.send(b"T"))
try:
    connection.sendmsg([json.dumps(sys.argv[2:]).encode()],
                       [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", range(number)))])
    begun = connection.recv(1)
except OSError:
    begun = b""
if not begun:
    sys.exit(75)
try:
    answer = connection.recv(4, socket.MSG_WAITALL)
except OSError:
    answer = b""
if len(answer) < 4:
    sys.exit("the site's process has ended, and its copies with it")
status = os.waitstatus_to_exitcode(struct.unpack("i", answer)[0])
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
