"""The lines of the display of the demo: the status, the keywords, the measurement."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.text import Text

from clu.cli.common.palette import AMBER, GREEN, RED, TEAL
from clu.cli.common.program import program_name
from clu.cli.demo.history import BIN, blocks, sparkline
from clu.cli.demo.summary import latency, measurement

if TYPE_CHECKING:
    from clu.cli.demo.history import Keyword
    from clu.cli.demo.session import DemoSession

__all__ = ["format_value", "frame", "table"]

_ACCENT, _GOOD, _BUSY, _BAD = (f"color({color})" for color in (TEAL, GREEN, AMBER, RED))
_HIDDEN = ("sequence",)
_VALUE, _AGE, _RANGE = 18, 7, 15
_LONGEST_SPARKLINE = 80
#: The number of the latest pings that the latency is computed from.
_LATEST = 400


def frame(session: DemoSession, width: int, height: int) -> list[Text]:
    """Return the lines of the display."""
    top = _head(session, width)
    bottom = [_line(), _measure_line(session, width), _line(), *_foot(session, width)]
    if height < 14:
        bottom = []
    rows = table(session, width, height - len(top) - len(bottom) - 1)
    return [*top, _line(), *rows, *bottom]


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="crop", end="\n")


def _spread(width: int, left: list[Any], right: str, style: str) -> Text:
    """Return a line with a right-aligned string, if there is room."""
    line = _line(*left)
    gap = width - 1 - line.cell_len - len(right)
    if gap > 1:
        line.append(" " * gap + right, style)
    return line


def _head(session: DemoSession, width: int) -> list[Text]:
    follower = session.follower
    if session.seconds is None:
        clock = f"{session.elapsed:.0f} s"
    else:
        clock = f"{max(session.seconds - session.elapsed, 0):.1f} s left"
    first = _spread(
        width,
        [
            (" clu demo", "bold"),
            "  host",
            (" at ", "dim"),
            (session.address, f"bold {_ACCENT}"),
            (f"  {session.loop_name}, {session.build} kernels", "dim"),
        ],
        clock,
        "bold",
    )
    lost = session.lost
    second: list[Any] = [
        (f" {follower.rate:.0f} replies/s", f"bold {_GOOD}"),
        f"  {follower.received} received, ",
        (f"{lost} lost", f"bold {_BAD}" if lost else ""),
    ]
    if pings := follower.latencies.get("ping"):
        second.append(f"  ping {latency(pings[-_LATEST:])}")
    return [first, _line(*second)]


def table(session: DemoSession, width: int, height: int) -> list[Text]:
    """Return the keywords as a table of at most ``height`` lines."""
    keywords = _rows(session, height - 1)
    name_width = max([12, *(len(keyword.name) for keyword in keywords)])
    rest = width - 1 - name_width - 1 - _VALUE - _AGE - 2 - _RANGE - 3
    spark_width = min(max(rest, 0), _LONGEST_SPARKLINE)
    heading = (
        f" {'keyword':{name_width}} {'value':>10}{'':{_VALUE - 10}}{'age':>{_AGE}}  "
        f"{'lowest..highest':>{_RANGE}}"
    )
    if spark_width > 7:
        heading += f"  last {spark_width * BIN:.0f} s"
    now = time.monotonic()
    lines = [_line((heading, "dim"))]
    for keyword in keywords:
        values = keyword.history.recent(max(spark_width, 1))
        limits = _limits(values, _decimals(keyword.unit)) if values else ""
        lines.append(
            _line(
                (f" {keyword.name:{name_width}} ", _ACCENT),
                (f"{format_value(keyword):{_VALUE}.{_VALUE}}", "bold"),
                (f"{age(now - keyword.updated):>{_AGE}}  ", "dim"),
                (f"{limits:>{_RANGE}}  ", "dim"),
                (sparkline(values) if spark_width else "", _GOOD),
            )
        )
    return lines


def _rows(session: DemoSession, height: int) -> list[Keyword]:
    """Return the keywords to show, with a row for each core and sensor if there is room."""
    model = session.follower.model
    order = list(model.schema["properties"]) if model is not None else []
    received = session.follower.keywords
    rows = [received[name] for name in order if name in received and name not in _HIDDEN]
    for name in ("cpu_cores", "temperatures"):
        keyword = received.get(name)
        if keyword is not None and len(rows) - 1 + len(keyword.parts) <= height:
            place = rows.index(keyword)
            rows[place : place + 1] = keyword.parts.values()
    return rows[: max(height, 0)]


def _measure_line(session: DemoSession, width: int) -> Text:
    current = session.measurement
    if current is None:
        return _line((" measure", "dim"))
    if "progress" not in current.keywords:  # it has just begun, or somebody else measures
        reason = str(current.keywords.get("error", ""))
        return _line((f" {current.text:12} {reason}"[: width - 1], "dim"))
    progress = current.keywords["progress"]
    length = max(min(width - 66, 40), 10)
    filled = round(length * progress / 100)
    return _line(
        (f" {current.text:12} ", _ACCENT),
        ("━" * filled, f"bold {_GOOD}" if current.code == ":" else f"bold {_BUSY}"),
        ("─" * (length - filled), "dim"),
        (f" {progress:3.0f} %  ", "bold"),
        measurement(current.keywords),
    )


def _foot(session: DemoSession, width: int) -> list[Text]:
    clu, address = program_name(), f"tcp://localhost:{session.actor.port}"
    return [
        _line((" In another terminal: ", "dim"), f"{clu} send {address} status"),
        _spread(
            width,
            [
                (" or ", "dim"),
                f"{clu} describe {address}",
            ],
            "Ctrl-C ends it",
            "dim",
        ),
    ]


def format_value(keyword: Keyword) -> str:
    """Return the value of a keyword with its unit."""
    value, unit = keyword.value, keyword.unit
    if keyword.name == "cpu_cores":
        return _cores(value)
    if isinstance(value, list):
        text = " ".join(f"{item:.2f}" for item in value)
        return f"{'':3}{text}" if len(text) <= _VALUE - 3 else text
    if isinstance(value, dict):
        value, unit = max(value.values()), f"{unit} max"
    if isinstance(value, (int, float)):
        return f"{value:10.{_decimals(unit)}f} {unit}"
    return str(value)


def _decimals(unit: str) -> int:
    return 1 if unit.startswith(("%", "degC", "Hz", "kB")) else 2


def _cores(values: list[float]) -> str:
    """Return a block for each core, or for the busiest of several."""
    step = -(-len(values) // _VALUE)
    return blocks(
        [max(values[start : start + step]) for start in range(0, len(values), step)], 0, 100
    )


def age(seconds: float) -> str:
    """Format the time since an event."""
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def _limits(values: list[float], decimals: int) -> str:
    low, high = min(values), max(values)
    return f"{low:.{decimals}f}..{high:.{decimals}f}" if high < 1e5 else f"{low:.1e}..{high:.1e}"
