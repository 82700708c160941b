"""Messages for which there is no room."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable


class Overflow:
    """Tells once when messages begin to be lost, and once when that is over.

    Parameters
    ----------
    log
        Where to tell it.
    max_messages, max_bytes
        How much may wait.

    Attributes
    ----------
    is_under_way
        Whether messages are lost, or were so a moment ago.
    on_end
        Is called when that is over.
    """

    def __init__(self, log: logging.Logger, max_messages: int, max_bytes: int) -> None:
        self._log = log
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._lost = 0
        self.is_under_way = False
        self.on_end: Callable[[], None] | None = None

    def lose(self, messages: int, size: int) -> None:
        """Take note of a message that is lost, as so many, and so many bytes, wait already."""
        if not self.is_under_way:
            self.is_under_way = True
            self._lost = 0
            self._log.error(
                "The outbox is full (%d messages, %d bytes): replies are lost.", messages, size
            )
        self._lost += 1

    def look(self, messages: int, size: int) -> None:
        """Tell that it is over if only so many messages, and so many bytes, wait."""
        # Not as soon as one fits in: a line for each reply that finds room would be a flood.
        if messages > self._max_messages // 2 or size > self._max_bytes // 2:
            return
        self.is_under_way = False
        self._log.error("The outbox has room again; %d replies were lost.", self._lost)
        if self.on_end is not None:
            self.on_end()
