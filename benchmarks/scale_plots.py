"""The plots of `scale.py`, for pages with a light or a dark background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    Points = dict[str, dict[str, float]]

#: What the x axis of each plot is.
TITLES = {
    "followers": "followers of an actor",
    "actors": "actors on a broker",
    "keywords": "keywords of an actor",
    "in-flight": "commands in flight",
    "brokers": "processor time for one delivered (us)",
}
#: What a message takes processor time of.
PARTS = {"actors": "actors", "broker": "broker", "clients": "clients"}
#: Colours with enough contrast to white and to black.
COLOURS = ("#3b86d0", "#d0782a", "#2b9d78")
TOTAL = "#8a6fd1"
TEXT = "#7d848c"
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # texts stay texts
    "svg.hashsalt": "clu",  # the same data give the same file
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "grid.color": TEXT,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}
SIZE_OF_PANEL = (3.4, 2.8)
HEIGHT_OF_BAR = 0.34


def draw(plot: str, figures: dict[str, Points], path: Path) -> None:
    """Write the SVG of a plot."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        figure = bars(figures) if plot == "brokers" else panels(plot, figures)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        pyplot.close(figure)
    lines = [line.rstrip() for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")


def panels(plot: str, figures: dict[str, Points]) -> Any:
    """One panel for each series: the processor time of a message, over x."""
    from matplotlib import pyplot
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    width, height = SIZE_OF_PANEL
    figure, all_axes = pyplot.subplots(
        1, len(figures), squeeze=False, figsize=(width * len(figures), height), layout="constrained"
    )
    for axes, (series, points) in zip(all_axes[0], figures.items(), strict=True):
        values = [int(x) for x in points]
        for part, colour in zip(PARTS, COLOURS, strict=True):
            times = [point[part] for point in points.values()]
            if any(times):
                axes.plot(values, times, "o-", color=colour, markersize=4, label=PARTS[part])
        totals = [sum(point[part] for part in PARTS) for point in points.values()]
        axes.plot(values, totals, "o--", color=TOTAL, markersize=4, label="all of them")
        axes.set_xscale("log")
        axes.set_xticks(values)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=0)
        axes.set_title(series)
        axes.set_xlabel(TITLES[plot])
        axes.grid(axis="y")
    all_axes[0][0].set_ylabel("processor time for one message (us)")
    lines, labels = all_axes[0][-1].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=len(labels))
    return figure


def bars(figures: dict[str, Points]) -> Any:
    """A bar for each arrangement of a cluster."""
    from matplotlib import pyplot

    names = list(figures)
    times = [figures[name][""]["cpu of delivered"] for name in names]
    size = (2 * SIZE_OF_PANEL[0], 1 + HEIGHT_OF_BAR * len(names))
    figure, axes = pyplot.subplots(figsize=size, layout="constrained")
    drawn = axes.barh(names, times, color=COLOURS[0], height=0.6)
    axes.bar_label(drawn, fmt="%.0f", padding=3, color=TEXT)
    axes.invert_yaxis()
    axes.set_xlabel(TITLES["brokers"])
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    return figure
