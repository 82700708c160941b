"""What the user types to run this program again."""

from __future__ import annotations

import os
import shutil
import sys

__all__ = ["program_name"]

_NAME = "clu"


def program_name() -> str:
    """Return ``clu``, or a path or command for where that is not this program."""
    running = sys.argv[0]
    if os.path.basename(running) not in (_NAME, f"{_NAME}.exe"):  # python -m clu
        running = os.path.join(os.path.dirname(sys.executable), _NAME)
    found = shutil.which(_NAME)
    if found is not None and os.path.realpath(found) == os.path.realpath(running):
        return _NAME
    near = os.path.relpath(running)
    return running if near.startswith(os.pardir) else near
