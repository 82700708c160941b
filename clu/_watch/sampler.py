"""A strategy on the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from clu._watch.strategies import Strategy
    from clu._watch.update import Update

__all__ = ["Sampler"]


class Sampler:
    """Gives those updates of a keyword that a strategy selects.

    Parameters
    ----------
    strategy
        The strategy, which has not been used.
    give
        A function that is called with each update to give.
    loop
        The event loop.

    Attributes
    ----------
    latest
        The latest update, given or not, or None.
    """

    __slots__ = ("_give", "_is_closed", "_loop", "_strategy", "_timer", "_timer_at", "latest")

    def __init__(
        self,
        strategy: Strategy,
        give: Callable[[Update], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._strategy = strategy
        self._give = give
        self._loop = loop
        self.latest: Update | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._is_closed = False

    def take(self, update: Update) -> None:
        """Take an update."""
        self.latest = update
        if self._strategy.assign(update.value, self._loop.time()):
            self._give(update)
        self._schedule()

    def close(self) -> None:
        """Give nothing any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        # The clocks of event loops are coarse: a timer may be early by a part of a millisecond.
        now = max(self._loop.time(), self._timer_at)
        if self._strategy.wake(now) and self.latest is not None:
            self._give(self.latest)
        self._schedule()

    def _schedule(self) -> None:
        wake_at = self._strategy.wake_at
        if wake_at is None or self._is_closed:
            return
        if self._timer is not None:
            # One that is early is scheduled anew when it is there: it may move with each update.
            if self._timer_at <= wake_at:
                return
            self._timer.cancel()
        self._timer_at = wake_at
        self._timer = self._loop.call_at(wake_at, self._wake)
