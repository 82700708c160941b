"""When a value is given: each strategy against a model that looks at all that has happened."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu._watch.strategies import Auto, Changes, Period, differs

if TYPE_CHECKING:
    from clu._watch.strategies import Strategy

#: Whole seconds, so that what happens at the same time does so exactly.
TIMES = st.integers(0, 30)
ASSIGNMENTS = st.lists(st.tuples(TIMES, st.integers(-3, 3)), max_size=30).map(
    lambda items: sorted(items, key=lambda item: item[0])
)
END = 40


def given_by(strategy: Strategy, assignments: list[tuple[int, Any]]) -> list[tuple[float, Any]]:
    """Return what a strategy gives if it is woken when it wants to be."""
    found: list[tuple[float, Any]] = []
    latest: Any = None

    def wake_until(now: float) -> None:
        while strategy.wake_at is not None and strategy.wake_at <= now:
            at = strategy.wake_at
            if strategy.wake(at):
                found.append((at, latest))

    for now, value in assignments:
        wake_until(now)
        latest = value
        if strategy.assign(value, now):
            found.append((now, value))
    wake_until(END)
    return found


def changes_of(
    assignments: list[tuple[int, int]], delta: int | None, shortest: int, longest: int | None
) -> list[tuple[float, Any]]:
    """Return what `Changes` is to give: second by second, from all assignments so far."""
    found: list[tuple[float, Any]] = []
    seen: list[int] = []
    since_given = 0

    def look(now: int) -> None:
        nonlocal since_given
        if not seen:
            return
        if found:
            at, value = found[-1]
            has_changed = any(
                item != value if delta is None else abs(item - value) > delta
                for item in seen[since_given:]
            )
            is_quiet = longest is not None and now >= at + longest
            if not is_quiet and not (has_changed and now >= at + shortest):
                return
        found.append((now, seen[-1]))
        since_given = len(seen)

    for now in range(END + 1):
        if found:
            look(now)
        for at, value in assignments:
            if at == now:
                seen.append(value)
                look(now)
    return found


@given(
    ASSIGNMENTS,
    st.none() | st.integers(0, 4),
    st.integers(0, 6),
    st.none() | st.integers(1, 8),
)
def test_changes_are_given_as_katcp_defines_it(
    assignments: list[tuple[int, int]], delta: int | None, shortest: int, longest: int | None
) -> None:
    if longest is not None:
        longest += shortest
    machine = Changes(delta, shortest, longest)
    assert given_by(machine, assignments) == changes_of(assignments, delta, shortest, longest)


@given(ASSIGNMENTS)
def test_auto_gives_each_assignment(assignments: list[tuple[int, int]]) -> None:
    assert given_by(Auto(), assignments) == assignments
    assert not Auto().wake(1.0)


@given(ASSIGNMENTS, st.integers(1, 9))
def test_period_gives_the_latest_value_at_each_period(
    assignments: list[tuple[int, int]], period: int
) -> None:
    found = given_by(Period(period), assignments)
    if not assignments:
        assert found == []
        return
    start, first = assignments[0]
    expected = [(start, first)]
    for now in range(start + period, END + 1, period):
        # What is assigned at that very moment comes after the timer.
        earlier = [value for at, value in assignments if at < now]
        expected.append((now, earlier[-1]))
    assert found == expected


@given(
    st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.integers(-3, 3)), max_size=60),
    st.floats(0, 3),
    st.floats(0.5, 3),
)
def test_timers_that_are_late_give_nothing_too_early_and_lose_no_change(
    steps: list[tuple[float, bool, int]], shortest: float, more: float
) -> None:
    machine, now = Changes(None, shortest, shortest + more), 0.0
    given_at: list[float] = []
    latest = last = None
    for seconds, is_assignment, value in steps:
        now += seconds
        if is_assignment:
            latest = value
            gives = machine.assign(value, now)
        else:
            gives = machine.wake(now)
        if gives:
            given_at.append(now)
            last = latest
        if latest is not None and latest != last:
            assert machine.wake_at is not None
            assert machine.wake_at <= given_at[-1] + shortest
    for one, two in itertools.pairwise(given_at):
        assert two >= one + shortest


@given(st.floats(0.001, 10), st.lists(st.floats(0, 1000), max_size=20))
def test_a_period_that_was_missed_is_left_out(period: float, delays: list[float]) -> None:
    machine, now = Period(period), 1e6
    assert machine.assign(1, now)
    for delay in delays:
        assert machine.wake_at is not None
        now = machine.wake_at + delay
        assert machine.wake(now)
        assert machine.wake_at > now
        assert machine.wake_at <= now + 2 * period
        assert not machine.wake(now)


@pytest.mark.parametrize(
    ("value", "other", "delta", "is_other"),
    [
        (1, 1.0, None, False),
        (1, True, None, True),
        (0.5, 0.75, 0.25, False),
        (0.5, 0.76, 0.25, True),
        (math.nan, math.nan, 0, False),
        (math.nan, 1.0, 100, True),
        (math.inf, math.inf, 1, False),
        (math.inf, -math.inf, 1, True),
        (10**400, 1.5, 1, True),
        ([1.0, 2.0], [1.0, 2.1], 0.2, False),
        ([1.0, 2.0], [1.0, 2.3], 0.2, True),
        ([1.0, 2.0], [1.0], 0.2, True),
        ([1.0, "a"], [1.1, "b"], 0.2, True),
        ((1.0,), [1.0], 0, False),
        ({"x": 1.0}, {"x": 1.1}, 0.2, False),
        ({"x": 1.0}, {"y": 1.0}, 0.2, True),
        ({"x": [1, {"z": 1}]}, {"x": [1, {"z": 2}]}, 0.5, True),
        ("a", "b", 100, True),
        ("a", "a", 0, False),
        (None, 1, 100, True),
        (None, None, 0, False),
        (Fraction(1, 2), 0.5, None, False),
    ],
)
def test_numbers_anywhere_in_a_value_count(
    value: Any, other: Any, delta: float | None, is_other: bool
) -> None:
    assert differs(value, other, delta) is is_other
    assert differs(other, value, delta) is is_other


def test_what_cannot_be_compared_differs() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError("no")

        __hash__ = None  # type: ignore[assignment]

    odd = Odd()
    assert differs(odd, Odd())
    assert not differs(odd, odd)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert differs(deep, [deep])
    while deep:  # Python would recurse to free it
        deep = deep.pop()
