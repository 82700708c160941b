"""Types as users see them: mypy --strict on what they write, and on the examples."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HERE = ROOT / "tests" / "typing"
EXAMPLES = sorted(
    {path.parent for path in ROOT.glob("examples/**/*.py")} - {ROOT / "examples/legacy/actorkeys"}
)

#: Not that of clu. The sections are for what clu imports, when it is not installed but in the tree.
CONFIGURATION = """
[mypy]
python_version = 3.10
[mypy-fastjsonschema.*,jsonschema_specifications.*,sdsstools.*,unclick.*,click_aliases.*,click_default_group.*,pygments.*,yaml.*]
ignore_missing_imports = True
"""


def check(files: list[Path], cache: Path) -> tuple[int, str]:
    """Run mypy on users' files, with the package that the tests use."""
    sources = {"MYPYPATH": str(ROOT)} if (ROOT / "clu").is_dir() else {}
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-color-output", "--no-error-summary"),
            *("--config-file", str(cache / "mypy.ini"), "--cache-dir", str(cache)),
            *map(str, files),
        ],
        cwd=files[0].parent,
        env={**os.environ, **sources},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("mypy")
    (cache / "mypy.ini").write_text(CONFIGURATION)
    return cache


@pytest.mark.timeout(180)  # the first run reads all of clu and what it imports
@pytest.mark.parametrize("name", ["accepted.py", "rejected.py"])
def test_types_accept_what_users_write_and_find_their_mistakes(name: str, cache: Path) -> None:
    assert check([HERE / name], cache) == (0, "")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_examples_have_types(folder: Path, cache: Path) -> None:
    assert check(sorted(folder.glob("*.py")), cache) == (0, "")
