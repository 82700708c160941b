"""The parameters of a subscription, checked."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from clu._watch.strategies import Auto, Changes, Period
from clu.exceptions import CluTypeError, CluValueError

if TYPE_CHECKING:
    from clu._watch.strategies import Strategy

__all__ = ["STRATEGIES", "Sampling"]

#: The strategies, and the parameters that each takes. Those in capitals it needs.
STRATEGIES: dict[str, tuple[str, ...]] = {
    "auto": (),
    "event": (),
    "period": ("PERIOD",),
    "differential": ("DELTA",),
    "event-rate": ("min", "max"),
    "differential-rate": ("DELTA", "min", "max"),
}
#: The shortest period and the shortest ``max``, in seconds: they must not keep the loop busy.
_SHORTEST = 0.001


class Sampling:
    """The strategy of a subscription and its parameters.

    Parameters
    ----------
    strategy
        The name of the strategy. By default it is the one that takes the parameters that are given,
        ``auto`` if there are none.
    delta, min, max, period
        The parameters: see `clu.base.BaseClient.watch`.

    Attributes
    ----------
    strategy, delta, min, max, period
        The parameters.

    Raises
    ------
    CluValueError, CluTypeError
        If a parameter makes no sense, is missing, or is none of the strategy.
    """

    __slots__ = ("delta", "max", "min", "period", "strategy")

    def __init__(
        self,
        strategy: str | None = None,
        *,
        delta: float | None = None,
        min: float | None = None,
        max: float | None = None,
        period: float | None = None,
    ) -> None:
        given = {
            name: value
            for name, value in (("delta", delta), ("min", min), ("max", max), ("period", period))
            if value is not None
        }
        for name, value in given.items():
            _check_number(name, value)
        for name in ("max", "period"):
            if name in given and given[name] < _SHORTEST:
                raise CluValueError(f"{name} must be at least {_SHORTEST} s, not {given[name]!r}.")
        if min is not None and max is not None and min > max:
            raise CluValueError(f"min ({min!r}) must not be more than max ({max!r}).")
        self.strategy = _suited(given) if strategy is None else _known(strategy)
        _check_parameters(self.strategy, given)
        self.delta, self.min, self.max, self.period = delta, min, max, period

    def machine(self) -> Strategy:
        """Return a new machine, for one keyword."""
        if self.strategy == "auto":
            return Auto()
        if self.strategy == "period":
            assert self.period is not None
            return Period(self.period)
        return Changes(self.delta, self.min or 0.0, self.max)

    def __repr__(self) -> str:
        names = ("delta", "min", "max", "period")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        parts = [repr(self.strategy), *(f"{name}={value!r}" for name, value in given.items())]
        return f"Sampling({', '.join(parts)})"


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CluTypeError(f"{name} must be a number, not {value!r}.")
    if not math.isfinite(value) or value < 0:
        raise CluValueError(f"{name} must be a number that is not negative, not {value!r}.")


def _known(strategy: str) -> str:
    if not isinstance(strategy, str):
        raise CluTypeError(f"strategy must be the name of a strategy, not {strategy!r}.")
    if strategy in STRATEGIES:
        return strategy
    near = difflib.get_close_matches(strategy.lower(), STRATEGIES, 2)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(STRATEGIES)}."
    raise CluValueError(f"There is no strategy {strategy!r}. {hint}")


def _suited(given: dict[str, float]) -> str:
    """Return the strategy that takes some parameters."""
    if "period" in given:
        return "period"
    has_rate = "min" in given or "max" in given
    if "delta" in given:
        return "differential-rate" if has_rate else "differential"
    return "event-rate" if has_rate else "auto"


def _check_parameters(strategy: str, given: dict[str, float]) -> None:
    takes = [name.lower() for name in STRATEGIES[strategy]]
    for name in given:
        if name not in takes:
            what = f"only {' and '.join(takes)}" if takes else "no parameters"
            raise CluValueError(f"The strategy {strategy} takes {what}, and no {name}.")
    for name in STRATEGIES[strategy]:
        if name.isupper() and name.lower() not in given:
            raise CluValueError(f"The strategy {strategy} needs {name.lower()}.")
    if "min" in takes and "min" not in given and "max" not in given:
        raise CluValueError(f"The strategy {strategy} needs min, max or both.")
