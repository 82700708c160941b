"""What the address of a broker and the interval of heartbeats must be."""

from __future__ import annotations

from typing import Any

from clu.exceptions import CluValueError

#: The most seconds that AMQP knows as a heartbeat.
_LONGEST_HEARTBEAT = 65534


def check_url(url: Any) -> Any:
    """Return the address of a broker, or None if it is empty.

    Raises
    ------
    CluValueError
        If it is not one. aiormq would not say so, but try in vain to connect.
    """
    text = "" if url is None else str(url)
    if not text:
        return None
    if not text.lower().startswith(("amqp://", "amqps://")):
        # What is not an address may be anything, a password included: it is not repeated.
        scheme, found, _ = text.partition("://")
        begins = f"begins with {scheme + found!r}" if found else "has no scheme"
        raise CluValueError(
            f"The address of the broker {begins}; it must be amqp://... or amqps://..."
        )
    return url


def check_heartbeat(heartbeat: Any) -> int | None:
    if heartbeat is None:
        return None
    # aiormq would switch heartbeats off without a word.
    is_whole = isinstance(heartbeat, (int, float)) and heartbeat % 1 == 0
    if not is_whole or not 0 <= heartbeat <= _LONGEST_HEARTBEAT:
        raise CluValueError(
            f"The heartbeat {heartbeat!r} is not a whole number of seconds, "
            f"0 (never) to {_LONGEST_HEARTBEAT}."
        )
    return int(heartbeat)
