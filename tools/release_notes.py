"""Print what CHANGELOG.md says about a version: release_notes.py VERSION."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(changelog: str, version: str) -> str:
    """Return the section of a version, without its title."""
    found = re.search(
        rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)",
        changelog,
        re.MULTILINE | re.DOTALL,
    )
    if found is None:
        raise SystemExit(f"CHANGELOG.md has no section [{version}].")
    return found[1].strip()


if __name__ == "__main__":
    print(notes(CHANGELOG.read_text(), sys.argv[1]))
