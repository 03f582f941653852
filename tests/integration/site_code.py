"""Runs helpers of worker/python, and those of the tests, in a site, as the worker does."""

import json
import os
import subprocess
from pathlib import Path

HELPERS = Path(__file__).resolve().parents[2] / "worker/python"
OWN = Path(__file__).resolve().parent / "helpers"


class SiteCode:
    """A helper that runs; answer() waits for it."""

    def __init__(self, project, name, request):
        own = OWN / f"{name}.py"
        modules = sorted((HELPERS / "shared").glob("*.py"))
        paths = [HELPERS / "main.py", own if own.exists() else HELPERS / f"{name}.py", *modules]
        fds = [os.open(path, os.O_RDONLY) for path in paths]
        shared = [f"{path.stem}={fd}" for path, fd in zip(modules, fds[2:])]
        self.process = subprocess.Popen(
            [project / "env/bin/python", f"/proc/self/fd/{fds[0]}", name, str(fds[1]), *shared], cwd=project, pass_fds=fds,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(project), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
                 "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1", "LINO_LOGLEVEL": "INFO"},
        )
        for fd in fds:
            os.close(fd)
        self.process.stdin.write(json.dumps(request))
        self.process.stdin.close()
        self.process.stdin = None

    def answer(self):
        output, errors = self.process.communicate(timeout=300)
        answers = [line.split(" ", 1)[1] for line in output.splitlines() if line.startswith("RESULT ")]
        assert self.process.returncode == 0 and answers, errors[-3000:]
        return json.loads(answers[-1])

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=60)


def run_site_code(site, name, **request):
    return SiteCode(site, name, request).answer()
