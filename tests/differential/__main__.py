"""Show what differs: `python -m tests.differential [PATTERN ...] [--click VERSION] [--json FILE]`."""

from __future__ import annotations

import argparse
import fnmatch
import json
import time

from tests import recorded_release

from . import builds
from .differences import accepted, differences
from .recorder import registry


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--click", default=recorded_release.newest_click())
    parser.add_argument("--all", action="store_true", help="also what is accepted")
    parser.add_argument("--transcripts", action="store_true", help="print both transcripts")
    parser.add_argument("--json")
    options = parser.parse_args()
    names = [
        name
        for name in registry.load()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.patterns)
    ]
    start = time.monotonic()
    recordings = builds.record({options.click: names})
    recorded, ours = (recordings[side, options.click] for side in (builds.RECORDED, builds.OURS))
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
        with open(options.json, "w") as stream:
            json.dump({n: [vars(d) for d in found] for n, found in differing.items()}, stream)


if __name__ == "__main__":
    main()
