"""Position, velocity and time, and the conversion of time scales."""

from __future__ import annotations

import math
import time
from typing import Any

__all__ = [
    "MJDJ2000",
    "PVT",
    "asFloatOrNone",
    "getCurrPySec",
    "taiFromPySec",
    "taiFromUTC",
    "utcFromPySec",
]

MJDJ2000 = 51544.5
"""The modified Julian date of the epoch J2000."""

SecPerDay = 86400.0
MJD_OF_UNIX_EPOCH = 40587.0

# The opscore clock keeps TAI 35 seconds ahead of UTC, regardless of later leap seconds.
_UTCMinusTAIDays = -35.0 / SecPerDay
_TimeError = 0.0


def getCurrPySec(uncorrTime: float | None = None) -> float:
    """Return a time in seconds since the Unix epoch.

    Parameters
    ----------
    uncorrTime
        The time to correct by the error of the clock; now by default.
    """
    return (time.time() if uncorrTime is None else uncorrTime) - _TimeError


def utcFromPySec(pySec: float | None = None) -> float:
    """Convert seconds since the Unix epoch (now by default) to UTC as a modified Julian date."""
    return MJD_OF_UNIX_EPOCH + (getCurrPySec() if pySec is None else pySec) / SecPerDay


def taiFromUTC(utc: float) -> float:
    """Convert UTC to TAI, both modified Julian dates."""
    return utc - _UTCMinusTAIDays


def taiFromPySec(pySec: float | None = None) -> float:
    """Convert seconds since the Unix epoch (now by default) to TAI as a modified Julian date."""
    return taiFromUTC(utcFromPySec(pySec))


def asFloatOrNone(val: Any) -> float | None:
    """Return a number, or None for the string ``nan``."""
    if isinstance(val, str) and val.lower() == "nan":
        return None
    return float(val)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


class PVT:
    """A position that changes with a constant velocity.

    Parameters
    ----------
    pos
        The position, or None if it is not known.
    vel
        The velocity, in units of the position a second.
    t
        The time of the position: TAI as a modified Julian date, in seconds.
    """

    def __init__(
        self, pos: float | None = None, vel: float | None = 0.0, t: float | None = 0.0
    ) -> None:
        self.pos = None if pos is None else asFloatOrNone(pos)
        self.vel = 0.0 if vel is None else asFloatOrNone(vel)
        self.t = 0.0 if t is None else asFloatOrNone(t)

    def __repr__(self) -> str:
        return f"PVT({self.pos}, {self.vel}, {self.t})"

    @property
    def native(self) -> tuple[float | None, float | None, float | None]:
        """Position, velocity and time."""
        return self.pos, self.vel, self.t

    def getPos(self, t: float | None = None) -> float | None:
        """Return the position at a time (now by default), or None if it is not valid."""
        if not self.isValid():
            return None
        assert self.pos is not None
        assert self.vel is not None
        assert self.t is not None
        when = taiFromPySec() * SecPerDay if t is None else t
        return self.pos + self.vel * (when - self.t)

    def hasVel(self) -> bool:
        """Return whether the velocity is known and not zero."""
        return self.vel not in (None, 0)

    def isValid(self) -> bool:
        """Return whether all values are known and finite, and the time is positive."""
        return (
            _is_finite(self.pos)
            and _is_finite(self.vel)
            and _is_finite(self.t)
            and self.t is not None
            and self.t > 0
        )

    def set(
        self, pos: float | None = None, vel: float | None = None, t: float | None = None
    ) -> None:
        """Set the given values; they may be strings, of which ``nan`` means unknown."""
        new = [
            old if given is None else asFloatOrNone(given)
            for given, old in ((pos, self.pos), (vel, self.vel), (t, self.t))
        ]
        self.pos, self.vel, self.t = new
