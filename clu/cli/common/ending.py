"""The last reply of a command whose client has stopped waiting: after a critical reply."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from clu.cli.common.connection import CRITICAL, Outcome, Result, failed_before, not_ended

if TYPE_CHECKING:
    from clu.cli.common.connection import Received

__all__ = ["Ending"]

#: How long an actor may say nothing after a critical reply before its command has ended with it,
#: in seconds: actors of other observatories send nothing after it.
_SILENCE_LIMIT = 10.0
_LAST = (":", "f")


class Ending:
    """Waits for the last reply of a command.

    An AMQP client counts a command as failed at a reply ``!``, as that of sdss-clu does. What its
    actor says after it is received all the same.

    Parameters
    ----------
    actor, text
        The name of the actor and the command.
    limit
        The seconds to wait for the end, counted from now.
    """

    def __init__(self, actor: str, text: str, limit: float | None) -> None:
        self.actor = actor
        self._text = text
        self._limit = limit
        loop = asyncio.get_running_loop()
        self._end = None if limit is None else loop.time() + limit
        self._replies: asyncio.Queue[Received | None] = asyncio.Queue()

    def take(self, received: Received) -> None:
        """Take a reply to the command."""
        self._replies.put_nowait(received)

    def lose(self) -> None:
        """Stop waiting, as the connection is lost."""
        self._replies.put_nowait(None)

    async def wait(self) -> Result:
        """Return the result of the command, with all its replies."""
        found: list[Received] = []
        while not found or found[-1].code not in _LAST:
            timeout, is_last = self._timeout()
            try:
                received = await asyncio.wait_for(self._replies.get(), timeout)
            except asyncio.TimeoutError:
                if is_last:
                    reason = not_ended(self.actor, self._text, self._limit)
                    return Result(Outcome.TIMED_OUT, reason, found)
                return Result(Outcome.FAILED, "", found)
            if received is not None:
                found.append(received)
            elif any(item.code == CRITICAL for item in found):  # before, the client itself waits
                return Result(Outcome.FAILED, "The connection was lost before the end.", found)
        reason = "" if found[-1].code == "f" else failed_before(self.actor, self._text)
        return Result(Outcome.FAILED, reason, found)

    def _timeout(self) -> tuple[float, bool]:
        """Return how long to wait for a reply, and whether no further one is waited for."""
        if self._end is None:
            return _SILENCE_LIMIT, False
        left = max(self._end - asyncio.get_running_loop().time(), 0)
        return min(left, _SILENCE_LIMIT), left <= _SILENCE_LIMIT
