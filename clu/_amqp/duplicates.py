"""Messages that were published again after a lost connection, and had come before."""

from __future__ import annotations

from clu._speedups.received import SeenMessages

#: What the ids of our messages begin with. Only we use an id again for the same message: another
#: client may give one id to all of its messages.
ID_PREFIX = "clu:"

#: How many of the latest message ids are remembered.
_REMEMBERED = 8192


def seen_messages() -> SeenMessages:
    """Return what knows the messages that come twice; none has come yet."""
    return SeenMessages(ID_PREFIX, _REMEMBERED)
