"""Messages that were published again after a lost connection, and had come before."""

from __future__ import annotations

from typing import Any

#: What the ids of our messages begin with. Only we use an id again for the same message: another
#: client may give one id to all of its messages.
ID_PREFIX = "clu:"

#: How many of the latest message ids are remembered.
_REMEMBERED = 8192


class SeenMessages:
    """The ids of the latest messages."""

    def __init__(self) -> None:
        # Two generations: to forget the older one at once costs less than one id at a time.
        self._ids: set[str] = set()
        self._older: set[str] = set()
        #: Those that came before the channel was closed.
        self._before: set[str] = set()

    def has(self, message: Any) -> bool:
        """Whether a message is a duplicate; if not, it is recorded."""
        message_id = message.message_id
        if not message_id:
            return False
        ids = self._ids
        if message_id in ids or message_id in self._older:
            if getattr(message, "redelivered", False):
                # On the same channel it comes again because somebody here put it back into the
                # queue. After the loss of a channel the broker delivers again what was not
                # acknowledged.
                return message_id in self._before
            return bool(message_id.startswith(ID_PREFIX))
        ids.add(message_id)
        if len(ids) >= _REMEMBERED:
            self._older, self._ids = ids, set()
        return False

    def close_channel(self) -> None:
        """Record that the channel of the messages is closed."""
        self._before = self._ids | self._older
