"""Takes packages over from another environment of the same Python: the files that each lists in its
RECORD, so that what was put beside them (Lino's migrations) stays where it is. Scripts lead to this
environment then.

request: prefix and libraries of the other one, as packages.py tells them; leave (names of packages
that are not taken). Answers with {"taken": names}; what has no RECORD, is editable or cannot be
read is not among them.
"""
import json
import os
import re
import shutil
import sys
from importlib.metadata import distributions
from importlib.util import cache_from_source

# "#!/path/env/bin/python", or for a long path "#!/bin/sh" and then "'''exec' /path/env/bin/python".
INTERPRETER = re.compile(rb"\A(#!|#!/bin/sh\n'''exec' \"?)(/[^\n\"]*)/python[0-9.]*")
SCRIPTS = "bin"
made = set()


def is_editable(distribution):
    try:
        direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return True
    return bool(direct.get("dir_info", {}).get("editable"))


def copy(source, target):
    directory = os.path.dirname(target)
    if directory not in made:
        os.makedirs(directory, exist_ok=True)
        made.add(directory)
    shutil.copyfile(source, target, follow_symlinks=False)
    if not os.path.islink(target):
        status = os.stat(source)
        os.chmod(target, status.st_mode & 0o777)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # compiled code names it


def adapt(script):
    with open(script, "rb") as file:
        text = file.read()
    found = INTERPRETER.match(text)
    if found and os.path.realpath(os.fsdecode(found[2])) == os.path.join(request["prefix"], SCRIPTS):
        own = os.fsencode(os.path.join(sys.prefix, SCRIPTS))
        with open(script, "wb") as file:
            file.write(text[:found.start(2)] + own + text[found.end(2):])


def files_of(distribution):
    """Each path in the other environment, with its compiled code; what makes it count as installed
    comes last."""
    listed = [os.path.normpath(str(distribution.locate_file(file))) for file in distribution.files]
    known = set(listed)
    for path in listed:
        compiled = cache_from_source(path) if path.endswith(".py") else path
        if compiled not in known:
            known.add(compiled)
    return sorted(known, key=lambda path: ".dist-info" + os.sep in path)


def take(distribution):
    """Whether it was taken, whole."""
    targets = []
    try:
        for path in files_of(distribution):
            relative = os.path.relpath(path, request["prefix"])
            target = os.path.join(sys.prefix, relative)
            if relative.startswith(os.pardir):
                raise OSError(f"{path} is outside of the environment")
            if os.path.lexists(target) or not os.path.lexists(path):
                continue  # another package's too; or it is not there, as compiled code may not be
            targets.append(target)
            copy(path, target)
            if os.path.dirname(relative) == SCRIPTS:
                adapt(target)
        return True
    except OSError as error:
        print(f"{distribution.metadata['Name']}: {error}")
        for target in targets:
            if os.path.lexists(target):
                os.unlink(target)
        return False


def all_of_them():
    seen, taken = set(request["leave"]), []
    found = list(distributions(path=request["libraries"]))
    for number, distribution in enumerate(found):
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        if not name or name in seen:
            continue
        seen.add(name)
        progress("PACKAGES", number, len(found), name)
        if distribution.read_text("RECORD") and not is_editable(distribution) and take(distribution):
            taken.append(name)
    return taken


result({"taken": all_of_them()})
