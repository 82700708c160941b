"""Time that does not pass: timers of an event loop run at once, and in order."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluNotImplemented, CluRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["fast_forward"]


class _Selector:
    """The selector of an event loop that does not wait for timers.

    Parameters
    ----------
    selector
        The one of the event loop.
    skip
        Is called with the seconds that would have been waited.
    is_working
        Says whether a thread works for the event loop, whose end is waited for.
    """

    def __init__(
        self, selector: Any, skip: Callable[[float], None], is_working: Callable[[], bool]
    ) -> None:
        self.original = selector
        self._skip = skip
        self._is_working = is_working

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready; if there is nothing but a timer, let its time have come."""
        if timeout is None or timeout <= 0 or self._is_working():
            return self.original.select(timeout)
        events = self.original.select(0)
        if not events:
            self._skip(timeout)
        return events


@contextlib.contextmanager
def fast_forward(on_skip: Callable[[float], None]) -> Iterator[None]:
    """Let the timers of the running event loop run at once, in the order of their times.

    Parameters
    ----------
    on_skip
        Is called with the seconds each time that some are skipped.

    Raises
    ------
    CluNotImplemented
        If the event loop is not one of asyncio.
    CluRuntimeError
        If it is done already.
    """
    running = asyncio.get_running_loop()
    is_of_asyncio = isinstance(running, asyncio.BaseEventLoop)
    loop: Any = running
    selector = getattr(loop, "_selector", None)
    if not is_of_asyncio or not hasattr(selector, "select"):
        raise CluNotImplemented(
            f"Time cannot be skipped on {type(loop).__module__}.{type(loop).__name__}, which has a "
            "clock of its own: run this on an event loop of asyncio."
        )
    if isinstance(selector, _Selector):
        raise CluRuntimeError("The time of this event loop is being skipped already.")
    time, run_in_executor = loop.time, loop.run_in_executor
    skipped = 0.0
    working: set[Any] = set()

    def skip(seconds: float) -> None:
        nonlocal skipped
        skipped += seconds
        on_skip(seconds)

    def run_counted(executor: Any, function: Any, *arguments: Any) -> Any:
        future = run_in_executor(executor, function, *arguments)
        working.add(future)
        future.add_done_callback(working.discard)
        return future

    # Its timers have virtual times, so that its clock must not go back afterwards.
    loop.time = lambda: time() + skipped
    loop.run_in_executor = run_counted
    loop._selector = _Selector(selector, skip, lambda: bool(working))
    try:
        yield
    finally:
        loop._selector = selector
        loop.run_in_executor = run_in_executor
