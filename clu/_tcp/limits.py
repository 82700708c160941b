"""How much to buffer for a client, and how long it may read nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from clu.exceptions import CluValueError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

#: The default number of bytes to buffer for a stalled client.
BUFFER_LIMIT = 16 * 1024 * 1024
#: How long a client may read nothing by default before it counts as stalled, in seconds.
STALL_LIMIT = 10.0
#: The default number of bytes to buffer for any client.
BUFFER_HARD_LIMIT = 256 * 1024 * 1024

_LOOKS = 10
#: If a look is this late, in seconds, a callback has blocked the event loop.
_LATE = 0.1


class BufferLimits(NamedTuple):
    """When a client is disconnected.

    Parameters
    ----------
    buffer_limit
        The number of bytes to buffer for a stalled client.
    stall_limit
        How long a client may read nothing before it counts as stalled, in seconds.
    buffer_hard_limit
        The number of bytes to buffer for any client, if it is more than ``buffer_limit``. A larger
        message is accepted if the buffer is empty.
    """

    buffer_limit: int = BUFFER_LIMIT
    stall_limit: float = STALL_LIMIT
    buffer_hard_limit: int = BUFFER_HARD_LIMIT

    def check(self) -> BufferLimits:
        """Return the limits.

        Raises
        ------
        CluValueError
            If one of them is not positive.
        """
        for name, value in zip(self._fields, self, strict=True):
            if value <= 0:
                raise CluValueError(f"{name} must be positive, not {value}.")
        return self


class StallWatch:
    """Finds out whether a client is stalled, which is one that has read nothing for some time.

    It looks ten times in that time. A look that is late does not count, since a callback has
    blocked the event loop, which could not write either.

    Parameters
    ----------
    loop
        The event loop.
    seconds
        How long a client may read nothing.
    taken
        A function that returns how many bytes the client has read so far.
    looked
        A function that is called after each look, and returns whether to continue.
    """

    __slots__ = ("_due", "_idle", "_looked", "_loop", "_pause", "_taken", "_taken_before", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        taken: Callable[[], int],
        looked: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._pause = seconds / _LOOKS
        self._taken = taken
        self._looked = looked
        self._taken_before = 0
        self._idle = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_stalled(self) -> bool:
        """Whether the client was stalled at the latest look."""
        return self._idle >= _LOOKS

    def start(self) -> None:
        """Start. A client that was stalled, and has read nothing since, still is."""
        if (taken := self._taken()) != self._taken_before:
            self._taken_before = taken
            self._idle = 0
        if self._timer is None:
            if not self.is_stalled:
                self._idle = 0
            self._wait()

    def stop(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """Forget that the client was stalled."""
        self._idle = 0

    def _wait(self) -> None:
        self._due = self._loop.time() + self._pause
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        taken = self._taken()
        if taken != self._taken_before:
            self._taken_before = taken
            self._idle = 0
        elif self._loop.time() - self._due < max(_LATE, self._pause):
            self._idle += 1
        if self._looked():
            self._wait()
