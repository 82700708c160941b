"""Show what differs: `python -m tests.differential [PATTERN ...] [--click VERSION]`."""

from __future__ import annotations

import argparse
import fnmatch
import json
import time
from pathlib import Path
from typing import Any

from tests import recorded_release

from . import builds
from .differences import accepted, differences
from .recorder import registry


def recorded_before(path: Path | None) -> dict[str, Any]:
    if path is None or not path.exists():
        return {}
    recordings: dict[str, Any] = json.loads(path.read_text())
    return recordings


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--click", default=recorded_release.newest_click())
    parser.add_argument("--all", action="store_true", help="also what is accepted")
    parser.add_argument("--transcripts", action="store_true", help="print both transcripts")
    parser.add_argument("--keep", type=Path, help="the transcripts: made once, then read")
    parser.add_argument("--json", type=Path, help="write the differences to this file")
    options = parser.parse_args()
    names = [
        name
        for name in registry.load()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.patterns)
    ]
    start = time.monotonic()
    recordings = recorded_before(options.keep)
    if not recordings:
        taken = builds.record({options.click: names})
        recordings = {side: taken[side, options.click] for side in (builds.RECORDED, builds.OURS)}
        if options.keep:
            options.keep.write_text(json.dumps(recordings))
    recorded, ours = recordings[builds.RECORDED], recordings[builds.OURS]
    rules = [] if options.all else accepted()
    differing = {}
    for name in names:
        if options.transcripts:
            print(
                f"== {name}", json.dumps(recorded[name], indent=1), json.dumps(ours[name], indent=1)
            )
        found = [
            difference
            for difference in differences(recorded[name], ours[name])
            if not any(rule.covers(name, difference) for rule in rules)
        ]
        if found:
            differing[name] = found
            print(f"== {name}", *found, sep="\n  ")
    print(f"{len(differing)} of {len(names)} differ, {time.monotonic() - start:.0f} s")
    if options.json:
        listed = {name: [vars(d) for d in found] for name, found in differing.items()}
        options.json.write_text(json.dumps(listed))


if __name__ == "__main__":
    main()
