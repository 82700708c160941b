#!/usr/bin/env python
"""Compare this clu, compiled and interpreted, with sdss-clu 2.6.1 on the same machine.

    python benchmarks/compare.py [--rounds R] [--seconds S] [--case NAME ...] [--write] [--json OUT]

The first run makes ``.venv-recorded`` with the same interpreter. A round runs each case
of ``cases.py`` in all builds, in turn and in a fresh process; the table has the medians over the
rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import amqp_cases
import report
from private_broker import private_broker, recorded_release

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
README = HERE / "README.md"
START, END = "<!-- table:start -->", "<!-- table:end -->"


#: The seconds that a case may take in one round.
LONGEST = 300.0


class CaseFailed(Exception):
    """A case returned no figures."""


@dataclass
class Build:
    """One clu to measure: an interpreter and its environment."""

    name: str
    python: Path
    environment: dict[str, str]
    home: Path
    about: dict[str, Any] = field(default_factory=dict)
    rounds: list[dict[str, dict[str, Any]]] = field(default_factory=list)

    def run(self, name: str, seconds: float) -> dict[str, Any]:
        """Run a case in a folder of their own, so that only the environment decides what is clu."""
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "figures.json"
            command = [str(self.python), str(HERE / "cases.py"), "--json", str(output)]
            command += ["--case", name, "--seconds", str(seconds)]
            try:
                finished = subprocess.run(
                    command,
                    cwd=folder,
                    env=self.environment,
                    capture_output=True,
                    text=True,
                    timeout=LONGEST,
                )
            except subprocess.TimeoutExpired:
                raise CaseFailed(f"no answer within {LONGEST} s") from None
            if not output.exists():
                last = (finished.stderr.strip().splitlines() or ["no message"])[-1]
                raise CaseFailed(f"cases.py failed: {last}")
            return json.loads(output.read_text())

    def measure(self, name: str, seconds: float) -> dict[str, Any]:
        """Run a case; when it fails or hangs, the others still run."""
        try:
            return self.run(name, seconds)["cases"]
        except CaseFailed as err:
            return {name: {"microseconds": None, "reason": str(err), "wrong": True}}

    def check(self) -> None:
        """Check that the imported clu is the one that the name of the build says."""
        try:
            self.about = self.run("status_tests", 0.01)["about"]
        except CaseFailed as err:
            raise SystemExit(f"{self.name}: {err}") from None
        version, file = self.about["version"], Path(self.about["file"])
        if self.home not in file.parents:
            raise SystemExit(f"{self.name}: clu is imported from {file}, not from {self.home}")
        if (version == recorded_release.RELEASE) != (self.name == report.RECORDED):
            raise SystemExit(f"{self.name}: clu has version {version}")
        if self.name in (report.COMPILED, report.PURE):
            self.check_kernels()

    def check_kernels(self) -> None:
        kernels = self.about["kernels"]
        wanted = self.name.replace(report.PURE, "interpreted")
        others = [kernel for kernel, state in kernels.items() if state != wanted]
        if len(others) == len(kernels):
            raise SystemExit(f"{self.name}: no kernel is {wanted}; run `pip install -e .` first")
        if others:
            print(f"{self.name}: not {wanted}: {', '.join(others)}", file=sys.stderr)


def recorded_build() -> Build:
    """sdss-clu from PyPI in the virtual environment that the tests have too."""
    python = recorded_release.make()
    environment = recorded_release.environment()
    return Build(report.RECORDED, python, environment, recorded_release.HOME)


def chosen_builds(names: list[str]) -> list[Build]:
    python, path = Path(sys.executable), str(ROOT)
    environment = recorded_release.environment
    makers = {
        report.RECORDED: recorded_build,
        report.COMPILED: lambda: Build(
            report.COMPILED, python, environment(PYTHONPATH=path), ROOT / "clu"
        ),
        report.PURE: lambda: Build(
            report.PURE, python, environment(PYTHONPATH=path, CLU_NO_EXTENSIONS="1"), ROOT / "clu"
        ),
    }
    return [make() for name, make in makers.items() if name in names]


def measure(builds: list[Build], names: list[str], rounds: int, seconds: float) -> None:
    """Run each case in all builds, one after the other, under the same conditions."""
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for build in builds:
            build.rounds.append({})
        first = number % len(builds)
        for name in names:
            for build in builds[first:] + builds[:first]:
                if runs_in(build, name):
                    build.rounds[-1] |= build.measure(name, seconds)


def runs_in(build: Build, name: str) -> bool:
    if name in amqp_cases.LIMITS:
        return build.name == report.COMPILED
    return not (build.name == report.RECORDED and name.endswith("_uvloop"))


@contextlib.contextmanager
def broker_for(builds: list[Build], names: list[str]) -> Iterator[list[str]]:
    """Start a broker if a case needs one; give the cases that can run."""
    if not set(names) & set(amqp_cases.NAMES):
        yield names
        return
    with contextlib.ExitStack() as stack:
        try:
            broker = stack.enter_context(private_broker())
        except RuntimeError as err:
            print(f"no AMQP cases: {err}", file=sys.stderr)
            names = [name for name in names if name not in amqp_cases.NAMES]
        else:
            for build in builds:
                build.environment[amqp_cases.ADDRESS] = broker.url
        yield names


def medians(build: Build) -> report.Figures:
    """The median over the rounds of each case, or the reason why there is none."""
    figures: report.Figures = {}
    for name in build.rounds[0]:
        reasons = [taken[name]["reason"] for taken in build.rounds if "reason" in taken[name]]
        figures[name] = reasons[0] if reasons else statistics.median(values(build, name))
    return figures


def values(build: Build, name: str) -> list[float]:
    figures = [taken[name]["microseconds"] for taken in build.rounds]
    return [figure for figure in figures if figure is not None]


def spread(build: Build) -> str:
    """How far apart the rounds are: (slowest - fastest) / median, for the case in the middle."""
    taken = [figures for name in build.rounds[0] if (figures := values(build, name))]
    spreads = [(max(figures) - min(figures)) / statistics.median(figures) for figures in taken]
    return f"{build.name} {statistics.median(spreads):.0%}" if spreads else f"{build.name} -"


def went_wrong(build: Build) -> bool:
    return any(figure.get("wrong") for taken in build.rounds for figure in taken.values())


def machine() -> str:
    """The processor, its cores and the load on them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def heading(builds: list[Build], options: argparse.Namespace, load: float) -> str:
    versions = ", ".join(f"{build.name}: {build.about['version']}" for build in builds)
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    command = f"python benchmarks/compare.py --rounds {options.rounds} --seconds {options.seconds}"
    command += f" --only {options.only}" if options.only else ""
    implementation = platform.python_implementation()
    return (
        f"{today}; {machine()}, load {load:.1f} at the start; "
        f"{implementation} {platform.python_version()}; {versions}; `{command}`. "
        f"Rounds differ by ((slowest - fastest) / median, middle of the cases) "
        f"{', '.join(spread(build) for build in builds)}.\n"
    )


def write_readme(text: str, start: str = START, end: str = END, page: Path = README) -> None:
    before, rest = page.read_text().split(start)
    after = rest.split(end)[1]
    page.write_text(f"{before}{start}\n{text}\n{end}{after}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all builds (default 5)")
    parser.add_argument("--seconds", type=float, default=0.7, help="time for a case (default 0.7)")
    parser.add_argument("--case", action="append", help="only this case of cases.py (repeatable)")
    parser.add_argument("--only", default="", help="only cases with this in their name, as amqp")
    parser.add_argument("--build", action="append", choices=report.BUILDS, help="only this build")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    parser.add_argument("--json", type=Path, help="write the figures of all rounds to this file")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    builds = chosen_builds(options.build or list(report.BUILDS))
    for build in builds:
        build.check()
    names = options.case or [name for name in report.case_names() if options.only in name]
    if not names:
        raise SystemExit(f"no case has {options.only!r} in its name")
    with broker_for(builds, names) as names:
        measure(builds, names, options.rounds, options.seconds)
    figures = {build.name: medians(build) for build in builds}
    text = heading(builds, options, load) + "\n" + report.tables(figures)
    print(text)
    if options.json:
        rounds = {build.name: {"about": build.about, "rounds": build.rounds} for build in builds}
        options.json.write_text(json.dumps(rounds, indent=1) + "\n")
    if options.write:
        write_readme(text)
    return int(any(went_wrong(build) for build in builds if build.name != report.RECORDED))


if __name__ == "__main__":
    sys.exit(main())
