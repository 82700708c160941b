"""Clients of a TCP JSON actor that also get the replies to the commands of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._core.encoding import indent_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Listeners"]


class Listeners:
    """The clients that have asked for the replies to the commands of others.

    They get the line that is encoded for the client that sent the command. While there are none,
    nothing is wrapped: writing a reply costs as much as without them.

    Parameters
    ----------
    encode
        The function that encodes a reply as a line, for an actor with the given name.
    """

    def __init__(self, encode: Callable[[Any, str], bytes]) -> None:
        self._plain_encode = encode
        self._clients: set[Any] = set()

    def add(self, transport: Any) -> Callable[[Any, str], bytes]:
        """Add a client, and return the function with which the actor encodes from now on."""
        self._clients.add(transport)
        return self._encode

    def remove(self, transport: Any) -> Callable[[Any, str], bytes]:
        """Remove a client, if it listens, and return the function to encode with."""
        self._clients.discard(transport)
        return self._encode if self._clients else self._plain_encode

    def _encode(self, reply: Any, name: str) -> bytes:
        line = self._plain_encode(reply, name)
        sender = None if reply.command is None else reply.command.transport
        # What has no sender, or is broadcast, goes to all clients anyway.
        if sender is not None and not reply.broadcast:
            for client in [*self._clients]:
                if client is not sender and not client.is_closing():
                    client.write(indent_line(line) if client.multiline is True else line)
        return line
