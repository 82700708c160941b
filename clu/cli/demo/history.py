"""Keywords for a display: values with a unit, an age and a history."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BIN", "History", "Keyword", "Keywords", "sparkline"]

#: The seconds per block of a sparkline.
BIN = 0.25
_BLOCKS = "▁▂▃▄▅▆▇█"
_LENGTH = 400
_unit = re.compile(r"\[([^]]+)]$")


class History:
    """The recent values of a number: the last one in each bin of time."""

    def __init__(self) -> None:
        self._bins: deque[float] = deque(maxlen=_LENGTH)
        self._bin: int | None = None

    def add(self, value: float, now: float) -> None:
        """Add a value."""
        number = int(now / BIN)
        if self._bin is None:
            self._bins.append(value)
        elif number == self._bin:
            self._bins[-1] = value
        else:
            # A bin without a value has the value of the previous bin.
            self._bins.extend([self._bins[-1]] * min(number - self._bin - 1, _LENGTH))
            self._bins.append(value)
        self._bin = number

    def recent(self, length: int) -> list[float]:
        """Return up to ``length`` values, the latest last."""
        return [*self._bins][-length:]


class Keyword:
    """A keyword, or one of the numbers in it.

    Attributes
    ----------
    value
        The current value.
    updated
        The time at which it was received, from `time.monotonic`.
    """

    def __init__(self, name: str, unit: str = "") -> None:
        self.name = name
        self.unit = unit
        self.value: Any = None
        self.updated = 0.0
        self.history = History()
        self.parts: dict[str, Keyword] = {}

    def set(self, value: Any, now: float) -> None:
        """Set the value, and those of the parts of an array or an object."""
        self.value = value
        self.updated = now
        number = representative(self.name, value)
        if number is not None:
            self.history.add(number, now)
        for name, part in _items(value):
            if name not in self.parts:
                self.parts[name] = Keyword(f"{self.name}[{name}]", self.unit)
            self.parts[name].set(part, now)


class Keywords(dict[str, Keyword]):
    """The keywords that have been received from an actor."""

    def __init__(self) -> None:
        super().__init__()
        self._units: dict[str, str] = {}

    def use_schema(self, schema: dict[str, Any]) -> None:
        """Read the units from the descriptions in a schema."""
        for name, definition in schema["properties"].items():
            if found := _unit.search(definition.get("description", "")):
                self._units[name] = found.group(1)

    def update(self, keywords: dict[str, Any]) -> None:  # type: ignore[override]
        """Store the keywords of a reply."""
        now = time.monotonic()
        for name, value in keywords.items():
            if name not in self:
                self[name] = Keyword(name, self._units.get(name, ""))
            self[name].set(value, now)


def _items(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((str(index), item) for index, item in enumerate(value))


_REPRESENTATIVE: dict[str, Callable[[Any], Any]] = {"load": lambda values: values[0]}


def representative(name: str, value: object) -> float | None:
    """Return the number to draw for a value: the highest of several, but the latest load."""
    if isinstance(value, (int, float)):
        return float(value)
    numbers = [number for _, number in _items(value) if isinstance(number, (int, float))]
    return _REPRESENTATIVE.get(name, max)(numbers) if numbers else None


def blocks(values: list[float], low: float, high: float) -> str:
    """Return a block character for each value in a range."""
    span = high - low
    last = len(_BLOCKS) - 1
    return "".join(
        _BLOCKS[min(max(round((value - low) / span * last), 0), last) if span > 0 else 0]
        for value in values
    )


def sparkline(values: list[float]) -> str:
    """Draw values, scaled from the lowest to the highest; changes below 1 % are not shown."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high - low < 0.01 * max(abs(low), abs(high)):
        return _BLOCKS[0] * len(values)
    return blocks(values, low, high)
