"""Running at once what an idle event loop would run next."""

from __future__ import annotations

import asyncio
import collections
from typing import Any

__all__ = ["ReadyCallbacks"]


class ReadyCallbacks:
    """The callbacks that an event loop runs in its next iteration.

    What the callback of a connection has scheduled would run after the event loop has asked the
    system for input, in vain, and has looked at its timers. If that callback was the last one of
    its iteration, and no timer is due, its own are the next ones in any case: they may as well be
    run by itself. It makes no difference to them, and saves the iteration.

    Other event loops than those of asyncio do not tell, and neither does one in debug mode, which
    measures each callback: then nothing is run.

    Parameters
    ----------
    loop
        The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        handles = getattr(loop, "_ready", None)
        timers = getattr(loop, "_scheduled", None)
        is_known = (
            type(handles) is collections.deque
            and type(timers) is list
            and getattr(type(loop), "_run_once", None) is asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]
        )
        self._loop: Any = loop
        self._handles: Any = handles if is_known else None
        self._timers: Any = timers if is_known else None

    def are_none(self) -> bool:
        """Whether the callback that runs is the last one of its iteration."""
        return self._handles is not None and not self._handles

    def run(self) -> None:
        """Run the callbacks, if there were none when the callback that calls this was called."""
        handles, loop = self._handles, self._loop
        if not handles or loop._stopping or loop.get_debug():
            return
        if asyncio.current_task(loop) is not None:  # a test passes the data itself
            return
        if self._timers and self._timers[0].when() <= loop.time() + loop._clock_resolution:
            return
        for _ in range(len(handles)):
            handle = handles.popleft()
            if not handle._cancelled:
                handle._run()
