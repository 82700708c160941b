"""The gate of `make benchmarks-compare`: what it calls slower, and what it does without ratios."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

COMPILED, INTERPRETED, OTHER = "test_x[compiled]", "test_x[interpreted]", "test_case[write]"
ACCEPTED = {
    COMPILED: {"yardstick": 0.1, "interpreted": 0.25},
    INTERPRETED: {"yardstick": 0.4},
    OTHER: {"yardstick": 2.0},
}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("gate")


def slower(gate: ModuleType, times: dict[str, float]) -> list[str]:
    found = gate.slower_ones(gate.ratios_of(times), ACCEPTED, 0.2)
    return [item.name for item in found]


def test_times_of_a_report_are_in_yardsticks(gate: ModuleType) -> None:
    item = {"name": OTHER, "stats": {"min": 6e-5}, "extra_info": {"yardstick": 3e-5}}
    assert gate.times_of({"benchmarks": [item]}) == {OTHER: 2.0}


def test_the_best_of_several_runs_counts(gate: ModuleType) -> None:
    assert gate.best({COMPILED: 2.0, OTHER: 1.0}, {COMPILED: 1.5}) == {COMPILED: 1.5, OTHER: 1.0}


@pytest.mark.parametrize(
    ("times", "names"),
    [
        ({COMPILED: 0.11, INTERPRETED: 0.45, OTHER: 2.3}, []),
        ({COMPILED: 0.13, INTERPRETED: 0.4, OTHER: 2.0}, [COMPILED]),
        # The machine runs compiled code more slowly than this Python: the builds are as before.
        ({COMPILED: 0.13, INTERPRETED: 0.47, OTHER: 2.0}, []),
        # Both builds have become slower.
        ({COMPILED: 0.13, INTERPRETED: 0.52, OTHER: 2.0}, [INTERPRETED]),
        ({OTHER: 2.5}, [OTHER]),
        # A new benchmark has no ratios yet.
        ({"test_new[compiled]": 9.0}, []),
    ],
)
def test_what_is_slower(gate: ModuleType, times: dict[str, float], names: list[str]) -> None:
    assert slower(gate, times) == names


def test_a_text_says_how_much_and_compared_with_what(gate: ModuleType) -> None:
    times = {COMPILED: 0.13, INTERPRETED: 0.4}
    (found,) = gate.slower_ones(gate.ratios_of(times), ACCEPTED, 0.2)
    assert str(found) == (
        "test_x[compiled] takes 0.13 times the fixed Python instead of 0.1 (+30%), and 0.325 times "
        "the interpreted build instead of 0.25 (+30%)"
    )


class Measured:
    """The measurements that a run makes, one after the other."""

    def __init__(self, *runs: dict[str, float]) -> None:
        self.runs = list(runs)
        self.names: list[list[str]] = []

    def __call__(self, names: list[str], *_: Any) -> dict[str, float]:
        self.names.append(names)
        return self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]


def run(
    gate: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    measured: Measured,
    *arguments: str,
) -> int:
    path = tmp_path / "ratios.json"
    if not path.exists():
        path.write_text(json.dumps({gate.python(): ACCEPTED}))
    monkeypatch.setattr(gate, "measure", measured)
    monkeypatch.setattr(sys, "argv", ["gate.py", "--ratios", str(path), *arguments])
    status: int = gate.main()
    return status


def test_what_seems_slower_is_measured_again(
    gate: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = Measured({COMPILED: 0.2, INTERPRETED: 0.4}, {COMPILED: 0.1, INTERPRETED: 0.4})
    assert run(gate, monkeypatch, tmp_path, measured) == gate.OK
    assert measured.names == [[], [COMPILED, INTERPRETED]]


def test_what_stays_slower_fails(
    gate: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = Measured({COMPILED: 0.2, INTERPRETED: 0.4})
    assert run(gate, monkeypatch, tmp_path, measured) == gate.SLOWER
    assert len(measured.names) == 1 + gate.ATTEMPTS
    output = capsys.readouterr().out
    assert "SLOWER: test_x[compiled] takes" in output
    assert "make benchmarks-accept" in output
    assert run(gate, monkeypatch, tmp_path, measured, "--tolerance", "1.5") == gate.OK


def test_accepted_ratios_are_those_of_the_best_runs_and_other_pythons_stay(
    gate: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps({"Python 2.7": {OTHER: {"yardstick": 1.0}}}))
    measured = Measured({COMPILED: 0.2, INTERPRETED: 0.4}, {COMPILED: 0.1, INTERPRETED: 0.4})
    assert run(gate, monkeypatch, tmp_path, measured, "--accept", "--runs", "2") == gate.OK
    sections = json.loads(path.read_text())
    assert set(sections) == {"Python 2.7", gate.python()}
    assert sections[gate.python()] == {
        COMPILED: {"yardstick": 0.1, "interpreted": 0.25},
        INTERPRETED: {"yardstick": 0.4},
    }


def test_without_ratios_for_this_python_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps({"Python 2.7": {}}))
    result = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "gate.py", "--ratios", path],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert result.returncode == 2
    assert "ratios.json has ratios for Python 2.7, and this is" in result.stderr
    assert "make benchmarks-accept" in result.stderr


def test_the_file_of_the_repository_names_benchmarks_that_there_are(gate: ModuleType) -> None:
    source = gate.TESTS.read_text()
    for ratios in json.loads(gate.RATIOS.read_text()).values():
        assert [name for name in ratios if f"def {name.partition('[')[0]}(" not in source] == []
