"""nginx, uWSGI and supervisor; see serving.py."""

from serving import *
from stack import Nginx, Supervisor

STACK, SERVER = (Nginx, Supervisor), "uwsgi"
