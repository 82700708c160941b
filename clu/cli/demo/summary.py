"""The results of a run of the demo, in words."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clu.cli.demo.session import DemoSession

__all__ = ["failures", "latency", "summary"]


def percentile(values: list[float], share: float) -> float:
    """Return the smallest of the values that is not exceeded by ``share`` of them."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def latency(values: list[float]) -> str:
    """Format the median and the 99th percentile of times in seconds."""
    median, high = statistics.median(values), percentile(values, 0.99)
    return f"median {1e3 * median:.2f} ms, p99 {1e3 * high:.2f} ms"


def failures(session: DemoSession) -> list[str]:
    """Return the problems that occurred."""
    found = list(dict.fromkeys(session.problems))
    if session.lost:
        found.append(f"{session.lost} replies of telemetry were lost.")
    if session.follower.sequence.disordered:
        found.append(f"{session.follower.sequence.disordered} replies came out of order.")
    if invalid := session.follower.invalid:
        found.append(f"{len(invalid)} replies are not valid, the first because: {invalid[0]}")
    return found


def summary(session: DemoSession) -> list[tuple[str, str]]:
    """Return the results, each with a title."""
    follower, actor = session.follower, session.actor
    rate = follower.received / session.elapsed
    cost = 100 * session.cpu_seconds / session.elapsed
    lost = f"{session.lost} LOST" if session.lost else "none lost"
    received = follower.sequence.received
    lines = [
        ("telemetry", f"{actor.sequence} replies sent, {received} received, {lost}"),
        ("commands", f"{follower.sent} sent, {follower.answered} answered"),
        ("rate", f"{rate:.1f} replies/s in all for {session.elapsed:.1f} s"),
    ]
    lines += [
        (text, f"{latency(follower.latencies[text])} ({len(follower.latencies[text])} times)")
        for text in ("ping", "status")
        if text in follower.latencies
    ]
    if session.measurement is not None and "cpu_mean" in session.measurement.keywords:
        lines.append((session.measurement.text, measurement(session.measurement.keywords)))
    if not follower.invalid:
        checked = f"{follower.received} replies, each valid against the schema of the actor"
        lines.append(("checked", checked))
    by_build: dict[str, list[str]] = {}
    for kernel, build in session.kernels.items():
        by_build.setdefault(build, []).append(kernel)
    kernels = "; ".join(f"{build}: {', '.join(names)}" for build, names in by_build.items())
    lines += [
        ("kernels", kernels),
        ("loop", session.loop_name),
        ("cost", f"{cost:.1f} % of one core for actor, client and display together"),
    ]
    return lines


def measurement(keywords: dict[str, Any]) -> str:
    """Return the result of a measurement so far."""
    mean, low, high = (keywords[name] for name in ("cpu_mean", "cpu_min", "cpu_max"))
    return f"CPU mean {mean:.1f} %, min {low:.1f} %, max {high:.1f} %"
