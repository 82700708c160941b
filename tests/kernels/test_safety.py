"""No kernel crashes the interpreter, whatever it is given: wrong types, None, depth, empty objects.

`abuse.py` calls everything that a build has, in a process of its own.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from clu._speedups import KERNELS, NO_EXTENSIONS

ABUSE = pathlib.Path(__file__).with_name("abuse.py")
BUILDS = [
    name
    for kernel in KERNELS
    for name in (f"clu._speedups.{kernel}_py", f"clu._speedups.{kernel}_c")
    if find_spec(name) is not None and not (NO_EXTENSIONS and name.endswith("_c"))
]
TWINS = [name for name in BUILDS if name.endswith("_c") and f"{name[:-2]}_py" in BUILDS]

#: What only the compiled build refuses at once: here every piece of a line, and every message,
#: would pay for a look.
LATER = {
    *(f"Delivery._fill of {one}{(None,) * 11}" for one in ("one", "an empty one")),
    *(f"Delivery._address of {one}{(None,) * 4}" for one in ("one", "an empty one")),
    "SeenMessages.close_channel of an empty one()",  # given None for a number, one here has sets
    "Line.add of an empty one(None,)",  # to_bytes() refuses it
    "Line.add_whole of an empty one(None,)",  # as any object, it is written as str() does
    "Line.add_short of an empty one(None,)",  # always False: not in short form
    "Line.cut_last of an empty one()",  # of the None that was added
}


@functools.cache
def abused(name: str, directory: pathlib.Path) -> Any:
    progress, outcome = directory / name, directory / f"{name}.json"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ABUSE), name, str(progress), str(outcome)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    last = progress.read_text("ascii").partition("\n")[0] if progress.exists() else "nothing"
    assert done.returncode == 0, f"{name} ended at {last}:\n{done.stderr[-3000:]}"
    return json.loads(outcome.read_text())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("abuse")


@pytest.mark.parametrize("name", BUILDS)
def test_nothing_crashes(name: str, directory: pathlib.Path) -> None:
    calls, problems, refused = abused(name, directory)
    assert problems == []
    assert calls > len(refused) > 0


@pytest.mark.parametrize("name", TWINS)
def test_what_one_build_refuses_the_other_refuses(name: str, directory: pathlib.Path) -> None:
    compiled = abused(name, directory)[2]
    interpreted = abused(f"{name[:-2]}_py", directory)[2]
    both = compiled.keys() & interpreted.keys()
    assert both
    differing = {call for call in both if compiled[call] and not interpreted[call]}
    assert differing - LATER == set()
