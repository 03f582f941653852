"""What lies in a directory that dump2py wrote: one object per line, by table."""
import hashlib
import os
import re

HEADER = re.compile(r'^logger\.info\("Loading (\d+) objects(?: \(part (\d+) of (\d+)\))? '
                    r'to table (\w+)\.\.\."\)$')
OBJECT = "loader.save("
FLUSH = "loader.flush_deferred_objects()"


class Unusual(Exception):
    """Something is not as dump2py writes it, or is more than can be followed."""


class Dump:
    """files: {name: table}; lines: {table: [line, ...]}; fields: {table: text}."""

    def __init__(self, directory):
        self.files, self.lines, self.fields, self.announced = {}, {}, {}, {}
        for name in sorted(os.listdir(directory)):
            if name.endswith(".py") and not is_script(name):
                with open(os.path.join(directory, name), encoding="utf-8", newline="\n") as stream:
                    self.read(name, stream.read().split("\n"))
        for table, lines in self.lines.items():
            if len(lines) != self.announced[table]:
                raise Unusual(f"the dump of {table} has {len(lines)} objects and announces "
                              f"{self.announced[table]}")
            if len(set(lines)) != len(lines):
                raise Unusual(f"the dump of {table} has an object twice")

    def read(self, name, lines):
        found = HEADER.match(lines[1]) if len(lines) > 2 else None
        if not found or not lines[2].startswith("# fields: "):
            raise Unusual(f"{name} has no header")
        table = self.files[name] = found[4]
        self.announced[table] = int(found[1])
        if self.fields.setdefault(table, lines[2]) != lines[2]:
            raise Unusual(f"the parts of {table} have different fields")
        objects = self.lines.setdefault(table, [])
        for line in lines[3:]:
            if line.startswith(OBJECT) and line.endswith(")"):
                objects.append(line)
            elif line not in ("", FLUSH):
                raise Unusual(f"{name} has a line that is not an object: {line[:60]}")

    def objects(self):
        return sum(map(len, self.lines.values()))


def is_script(name):
    return name == "restore.py" or "restore2preview" in name


def digest(directory):
    """Of the tables' files; the scripts are not of the data."""
    total = hashlib.sha256()
    for name in sorted(os.listdir(directory)):
        if name.endswith(".py") and not is_script(name):
            with open(os.path.join(directory, name), "rb") as stream:
                total.update(f"{name} {hashlib.sha256(stream.read()).hexdigest()}\n".encode())
    return total.hexdigest()
