"""A strategy on an event loop, whose clock the tests set."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from clu._watch.sampler import Sampler
from clu._watch.strategies import Changes, Period
from clu._watch.update import Update
from tests.watch.test_strategies import ASSIGNMENTS, END, given_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._watch.strategies import Strategy


class Timer:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """What a sampler needs of an event loop. Timers are early, as on event loops."""

    def __init__(self, early: float = 0.0) -> None:
        self.now = 0.0
        self.early = early
        self.timers: list[tuple[float, int, Timer, Callable[[], None]]] = []
        self.count = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer()
        self.count += 1
        heapq.heappush(self.timers, (when, self.count, timer, callback))
        return timer

    def go_on(self, until: float) -> None:
        while self.timers and self.timers[0][0] <= until:
            when, _, timer, callback = heapq.heappop(self.timers)
            self.now = max(self.now, when - self.early)
            if not timer.is_cancelled:
                callback()
        self.now = until


def update(value: Any) -> Update:
    return Update("stage", "position", value, 0.0)


def run(strategy: Strategy, assignments: list[tuple[int, int]], early: float) -> list[Any]:
    clock = Clock(early)
    found: list[Any] = []
    sampler = Sampler(strategy, lambda item: found.append(item.value), clock)  # type: ignore[arg-type]
    for now, value in assignments:
        clock.go_on(now)
        sampler.take(update(value))
    clock.go_on(END)
    return found


@given(ASSIGNMENTS, st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.0004]))
def test_it_wakes_the_strategy_in_time(
    assignments: list[tuple[int, int]], shortest: int, more: int, early: float
) -> None:
    def machine() -> Strategy:
        return Changes(None, shortest, shortest + more + 1)

    expected = [value for _, value in given_by(machine(), assignments)]
    assert run(machine(), assignments, early) == expected


def test_timers_do_not_pile_up() -> None:
    clock = Clock()
    found: list[Any] = []
    sampler = Sampler(Changes(None, 0.0, 5.0), lambda item: found.append(item), clock)  # type: ignore[arg-type]
    for value in range(10_000):
        clock.now = value / 1000
        sampler.take(update(value))
    assert len(found) == 10_000
    assert len(clock.timers) == 1


def test_it_gives_nothing_after_it_was_closed_not_even_by_what_it_gives() -> None:
    clock = Clock()
    found: list[Any] = []

    def give(item: Update) -> None:
        found.append(item.value)
        sampler.close()

    sampler = Sampler(Period(1.0), give, clock)  # type: ignore[arg-type]
    sampler.take(update(1))
    clock.go_on(100)
    assert found == [1]
    assert clock.timers == []
