"""Whatever is called with whatever, the AMQP codec neither crashes nor reads foreign memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import clu
from clu._speedups import NO_EXTENSIONS

from .fuzz_amqp import compare

BUILDS = ("py",) if NO_EXTENSIONS else ("py", "c")
CALLS = Path(__file__).with_name("amqp_calls.py")


def outcomes(build: str) -> list[str]:
    """Return what comes of the calls, in a process of its own, which a crash ends."""
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(CALLS), build],
        env={**os.environ, "PYTHONPATH": str(Path(clu.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: list[str] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("build", BUILDS)
def test_no_call_ends_the_process(build: str) -> None:
    found = outcomes(build)
    assert len(found) > 1500
    assert not [each for each in found if re.search("(System|Memory|Assertion)Error$", each)]
    unbound = [each for each in found if each.startswith("unbound")]
    assert unbound
    assert not [each for each in unbound if each.endswith("done")]


@pytest.mark.skipif(NO_EXTENSIONS, reason="there is one build only")
def test_all_calls_end_the_same_in_both_builds() -> None:
    def comparable(build: str) -> list[str]:
        # Python looks at `self` in other ways where the method is its own.
        return [each for each in outcomes(build) if not each.startswith("unbound")]

    assert comparable("c") == comparable("py")


def test_streams_with_mistakes_make_no_difference() -> None:
    assert compare(count=2000, seed=1, builds=BUILDS) == []
