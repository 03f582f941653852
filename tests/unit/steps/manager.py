"""A service manager of few words, as worker.conf's [command] has it: ROOT APP status|start|stop SITE-ROLE."""

import os
import signal
import subprocess
import sys
from pathlib import Path

root, app, word, program = sys.argv[1:]
site, role = program.split("-")
number = Path(root, f"{program}.pid")

if word == "status":
    sys.exit(0 if number.exists() else 3)
if word == "start":
    project = Path(root, site)
    child = subprocess.Popen([sys.executable, app, project / f".understudy-run/{role}.sock", project], start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env=os.environ | {"UNDERSTUDY_ROLE": role})
    number.write_text(str(child.pid))
elif number.exists():
    os.kill(int(number.read_text()), signal.SIGKILL)
    number.unlink()
