"""See killing.py."""

from killing import *

VICTIM = "controller"
