"""How much may wait for the broker, and what the log says when that is too little."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable


#: The default limits of what waits without, and with, a connection.
OUTBOX_MESSAGES = 10_000
OUTBOX_BYTES = 64 * 1024 * 1024
BACKLOG_BYTES = 256 * 1024 * 1024
#: How many bytes may wait before `Backlog.drain` does, and from how many on it returns.
DRAIN_HIGH = 1024 * 1024
DRAIN_LOW = DRAIN_HIGH // 2


class Backlog:
    """The replies that the broker has not confirmed: their number, their size and their limits.

    While there is a connection, the broker may just be slow, and only memory is a limit. While
    there is none, nobody knows for how long, and the limits of the outbox hold.

    Parameters
    ----------
    log
        Where to report when replies are dropped.
    max_messages, max_bytes
        How much may wait while there is no connection.
    backlog_bytes
        How many bytes may wait while there is one.

    Attributes
    ----------
    count, size
        How many messages wait, and how many bytes of memory they take.
    peak
        The largest size so far.
    dropped_outbox, dropped_backlog
        How many replies were dropped without and with a connection.
    is_overflowing
        Whether replies are being dropped, or were so a moment ago.
    on_end
        Is called when that is over.
    """

    def __init__(
        self, log: logging.Logger, max_messages: int, max_bytes: int, backlog_bytes: int
    ) -> None:
        self._log = log
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.backlog_bytes = backlog_bytes
        self.count = self.size = self.peak = 0
        self.dropped_outbox = self.dropped_backlog = 0
        self.is_overflowing = False
        self._is_warned = False
        self._dropped = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self.on_end: Callable[[], None] | None = None

    @property
    def dropped(self) -> int:
        """How many replies were dropped because there was no room for them."""
        return self.dropped_outbox + self.dropped_backlog

    def continue_counts(self, last: Backlog) -> None:
        """Continue the counts of an earlier one."""
        self.dropped_outbox, self.dropped_backlog = last.dropped_outbox, last.dropped_backlog
        self.peak = last.peak

    def admits(self, cost: int, is_connected: bool) -> bool:
        """Whether there is room for a message. One that there is no room for counts as dropped."""
        size = self.size + cost
        if is_connected:
            if size <= self.backlog_bytes:
                if size > self.backlog_bytes // 2 and not self._is_warned:
                    self._warn(size)
                return True
            self.dropped_backlog += 1
        else:
            if self.count < self.max_messages and size <= self.max_bytes:
                return True
            self.dropped_outbox += 1
        self._drop(is_connected)
        return False

    def add(self, cost: int) -> None:
        """Count a message that waits."""
        self.count += 1
        self.size += cost
        if self.size > self.peak:
            self.peak = self.size

    def remove(self, cost: int, count: int = 1) -> None:
        """Count a message, or some that cost so much together, as waiting no longer."""
        self.count -= count
        self.size -= cost
        if self._waiters and self.size <= DRAIN_LOW:
            self._wake()

    async def drain(self) -> None:
        """Wait, if much is unconfirmed, until it is so little that more should be written."""
        if self.size > DRAIN_HIGH:
            await self.wait(DRAIN_LOW)

    async def wait(self, most: int) -> None:
        """Wait until no more than so many bytes are unconfirmed."""
        while self.size > most:
            waiter = (most, asyncio.get_running_loop().create_future())
            self._waiters.append(waiter)
            try:
                await waiter[1]
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def _wake(self) -> None:
        awake = [waiter for waiter in self._waiters if self.size <= waiter[0]]
        for waiter in awake:
            self._waiters.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(None)

    def _warn(self, size: int) -> None:
        self._is_warned = True
        # Not as arguments: the formatter of sdsstools wants the first one to be a string.
        self._log.warning(
            f"The broker is slow: {self.count} replies, {size} bytes, wait for its confirmation "
            f"(the limit is {self.backlog_bytes} bytes)."
        )

    def _drop(self, is_connected: bool) -> None:
        if not self.is_overflowing:
            self.is_overflowing = True
            self._dropped = 0
            name = "backlog" if is_connected else "outbox"
            self._log.error(
                "The %s is full (%d messages, %d bytes): replies are dropped.",
                name,
                self.count,
                self.size,
            )
        self._dropped += 1

    def look(self, is_connected: bool) -> None:
        """Report the end of an overflow if half of the room is free again."""
        # Not as soon as one fits in: a line for each reply that finds room would be a flood.
        if is_connected:
            if self.size > self.backlog_bytes // 2:
                return
        elif self.count > self.max_messages // 2 or self.size > self.max_bytes // 2:
            return
        self._is_warned = False
        if self.is_overflowing:
            self.is_overflowing = False
            self._log.error("There is room for replies again; %d were dropped.", self._dropped)
            if self.on_end is not None:
                self.on_end()

    @property
    def needs_look(self) -> bool:
        """Whether the log has said something that will be over."""
        return self.is_overflowing or self._is_warned
