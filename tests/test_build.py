"""Building with and without a C compiler."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from clu._speedups import KERNELS

from .tree import ROOT, needs_sources

if TYPE_CHECKING:
    import pathlib

pytestmark = needs_sources


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a copy of what the build needs, without what was built."""
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "pytest_clu.py"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "clu", tmp_path / "clu", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    return tmp_path


def build(source: pathlib.Path, **variables: str) -> tuple[int, set[str]]:
    """Build the kernels and return the exit status and the names of those that were compiled."""
    switches = ("CLU_NO_EXTENSIONS", "CLU_REQUIRE_EXTENSIONS")
    environment = {k: v for k, v in os.environ.items() if k not in switches}
    result = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--build-lib", "out"],
        cwd=source,
        env={**environment, **variables},
        capture_output=True,
        timeout=55,
        check=False,
    )
    found = (source / "out").rglob("*_c.*")
    return result.returncode, {path.name.split("_c.")[0] for path in found}


def test_without_a_compiler_the_package_is_pure(source: pathlib.Path) -> None:
    status, compiled = build(source, CC="false")
    assert status == 0
    assert compiled == set()


def test_without_a_compiler_required_extensions_are_an_error(source: pathlib.Path) -> None:
    status, _ = build(source, CC="false", CLU_REQUIRE_EXTENSIONS="1")
    assert status != 0


def test_extensions_can_be_switched_off(source: pathlib.Path) -> None:
    assert build(source, CLU_NO_EXTENSIONS="1") == (0, set())


def test_a_change_of_the_c_types_alone_is_noticed(source: pathlib.Path) -> None:
    """Keep to the list of kernels and the check of their age: compiling takes a while."""
    program = (
        "import setuptools, Cython.Build, sys, json\n"
        "seen = []\n"
        "def cythonize(extensions, force, **rest):\n"
        "    seen.append((sorted(e.name for e in extensions), force))\n"
        "    return []\n"
        "Cython.Build.cythonize = cythonize\n"
        "setuptools.setup = lambda **k: None\n"
        "exec(open('setup.py').read())\n"
        "print(json.dumps(seen))\n"
    )

    def look() -> list[list[object]]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CLU_")}
        result = subprocess.run(
            [sys.executable, "-c", program],
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
            timeout=55,
            check=True,
        )
        found: list[list[object]] = json.loads(result.stdout)
        return found

    names = sorted(f"clu._speedups.{name}_c" for name in KERNELS)
    generated = source / "build/cython/clu/_speedups"
    generated.mkdir(parents=True)
    for name in KERNELS:
        for suffix in ("_py.c", "_c.c"):
            (generated / (name + suffix)).touch()
    assert look() == [[names, False]]
    pxd = source / "clu/_speedups" / f"{KERNELS[0]}_c.pxd"
    later = (generated / f"{KERNELS[0]}_py.c").stat().st_mtime + 10
    os.utime(pxd, (later, later))
    assert look() == [[names, True]]
