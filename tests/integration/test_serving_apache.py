"""Apache, Gunicorn and systemd; see serving.py."""

from serving import *
from stack import Apache, Systemd

STACK, SERVER = (Apache, Systemd), "gunicorn"
