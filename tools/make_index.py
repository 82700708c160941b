"""Write a package index (PEP 503) of the files of GitHub releases: make_index.py RELEASES FOLDER.

RELEASES is what ``gh api --paginate --slurp repos/OWNER/NAME/releases`` prints. The index is made
from all releases each time, so that nothing is kept between two releases.
"""

from __future__ import annotations

import html
import json
import sys
from itertools import chain
from pathlib import Path
from typing import Any

PROJECT = "sdss-clu"
REQUIRES_PYTHON = ">=3.10"
SUFFIXES = (".whl", ".tar.gz")

PAGE = """<!DOCTYPE html>
<html>
  <head>
    <meta charset="utf-8">
    <meta name="pypi:repository-version" content="1.0">
    <title>{title}</title>
  </head>
  <body>
{links}
  </body>
</html>
"""


def link(asset: dict[str, Any]) -> str:
    """Return the link to a file, with its checksum."""
    algorithm, _, checksum = asset["digest"].partition(":")
    if algorithm != "sha256" or len(checksum) != 64:
        raise SystemExit(f"{asset['name']} has no SHA-256 checksum, but {asset['digest']!r}.")
    address = html.escape(f"{asset['browser_download_url']}#sha256={checksum}")
    requires = html.escape(REQUIRES_PYTHON)
    name = html.escape(asset["name"])
    return f'    <a href="{address}" data-requires-python="{requires}">{name}</a><br>'


def main(source: str, target: str) -> None:
    """Write the pages of the index."""
    pages: list[list[dict[str, Any]]] = json.loads(Path(source).read_text())
    assets = [
        asset
        for release in chain.from_iterable(pages)
        if not release["draft"]
        for asset in release["assets"]
        if asset["name"].endswith(SUFFIXES)
    ]
    folder = Path(target) / PROJECT
    folder.mkdir(parents=True, exist_ok=True)
    root = f'    <a href="{PROJECT}/">{PROJECT}</a><br>'
    (folder.parent / "index.html").write_text(PAGE.format(title="Simple index", links=root))
    links = "\n".join(map(link, assets))
    (folder / "index.html").write_text(PAGE.format(title=f"Links for {PROJECT}", links=links))


if __name__ == "__main__":
    main(*sys.argv[1:])
