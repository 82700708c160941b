#!/usr/bin/env python
"""Compare the benchmarks with accepted ratios: ``make benchmarks-compare``.

    python benchmarks/gate.py [--tolerance T] [--only TEXT]
    python benchmarks/gate.py --accept [--runs N]

A time says little on another machine, or on this one when it is busy. So each benchmark of
`test_kernels.py` is compared with a fixed piece of Python that is measured beside it
(`yardstick.py`), and the compiled build of a kernel with the interpreted one, too. What counts is
the shortest time of many rounds. A benchmark that seems slower is measured again, and it is slower
if it stays so. ``--accept`` measures some runs, and writes their ratios to ``ratios.json``, which
has a section for each version of Python.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RATIOS = HERE / "ratios.json"
TESTS = HERE / "test_kernels.py"
#: How much slower a benchmark may be than its ratios say.
TOLERANCE = 0.2
#: The runs of which the best times are accepted.
RUNS = 3
#: How often what seems slower is measured again, and how much longer each time.
ATTEMPTS = 4
SECONDS = 0.15
OK, SLOWER, UNABLE = range(3)

#: By the name of a benchmark: its shortest time, in times of the yardstick.
Times = dict[str, float]
#: By the name of a benchmark: its ratio to the yardstick, and to the interpreted build.
Ratios = dict[str, dict[str, float]]


class GateError(Exception):
    """There is nothing to compare."""


@dataclass(frozen=True)
class Slower:
    """A benchmark that is slower than accepted."""

    name: str
    #: By what it is compared with: the ratio that was measured, and the accepted one.
    ratios: dict[str, tuple[float, float]]

    def __str__(self) -> str:
        parts = [
            f"{now:.3g} times {what} instead of {accepted:.3g} (+{now / accepted - 1:.0%})"
            for what, (now, accepted) in self.ratios.items()
        ]
        return f"{self.name} takes {', and '.join(parts)}"


#: The keys of ratios, and what a text calls them.
YARDSTICK, INTERPRETED = "yardstick", "interpreted"
CALLED = {YARDSTICK: "the fixed Python", INTERPRETED: "the interpreted build"}


def python() -> str:
    """The section of the file for this Python."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{platform.python_implementation()} {version}"


def times_of(report: dict[str, list[dict[str, object]]]) -> Times:
    """Return the shortest times of a report of pytest-benchmark."""
    return {
        str(item["name"]): item["stats"]["min"] / item["extra_info"]["yardstick"]  # type: ignore[index]
        for item in report["benchmarks"]
    }


def best(*several: Times) -> Times:
    """Return the shortest times of several runs."""
    merged: Times = {}
    for times in several:
        for name, time in times.items():
            merged[name] = min(time, merged.get(name, time))
    return merged


def twin_of(name: str) -> str:
    """Return the name of the same benchmark of the interpreted build."""
    return name.replace("compiled", "interpreted")


def ratios_of(times: Times) -> Ratios:
    ratios: Ratios = {}
    for name, time in times.items():
        ratios[name] = {YARDSTICK: time}
        if (twin := twin_of(name)) != name and twin in times:
            ratios[name][INTERPRETED] = time / times[twin]
    return ratios


def slower_ones(ratios: Ratios, accepted: Ratios, tolerance: float) -> list[Slower]:
    """Return the benchmarks all of whose ratios are greater than accepted.

    Both of a kernel are, if its compiled build has become slower; if both builds have, the
    interpreted one is in the list.
    """
    found = []
    for name, now in ratios.items():
        known = accepted.get(name, {})
        compared = {CALLED[what]: (now[what], known[what]) for what in known if what in now}
        if compared and all(a > b * (1 + tolerance) for a, b in compared.values()):
            found.append(Slower(name, compared))
    return found


def accepted_ratios(path: Path) -> Ratios:
    sections: dict[str, Ratios] = json.loads(path.read_text()) if path.exists() else {}
    if python() not in sections:
        names = ", ".join(sections) or "nothing"
        raise GateError(
            f"{path.name} has ratios for {names}, and this is {python()}: use one of these, or "
            "measure the state from which you start with `make benchmarks-accept`."
        )
    return sections[python()]


def measure(names: list[str], seconds: float, only: str = "") -> Times:
    """Run benchmarks, by default all."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        tests = [f"{TESTS}::{name}" for name in names] or [str(TESTS)]
        command = [sys.executable, "-m", "pytest", *tests, "-q", "-p", "no:cacheprovider"]
        command += ["--benchmark-only", f"--benchmark-json={output}", "--benchmark-quiet"]
        command += [f"--benchmark-max-time={seconds}", "--benchmark-warmup=on", "-k", only]
        command += ["--benchmark-warmup-iterations=1000"]
        finished = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
        if finished.returncode:
            raise GateError(f"The benchmarks failed:\n{finished.stdout}{finished.stderr}")
        return times_of(json.loads(output.read_text()))


def compare(accepted: Ratios, tolerance: float, only: str) -> list[Slower]:
    """Measure, and measure again what seems slower; return what stays so."""
    times = measure([], SECONDS, only)
    slower = slower_ones(ratios_of(times), accepted, tolerance)
    for attempt in range(ATTEMPTS):
        if not slower:
            break
        names = [item.name for item in slower]
        print(f"measuring again: {', '.join(names)}", file=sys.stderr, flush=True)
        twins = [twin for name in names if (twin := twin_of(name)) in times and twin not in names]
        times = best(times, measure(names + twins, SECONDS * (attempt + 2)))
        slower = slower_ones(ratios_of(times), accepted, tolerance)
    return slower


def accept(path: Path, runs: int) -> int:
    """Measure some runs, and write their ratios."""
    times = best(*(measure([], SECONDS) for _ in range(runs)))
    sections: dict[str, Ratios] = json.loads(path.read_text()) if path.exists() else {}
    sections[python()] = {
        name: {what: float(f"{ratio:.4g}") for what, ratio in ratios.items()}
        for name, ratios in sorted(ratios_of(times).items())
    }
    path.write_text(json.dumps(sections, indent=1, sort_keys=True) + "\n")
    print(f"{path.name} has the ratios of {len(times)} benchmarks for {python()}.")
    return OK


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--accept", action="store_true", help="measure, and write what is accepted from now on")
    add("--runs", type=int, default=RUNS, help=f"of which the best is accepted (default {RUNS})")
    add("--tolerance", type=float, default=TOLERANCE, help=f"slower by (default {TOLERANCE})")
    add("--only", default="", help="benchmarks that pytest -k chooses by this text")
    add("--ratios", type=Path, default=RATIOS, help="the file, by default the one beside this")
    options = parser.parse_args()
    try:
        if options.accept:
            return accept(options.ratios, options.runs)
        accepted = accepted_ratios(options.ratios)
        slower = compare(accepted, options.tolerance, options.only)
    except GateError as error:
        print(error, file=sys.stderr)
        return UNABLE
    for item in slower:
        print(f"SLOWER: {item}")
    if slower:
        print(
            f"{len(slower)} benchmarks are more than {options.tolerance:.0%} slower than "
            f"{options.ratios.name} says. If that is worth it, say why, and renew the file with "
            "`make benchmarks-accept`."
        )
        return SLOWER
    print("No benchmark is slower than accepted.")
    return OK


if __name__ == "__main__":
    sys.exit(main())
