"""Every command in a block of the pages outside docs/ is run, in a short form if it takes long.

The actor of the README is tested in tests/test_readme.py, the examples in tests/examples, and
what a new user types first in test_walk.py.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from typing import TYPE_CHECKING

import pytest

from .pages import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = sorted([*ROOT.glob("*.md"), ROOT / "examples" / "README.md", ROOT / "benchmarks/README.md"])
SHELLS = ("console", "sh")

WALK = "test_walk.py does it"
#: What the set-up of the tests has done, or what changes the machine or its releases.
EXEMPT = {
    "pip install .": "the set-up of the tests does it",
    "pip install /path/to/this/repository": "the set-up of the tests does it",
    'pip install "sdss-clu===2.6.1"': "tests/tools/test_going_back.py does it",
    ". .venv/bin/activate": WALK,
    "clu run stage.py": WALK,
    "clu send tcp://localhost:9999 move 5": WALK,
    "clu describe tcp://localhost:9999": WALK,
    "clu watch tcp://localhost:9999 position": WALK,
    "pip install ./sdss_clu-2.6.1+fast.1-*.whl": "tools/test_distribution.sh does it with a wheel",
    'pip install --extra-index-url ADDRESS "sdss-clu==2.6.1+fast.1"': "the index is that of a "
    "release; its pages are tested in tests/tools/test_make_index.py",
    "python benchmarks/compare.py --write": "it changes the table; the lines beside it are run",
    "python benchmarks/peers.py --write": "it changes the tables; the lines beside it are run",
    "python benchmarks/scale.py --write": "it changes the page; the lines beside it are run",
    "python benchmarks/scale.py --render": "it takes matplotlib; tests/benchmarks tests the tables",
    "python benchmarks/memory.py --write": "it changes the table; the line beside it is run",
    "python benchmarks/soak.py --minutes 10": "the next line has all its options",
    "CLU_NO_EXTENSIONS=1 .venv/bin/pytest tests/test_actor.py": "make pytest does it with all",
}
#: Ends the benchmarks at once.
SMALL = "-q -k status --benchmark-max-time=0.001 --benchmark-min-rounds=1"
#: What is added to commands that begin so, for them to end soon.
SHORTER = {
    "python benchmarks/compare.py": "--rounds 1 --seconds 0.01 --case status_tests --build pure",
    # The first run of others installs them, and one is enough.
    "python benchmarks/peers.py": '--rounds 1 --seconds 0.01 --peer "clu, TCP JSON" --case ping',
    "python benchmarks/scale.py": "--rounds 1 --seconds 0.01 --only keywords",
    "python benchmarks/memory.py": "--rounds 1 --build compiled",
    "python benchmarks/gate.py": "--only test_status_is_within --tolerance 1000",
    "python benchmarks/soak.py": "--minutes 0.005 --rate 20 --fault-every 0",
    "python benchmarks/flood.py": "--commands 200 --pings 5 --actor json --loop asyncio",
    "python benchmarks/remote_calls.py": "--number 20",
    "pytest benchmarks": SMALL,
    ".venv/bin/pytest tests": "-q --collect-only",
    "CLU_TEST_BROKER=memory .venv/bin/pytest tests": "-q --collect-only",
    "CLU_TEST_BROKER=rabbitmq .venv/bin/pytest tests": "-q --collect-only",
}
#: That make has such a target has to do: the recipe is what CI, or this run of the tests, does.
ONLY_SHOWN = "make "
#: The tests in tests/examples run them.
EXAMPLE = "python examples/start.py "
TESTED_EXAMPLES = {path.stem.removeprefix("test_") for path in (ROOT / "tests/examples").iterdir()}
#: They need the sources, and both builds of the kernels.
NEEDS = {
    "python benchmarks/compare.py": (ROOT / "clu").is_dir(),
}


def _sequences() -> list[tuple[Path, int, list[str]]]:
    """Return the commands of each block of a shell, with the file and the line of the block."""
    return [
        (text, block.line, [line.split("  #")[0].rstrip() for line in block.text.splitlines()])
        for text in TEXTS
        for block in blocks(text)
        if block.language in SHELLS
    ]


COMMANDS = _sequences()
NAMES = [f"{text.relative_to(ROOT)}:{line}" for text, line, _ in COMMANDS]


def test_every_block_is_of_a_kind_that_is_run() -> None:
    kinds = {(text.name, block.language) for text in TEXTS for block in blocks(text)}
    assert {(name, kind) for name, kind in kinds if kind not in SHELLS} == {("README.md", "python")}
    everything = [command for _, _, commands in COMMANDS for command in commands]
    assert set(EXEMPT) <= set(everything)
    assert all(any(command.startswith(start) for command in everything) for start in SHORTER)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("text", "line", "commands"), COMMANDS, ids=NAMES)
def test_the_commands_of_a_block_run(
    text: Path, line: int, commands: list[str], tmp_path: Path
) -> None:
    left_out = []
    for command in commands:
        if command in EXEMPT:
            continue
        if command.startswith(EXAMPLE):
            assert command.removeprefix(EXAMPLE) in TESTED_EXAMPLES
        elif command.startswith(ONLY_SHOWN):
            _run_make(command)
        elif all(met for start, met in NEEDS.items() if command.startswith(start)):
            _run(_in_small(command, tmp_path), tmp_path)
        else:
            left_out.append(command)
    if left_out:
        pytest.skip(f"they need the sources and compiled kernels: {left_out}")


def _run_make(command: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    _, *words = shlex.split(command)
    _check(["make", "--dry-run", *words])


def _in_small(command: str, folder: Path) -> str:
    """Return a command that does the same in less time, and writes to a folder."""
    more = [addition for start, addition in SHORTER.items() if command.startswith(start)]
    if "--benchmark" in command:
        more.append(f"--benchmark-storage={folder}/benchmarks")
    command = command.replace("report.json", f"{folder}/report.json")
    # What the machine does at the moment is not what is tested.
    command = command.replace("--benchmark-compare-fail=median:20%", "")
    return " ".join([command, *more])


def _run(command: str, folder: Path) -> None:
    scripts = sysconfig.get_path("scripts")
    command = re.sub(r"(^| )\.venv/bin/", rf"\1{scripts}/", command)
    path = os.pathsep.join([scripts, os.environ["PATH"]])
    _check(["bash", "-c", command], PATH=path, PYTHONWARNINGS="ignore")


def _environment() -> dict[str, str]:
    """Return the environment without the variables of pytest, with which nothing is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def _check(command: list[str], **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**_environment(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
