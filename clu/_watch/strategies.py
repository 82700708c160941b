"""When a value is given: the sampling strategies of KATCP, as machines without a clock.

A machine is told each assignment and the time, and says whether to give the value at once. With
`wake_at` it asks to be woken, and says then whether to give the latest value. Times are in seconds,
from any clock that does not go back.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

__all__ = ["Auto", "Changes", "Period", "Strategy", "differs"]


class Strategy(Protocol):
    """A machine that says when to give a value."""

    #: When to call `wake`, or None.
    wake_at: float | None

    def assign(self, value: Any, now: float) -> bool:
        """Take an assignment; return whether to give the value at once."""

    def wake(self, now: float) -> bool:
        """Return whether to give the latest value now."""


def differs(value: Any, other: Any, delta: float | None = None) -> bool:
    """Whether a value differs from another, numbers in it by more than some amount.

    Parameters
    ----------
    value, other
        Numbers, lists and dictionaries of such, or anything else.
    delta
        The amount by which numbers may differ; None for no amount.
    """
    try:
        return _differs(value, other, delta)
    except Exception:  # whatever it is that cannot be compared
        return value is not other


def _differs(value: Any, other: Any, delta: float | None) -> bool:
    if value is other:
        return False
    if _is_number(value) and _is_number(other):
        if value == other or (value != value and other != other):  # NaN
            return False
        if delta is None:
            return True
        try:
            difference = abs(value - other)
        except OverflowError:  # an int that is too long for a float
            return True
        return not difference <= delta  # also if it is NaN
    if isinstance(value, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(value) != len(other) or any(
            _differs(one, two, delta) for one, two in zip(value, other, strict=True)
        )
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() != other.keys() or any(
            _differs(one, other[key], delta) for key, one in value.items()
        )
    # True equals 1, and is another value.
    return isinstance(value, bool) != isinstance(other, bool) or bool(value != other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Auto:
    """Gives each assignment."""

    wake_at: float | None = None

    def assign(self, value: Any, now: float) -> bool:
        """Take an assignment; return whether to give the value at once."""
        return True

    def wake(self, now: float) -> bool:
        """Return whether to give the latest value now."""
        return False


class Period:
    """Gives the latest value every so many seconds, from the first assignment on.

    Parameters
    ----------
    period
        The seconds.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self.wake_at: float | None = None

    def assign(self, value: Any, now: float) -> bool:
        """Take an assignment; return whether to give the value at once."""
        if self.wake_at is not None:
            return False
        self.wake_at = now + self._period
        return True

    def wake(self, now: float) -> bool:
        """Return whether to give the latest value now."""
        if self.wake_at is None or now < self.wake_at:
            return False
        # Times that were missed are left out, and those that follow are not shifted.
        missed = math.floor((now - self.wake_at) / self._period)
        self.wake_at = max(self.wake_at + (missed + 1) * self._period, math.nextafter(now, now + 1))
        return True


class Changes:
    """Gives changes, not too often, and the latest value after a quiet time.

    Parameters
    ----------
    delta
        By how much a number must differ from the one that was given last; None for any change.
    shortest
        The least seconds between two values. A change that comes earlier is given at the end of
        this time, with the value of then.
    longest
        The seconds after which the value is given again; None for never.
    """

    def __init__(
        self, delta: float | None = None, shortest: float = 0.0, longest: float | None = None
    ) -> None:
        self._delta = delta
        self._shortest = shortest
        self._longest = longest
        self._has_given = False
        self._value: Any = None
        self._given: Any = None
        self._given_at = 0.0
        self.wake_at: float | None = None

    def assign(self, value: Any, now: float) -> bool:
        """Take an assignment; return whether to give the value at once."""
        self._value = value
        if not self._has_given:
            return self._give(now)
        if not differs(value, self._given, self._delta):
            return False
        due = self._given_at + self._shortest
        if now >= due:
            return self._give(now)
        self.wake_at = due
        return False

    def wake(self, now: float) -> bool:
        """Return whether to give the latest value now."""
        return self.wake_at is not None and now >= self.wake_at and self._give(now)

    def _give(self, now: float) -> bool:
        self._has_given = True
        self._given, self._given_at = self._value, now
        self.wake_at = None if self._longest is None else now + self._longest
        return True
