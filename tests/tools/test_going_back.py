"""The README's way back to sdss-clu works, where this clu is installed in its place."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_COMMAND = 'pip install "sdss-clu===2.6.1"'


@pytest.mark.timeout(240)
@pytest.mark.skipif(not (ROOT / "clu").is_dir(), reason="it installs the tree")
def test_the_command_of_the_readme_installs_the_other_package(tmp_path: Path) -> None:
    assert f"\n{_COMMAND}\n" in (ROOT / "README.md").read_text()
    bin_folder = tmp_path / "venv" / "bin"
    environment = {
        **os.environ,
        "CLU_NO_EXTENSIONS": "1",
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    environment.pop("PYTHONPATH", None)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def installed() -> str:
        code = "from importlib.metadata import version; print(version('sdss-clu'))"
        return run(str(bin_folder / "python"), "-c", code).strip()

    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    # What clu needs is the same before and after, and takes a minute to install.
    run("pip", "install", "-q", "--no-deps", str(ROOT))
    assert installed() == "2.6.1+fast.1"
    run("bash", "-c", f"{_COMMAND} -q --no-deps")
    assert installed() == "2.6.1"
    package = next((tmp_path / "venv").glob("lib*/python*/site-packages/clu"))
    assert (package / "__init__.py").exists()
    assert not (package / "sync.py").exists()  # nothing of ours is left
