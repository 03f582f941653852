"""A web server of few words: DIRECTORY; it dislikes a file with a line that begins with "bad"."""

import sys
from pathlib import Path

for path in Path(sys.argv[1]).glob("[!.]*"):
    if any(line.startswith("bad") for line in path.read_text().splitlines()):
        sys.exit(f"[emerg] it does not like {path.name}")
