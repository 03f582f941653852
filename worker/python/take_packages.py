"""Takes packages over from another environment of the same Python: the files that each lists in its
RECORD, so that what was put beside them (Lino's migrations) stays where it is. Scripts lead to this
environment then.

request: prefix and libraries of the other one, as packages.py tells them; leave (names of packages
that are not taken). Answers with {"taken": names}; what has no RECORD, is editable or cannot be
read is not among them.
"""
import csv
import json
import os
import re
import sys
from importlib.metadata import distributions

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


def copy_content(source, status, target):
    output = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.fchmod(output, status.st_mode & 0o777)
        done = 0
        while done < status.st_size:
            sent = os.sendfile(output, source, done, status.st_size - done)
            if sent == 0:
                raise OSError(f"{target} has become shorter")
            done += sent
        os.utime(output, ns=(status.st_atime_ns, status.st_mtime_ns))  # compiled code names it
    finally:
        os.close(output)


def copy(source, target):
    """One file, with as few calls as can be: there are tens of thousands."""
    directory = os.path.dirname(target)
    if directory not in made:
        os.makedirs(directory, exist_ok=True)
        made.add(directory)
    file = os.open(source, os.O_RDONLY)
    try:
        copy_content(file, os.fstat(file), target)
    finally:
        os.close(file)


def adapt(script):
    with open(script, "rb") as file:
        text = file.read()
    found = INTERPRETER.match(text)
    if found and os.path.realpath(os.fsdecode(found[2])) == os.path.join(request["prefix"], SCRIPTS):
        own = os.fsencode(os.path.join(sys.prefix, SCRIPTS))
        with open(script, "wb") as file:
            file.write(text[:found.start(2)] + own + text[found.end(2):])


def compiled(path):
    directory, name = os.path.split(path)
    return os.path.join(directory, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")


def files_of(distribution):
    """Each path within the environment, with its compiled code; what makes it count as installed
    comes last."""
    library = os.path.relpath(distribution.locate_file(""), request["prefix"])
    known = {}
    for row in csv.reader(distribution.read_text("RECORD").splitlines()):
        path = os.path.normpath(os.path.join(library, row[0]))
        known[path] = True
        if path.endswith(".py"):
            known[compiled(path)] = True
    return sorted(known, key=lambda path: ".dist-info/" in path)


def take(distribution):
    """Whether it was taken, whole."""
    targets = []
    try:
        for path in files_of(distribution):
            target = os.path.join(sys.prefix, path)
            if path.startswith((os.pardir, os.sep)):
                raise OSError(f"{path} is outside of the environment")
            try:
                copy(os.path.join(request["prefix"], path), target)
            except (FileExistsError, FileNotFoundError):
                continue  # another package's too; or not there, as compiled code may not be
            targets.append(target)
            if os.path.dirname(path) == SCRIPTS:
                adapt(target)
        return True
    except OSError as error:
        print(f"{distribution.metadata['Name']}: {error}")
        for target in targets:
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
