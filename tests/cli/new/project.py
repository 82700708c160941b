"""Making a project with ``clu new``, and checking its code as its owner may do."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.terminal import CLU
from tests.tree import ROOT
from tests.typing.test_typing import CONFIGURATION

if TYPE_CHECKING:
    import pathlib

#: In seconds. The first run of mypy reads all of clu and what it imports.
LIMIT = 170
#: The projects find the clu of the tests, also where that is not installed but in the tree.
SOURCES = {"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)} if (ROOT / "clu").is_dir() else {}


def run(*words: str, folder: pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **SOURCES, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def new(*arguments: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return run(*CLU, "new", *arguments, folder=folder)


def assert_clean(project: pathlib.Path, cache: pathlib.Path) -> None:
    """Check a project with mypy in its strict mode, and with ruff as it is by default."""
    cache.mkdir(exist_ok=True)
    (cache / "mypy.ini").write_text(CONFIGURATION)
    options = ["--config-file", str(cache / "mypy.ini"), "--cache-dir", str(cache)]
    options += ["--strict", "--no-color-output", "--no-error-summary"]
    done = run(sys.executable, "-m", "mypy", *options, ".", folder=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    _ruff("check", folder=project)


def assert_formatted(project: pathlib.Path) -> None:
    _ruff("format", "--check", folder=project)


def _ruff(*words: str, folder: pathlib.Path) -> None:
    pytest.importorskip("ruff")  # where a distribution is tested there is none
    options = ["--isolated", "--no-cache"]
    done = run(sys.executable, "-m", "ruff", *words, *options, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
