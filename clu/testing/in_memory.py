"""Connections to TCP servers of the same process, without a port."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluConnectionError

if TYPE_CHECKING:
    from clu._tcp.server import TCPStreamServer

__all__ = ["is_in_memory", "open_connection", "serve_in_memory"]

#: The longest line that a reader of a test returns, in bytes.
_LIMIT = 64 * 1024 * 1024


class _Nowhere:
    """What a server has in the place of a listening socket."""

    def __init__(self) -> None:
        self.sockets: tuple[Any, ...] = ()
        self._closed = asyncio.Event()

    def is_serving(self) -> bool:
        return not self._closed.is_set()

    def close(self) -> None:
        self._closed.set()

    async def serve_forever(self) -> None:
        await self._closed.wait()


def serve_in_memory(server: TCPStreamServer) -> None:
    """Have a server that is not started listen on no port: see `open_connection`."""

    async def start() -> Any:
        server._server = listening = _Nowhere()  # type: ignore[assignment]
        return listening

    server.start = start  # type: ignore[method-assign]


def is_in_memory(server: TCPStreamServer) -> bool:
    """Whether a server listens on no port."""
    return isinstance(server._server, _Nowhere)


async def open_connection(actor: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a TCP or legacy actor, as a client does.

    Parameters
    ----------
    actor
        The actor. If it was started by the fixture ``clu_actor`` it has no port, and the connection
        is a pair of connected sockets; all else is the same.

    Returns
    -------
    reader, writer
        The streams of asyncio.

    Raises
    ------
    CluConnectionError
        If the actor was not started, or was stopped.
    OSError
        If it cannot be reached.
    """
    server: TCPStreamServer = actor.server
    if not server.is_serving():
        raise CluConnectionError(f"{actor.name} was not started, or was stopped.")
    if not is_in_memory(server):
        host = server.host or "localhost"
        return await asyncio.open_connection(host, server.port, limit=_LIMIT)
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    accepted = asyncio.StreamReader(limit=_LIMIT, loop=loop)
    protocol = asyncio.StreamReaderProtocol(accepted, server.connection_made, loop=loop)
    await loop.connect_accepted_socket(lambda: protocol, theirs)
    reader = asyncio.StreamReader(limit=_LIMIT, loop=loop)
    reading = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(lambda: reading, ours)
    return reader, asyncio.StreamWriter(transport, reading, reader, loop)
