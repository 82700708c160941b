"""The programs of the folder tools, as they are run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_tool() -> Run:
    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "tools" / name, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    return run
