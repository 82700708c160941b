"""A fixed piece of work in plain Python, beside which benchmarks are measured.

How long it takes says how fast this machine and its Python are at the moment. It uses nothing of
clu, and must stay as it is: the accepted ratios are ratios to it.
"""

from __future__ import annotations

from time import perf_counter

REPEATS = 150


def work() -> int:
    """Calls, dictionaries, strings and numbers, some 50 us of them."""
    found: dict[str, list[float]] = {}
    for index in range(100):
        add(found, f"key_{index % 10}", index / 8)
    text = ";".join(f"{name}={values[-1]}" for name, values in sorted(found.items()))
    return sum(len(part.partition("=")[2]) for part in text.split(";"))


def add(found: dict[str, list[float]], name: str, value: float) -> None:
    found.setdefault(name, []).append(value)


def seconds() -> float:
    """Return the shortest time of many that the work takes."""
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)
