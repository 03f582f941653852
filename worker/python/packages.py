"""What is installed in the environment that runs this.

Answers with the Python it was made from, its library directories, and each package: its version,
and where it came from when that is not a package index. Like pip freeze, it leaves out what every
environment has.
"""
import json
import os
import re
import sys
import sysconfig
from importlib.metadata import distributions
from urllib.parse import unquote, urlparse

OWN = {"pip", "distribute", "wheel"} | ({"setuptools"} if sys.version_info < (3, 12) else set())


def local_path(url):
    parts = urlparse(url)
    return unquote(parts.path) if parts.scheme == "file" else None


def origin(distribution):
    """editable: its directory; url: as pip takes it; both None when it is from an index."""
    try:
        direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        direct = {}
    url, vcs = direct.get("url"), direct.get("vcs_info")
    if direct.get("dir_info", {}).get("editable"):
        return {"editable": local_path(url), "url": None}
    if vcs:
        return {"editable": None, "url": f"{vcs['vcs']}+{url}@{vcs.get('commit_id', '')}".rstrip("@")}
    if url:
        path = local_path(url)
        return {"editable": None, "url": url if path is None or os.path.exists(path) else None}
    where = os.path.realpath(str(distribution.locate_file("")))
    if "site-packages" not in where and "dist-packages" not in where:
        return {"editable": where, "url": None}  # an egg-link, as setup.py develop makes it
    return {"editable": None, "url": None}


def packages():
    seen = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if not name or not os.path.realpath(str(distribution.locate_file(""))):
            continue
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key not in OWN and key not in seen:  # the first on the path is the one that is imported
            seen[key] = {"name": key, "version": distribution.version, **origin(distribution)}
    return [seen[key] for key in sorted(seen)]


sys.path = [path for path in sys.path if path and os.path.realpath(path) != os.getcwd()]
result({"base": getattr(sys, "_base_executable", sys.executable), "prefix": os.path.realpath(sys.prefix),
        "libraries": sorted(os.path.realpath(path) for path in {
            sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        "python": sys.version.split()[0], "packages": packages()})
