"""What is in a wheel and an sdist, although leftovers of builds lie about in the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.tree import ROOT, needs_sources

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sources

CHECK = ROOT / "tools" / "check_distributions.py"
LEFTOVERS = [
    "clu/_speedups/reply_py.c",
    "clu/_speedups/reply_py.html",
    "clu/_speedups/reply_c.cpython-311-x86_64-linux-gnu.so",
    "clu/_speedups/__pycache__/reply_py.cpython-311.pyc",
    "build/cython/clu/_speedups/reply_py.c",
    "build/lib/gone.py",
    "examples/camera/.mypy_cache/3.10/cache.db",
    "tests/.pytest_cache/README.md",
]


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CLU_NO_EXTENSIONS": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def build(kind: str, folder: Path, dist: Path) -> None:
    program = f"import setuptools.build_meta as backend; backend.build_{kind}({str(dist)!r})"
    result = run("-W", "ignore", "-c", program, folder=folder)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist and a pure wheel of this tree with leftovers in it."""
    tree = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns(
        *(".git", ".venv*", "build", "dist", "*.so", "*.egg-info", "__pycache__", ".*_cache")
    )
    shutil.copytree(ROOT, tree, ignore=ignore, dirs_exist_ok=True)
    for name in LEFTOVERS:  # the sdist has none of them
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left over")
    dist = tree / "dist"
    build("sdist", tree, dist)
    # As the recipe does: a wheel from this tree would have what build/lib has.
    (sdist,) = dist.iterdir()
    shutil.unpack_archive(sdist, tree / "unpacked", filter="data")
    (unpacked,) = (tree / "unpacked").iterdir()
    build("wheel", unpacked, dist)
    return dist


def test_leftovers_of_builds_reach_neither_wheels_nor_sdists(distributions: Path) -> None:
    files = sorted(map(str, distributions.iterdir()))
    assert [name.rpartition(".")[2] for name in files] == ["whl", "gz"]
    result = run(str(CHECK), *files, folder=ROOT)
    assert (result.returncode, result.stdout.count("as it should be")) == (0, 2), result.stdout


def test_the_check_names_what_is_wrong(distributions: Path, tmp_path: Path) -> None:
    (pure,) = distributions.glob("*.whl")
    bad = tmp_path / pure.name.replace("py3-none-any", "cp311-cp311-linux_x86_64")
    with zipfile.ZipFile(pure) as source, zipfile.ZipFile(bad, "w") as wheel:
        for name in source.namelist():
            if not name.endswith(("py.typed", "LICENSE")):
                wheel.writestr(name, source.read(name))
        wheel.writestr("clu/_speedups/reply_py.c", "int main;")
        wheel.writestr("clu/_speedups/opscore_c.cpython-311-x86_64-linux-gnu.so", "")
        wheel.writestr("tests/test_base.py", "")
    result = run(str(CHECK), str(bad), folder=ROOT)
    assert result.returncode == 1
    assert "clu/_speedups/reply_py.c is a leftover of a build" in result.stdout
    assert "tests/test_base.py is not of the package" in result.stdout
    assert "reply_c is not compiled" in result.stdout
    assert "clu/py.typed is missing" in result.stdout
    assert "licenses/LICENSE is missing" in result.stdout
    assert "opscore_c is not compiled" not in result.stdout


def test_git_ignores_what_a_build_leaves() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    result = subprocess.run(
        ["git", "check-ignore", *LEFTOVERS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == LEFTOVERS
