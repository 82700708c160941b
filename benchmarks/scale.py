#!/usr/bin/env python
"""Measure how the cost of a message grows: with followers, actors, keywords, commands in flight.

    python benchmarks/scale.py [--rounds R] [--seconds S] [--only PLOT ...] [--write | --render]

Each point has processes of its own (`scale_points.py`), and each plot of a round a broker of its
own; the last plot is that of three nodes of RabbitMQ 4.3 (`scale_brokers.py`). The figures are
medians over the rounds. ``--write`` puts them into ``docs/benchmarks/scale.json``, and makes the
plots beside it and the tables of ``docs/scale.md``; ``--render`` makes these two from the file.
Plots take matplotlib: ``pip install -e ".[plots]"``.
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
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import report
import scale_brokers
import scale_plots
from compare import HERE, ROOT, machine, write_readme
from private_broker import private_broker, recorded_release
from scale_points import AMQP, COMMANDS, TCP, UPDATES, UPDATES_OF_ONE

from tests.cluster.nodes import RELEASE, Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: By the name of the plot, that of the series, and x: what one message takes.
    Figures = dict[str, dict[str, dict[str, dict[str, float]]]]

FOLDER = ROOT / "docs" / "benchmarks"
DATA = FOLDER / "scale.json"
PAGE = ROOT / "docs" / "scale.md"
#: What is measured, by the name of the plot: the series, and the values of x.
POINTS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "followers": ((TCP, AMQP), (1, 10, 30, 100)),
    "actors": ((UPDATES_OF_ONE, UPDATES, COMMANDS), (1, 5, 20, 50)),
    "keywords": ((TCP, AMQP), (10, 100, 1000, 5000)),
    "in-flight": ((TCP, AMQP), (1, 10, 100, 1000)),
}
#: The plot of the nodes of a cluster.
BROKERS = "brokers"
PLOTS = (*POINTS, BROKERS)
#: The seconds that a point may take.
LONGEST = 120.0


class PointFailed(Exception):
    """A point returned no figures."""


def measure_point(plot: str, series: str, x: int, broker: Any, seconds: float) -> dict[str, float]:
    """Measure one point in fresh processes."""
    command = [sys.executable, str(HERE / "scale_points.py"), plot, series, str(x)]
    command += ["--seconds", str(seconds), "--url", broker.url]
    if series != TCP:
        command += [part for pid in broker.pids for part in ("--broker", str(pid))]
    environment = recorded_release.environment(PYTHONPATH=str(ROOT))
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        raise PointFailed(f"no answer within {LONGEST} s") from None
    if finished.returncode:
        raise PointFailed((finished.stderr.strip().splitlines() or ["no message"])[-1])
    figures: dict[str, float] = json.loads(finished.stdout)
    return figures


def measure_points(plot: str, seconds: float) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Measure the points of a plot, with a broker of their own; one that fails is left out."""
    names, values = POINTS[plot]
    with private_broker() as broker:
        for series in names:
            for x in values:
                try:
                    yield series, str(x), measure_point(plot, series, x, broker, seconds)
                except PointFailed as error:
                    print(f"{plot}, {series}, {x}: {error}", file=sys.stderr)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="clu-cluster-") as folder:
        nodes = Cluster(Path(folder))
        try:
            nodes.start()
            yield nodes
        finally:
            nodes.stop()


def measure_brokers(seconds: float) -> Iterator[tuple[str, str, dict[str, float]]]:
    with cluster() as nodes:
        keepers = scale_brokers.add_hosts(nodes.nodes[0])
        for arrangement in scale_brokers.ARRANGEMENTS:
            yield arrangement.name, "", scale_brokers.measure(arrangement, nodes.nodes, seconds)
        for keeper in keepers:
            keeper.socket.close()


def measure(plots: list[str], rounds: int, seconds: float) -> Figures:
    """Run the rounds, and return the medians."""
    taken: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for plot in plots:
            is_points = plot in POINTS
            points = measure_points(plot, seconds) if is_points else measure_brokers(seconds)
            for series, x, figures in points:
                taken.setdefault((plot, series, x), []).append(figures)
    medians: Figures = {}
    for (plot, series, x), found in taken.items():
        figures = {what: statistics.median(each[what] for each in found) for what in found[0]}
        medians.setdefault(plot, {}).setdefault(series, {})[x] = {
            what: float(f"{figure:.4g}") for what, figure in figures.items()
        }
    return medians


def about(options: argparse.Namespace, load: float) -> str:
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{today}; {machine()}, load {load:.1f} at the start; {platform.python_implementation()} "
        f"{platform.python_version()}, asyncio; "
        f"`python benchmarks/scale.py --rounds {options.rounds} --seconds {options.seconds}`"
    )


def table(plot: str, data: dict[str, Any]) -> str:
    """The Markdown of a plot: when and where it was measured, and its figures."""
    figures = data["figures"][plot]
    if plot == BROKERS:
        header = ["where the ends are", "published a second", "delivered a second"]
        header += ["CPU of the nodes for one delivered (us)", "cores that the nodes took"]
        header += ["delivered a second for each core"]
        what = ("published", "delivered")
        rows = [
            [
                name,
                *(f"{point[''][each]:,.0f}" for each in what),
                report.digits(point[""]["cpu of delivered"]),
                f"{point['']['cores']:.2f}",
                f"{round(1e6 / point['']['cpu of delivered'], -2):,.0f}",
            ]
            for name, point in figures.items()
        ]
    else:
        header = ["", scale_plots.TITLES[plot], *scale_plots.PARTS.values(), "all of them"]
        header += ["on the clock"]
        rows = [
            [series, f"{int(x):,}", *cells(point)]
            for series, points in figures.items()
            for x, point in points.items()
        ]
    return f"{data['about'][plot]}.\n\n{report.table(header, rows)}"


def cells(point: dict[str, float]) -> list[str]:
    """The processor times of a message, their sum, and its time on the clock, in us."""
    parts = [point[part] for part in scale_plots.PARTS]
    shown = [report.digits(part) if part else "-" for part in parts]
    return [*shown, report.digits(sum(parts)), report.digits(point["wall"])]


def markers(plot: str) -> tuple[str, str]:
    return f"<!-- {plot}:start -->", f"<!-- {plot}:end -->"


def render(data: dict[str, Any], plots: list[str]) -> None:
    """Draw the plots, and put the tables into the page."""
    for plot in plots:
        scale_plots.draw(plot, data["figures"][plot], FOLDER / f"scale-{plot}.svg")
        write_readme(table(plot, data), *markers(plot), PAGE)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all points (default 3)")
    parser.add_argument("--seconds", type=float, default=0.4, help="time for a point (default 0.4)")
    parser.add_argument("--only", action="append", choices=PLOTS, help="this plot (repeatable)")
    parser.add_argument("--write", action="store_true", help="save the data, the plots, the page")
    parser.add_argument("--render", action="store_true", help="only make plots and page anew")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    plots = options.only or list(PLOTS)
    data: dict[str, Any] = json.loads(DATA.read_text()) if DATA.exists() else {}
    if options.render:
        render(data, plots)
        return 0
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    figures = measure(plots, options.rounds, options.seconds)
    plots = list(figures)
    data["figures"] = data.get("figures", {}) | figures
    text = about(options, load)
    data["about"] = data.get("about", {}) | dict.fromkeys(plots, text)
    if BROKERS in plots:
        data["about"][BROKERS] += f"; RabbitMQ {RELEASE}"
    for plot in plots:
        print(f"{plot}\n\n{table(plot, data)}\n")
    if options.write:
        DATA.write_text(json.dumps(data, indent=1) + "\n")
        render(data, plots)
    wanted = sum(
        len(names) * len(values) for plot, (names, values) in POINTS.items() if plot in plots
    )
    found = sum(
        len(points) for plot in plots if plot in POINTS for points in figures[plot].values()
    )
    return int(not plots or found < wanted)


if __name__ == "__main__":
    sys.exit(main())
