"""The commands in the README exist and run. Its actor is tested in tests/test_readme.py."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig

import pytest

from .pages import ROOT, blocks

LINES = [
    line
    for block in blocks(ROOT / "README.md")
    if block.language == "console"
    for line in block.text.splitlines()
]
#: They install this repository, which the set-up of the tests has done, or a release of it.
INSTALL = (
    "pip install .",
    "pip install /path/to/this/repository",
    "pip install ./sdss_clu-",
    "pip install --extra-index-url ADDRESS ",
)


def run(*words: str) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_readme_is_there(line: str) -> None:
    if line.startswith(INSTALL):
        return
    program, *words = line.split()
    if program == "make":
        if shutil.which("make") is None:
            pytest.skip("there is no make here")
        run("make", "--dry-run", *words)
    else:
        assert program == "clu"
        run(f"{sysconfig.get_path('scripts')}/clu", *words)
