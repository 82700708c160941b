"""How long callbacks take until they first wait for something, or end."""

from __future__ import annotations

import asyncio
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clu._tcp.transport import ClientTransport
    from clu.command import Command

__all__ = ["FirstSteps"]

#: The seconds that the latest first step may have taken for the reply that the command runs to
#: wait for the next one.
QUICK = 0.001
#: The seconds from which on a callback is one that blocks the event loop, for good.
BLOCKING = 0.05


class FirstSteps:
    """Lets one piece of data tell that a command runs, and that it has ended at once.

    A command runs from when its callback is scheduled. The client is told at once, unless the
    callback is known to take next to no time until it waits or ends: then what it writes until
    then is sent with it.
    """

    def __init__(self) -> None:
        self._seconds: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()

    def expect(self, command: Command[Any], transport: ClientTransport) -> None:
        """Expect the first step of the callback of a command, which was scheduled just now."""
        context = command._lazy or command.context
        if context is None or command._task is None:
            return
        callback = context.command
        may_wait = self._seconds.get(callback, QUICK) < QUICK
        transport.await_step(may_wait=may_wait)
        # It is called after the step, which the event loop got before it.
        asyncio.get_running_loop().call_soon(self._done, callback, perf_counter(), transport)

    def _done(self, callback: Any, start: float, transport: ClientTransport) -> None:
        if self._seconds.get(callback, 0.0) < BLOCKING:
            self._seconds[callback] = perf_counter() - start
        transport.step_done()
