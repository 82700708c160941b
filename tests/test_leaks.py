"""What commands leave behind, counted in processes of their own."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from .conftest import HAS_UVLOOP

ROOT = pathlib.Path(__file__).parent.parent
LOOPS = ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])]


@pytest.mark.endurance
@pytest.mark.parametrize("kind", ["json", "legacy"])
@pytest.mark.parametrize("loop", LOOPS)
def test_twenty_thousand_commands_over_tcp_leave_nothing_behind(loop: str, kind: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.isolated.commands_over_tcp", loop, kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,  # it takes 6 s of computing
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found.pop("answered") == 20_000
    assert found.pop("bytes_per_command") < 256
    # The poller of the timed commands is the one task and timer that stay.
    assert found.pop("tasks") <= 1
    assert found.pop("timers") <= 1
    assert found == {
        "commands": 0,
        "contexts": 0,
        "running_tasks": 0,
        "running_commands": 0,
        "transports": 0,
    }
