"""Runs collectstatic. request: project (the project directory, resolved), name (of the site).

Answers {"copied", "unmodified"}, or {"outside": where} when the files would go elsewhere.
"""
import os
from pathlib import PurePath

from django.conf import settings


def belongs(root):
    """In the project directory, or in a directory of its own: collecting a newer version's files
    over those that another site serves would break that site."""
    return root.is_relative_to(request["project"]) or request["name"] in root.parts


def watch():
    from django.contrib.staticfiles.finders import get_finders
    from django.contrib.staticfiles.management.commands import collectstatic

    command = collectstatic.Command
    collect, copy = command.collect, command.copy_file
    count = total = 0

    def counted_collect(self):
        nonlocal total
        total = sum(1 for finder in get_finders() for unused in finder.list([]))
        collected = collect(self)
        result({"copied": len(collected["modified"]), "unmodified": len(collected["unmodified"])})
        return collected

    def counted_copy(self, *args):
        nonlocal count
        count += 1
        if count % 50 == 0:
            progress("FILES", count, total)
        return copy(self, *args)

    command.collect, command.copy_file = counted_collect, counted_copy


def run(execute):
    root = PurePath(os.path.realpath(settings.STATIC_ROOT))
    if not belongs(root):
        return result({"outside": str(root)})
    quiet()
    watch()
    execute(ARGV)


ARGV = ["manage.py", "collectstatic", "--noinput"]
enter(ARGV[1:], run)
