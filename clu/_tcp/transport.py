"""The transport of a client of a TCP server, the same on every event loop."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger("clu")

#: The default number of bytes to buffer for a client that does not read.
BUFFER_LIMIT = 16 * 1024 * 1024


class ClientTransport(asyncio.Transport):
    """The transport with which a server writes to a client.

    Unlike the transports of uvloop, it allows setting attributes. It combines the writes of one
    iteration of the event loop into one system call, and disconnects a client that does not read.

    Parameters
    ----------
    transport
        The transport of the event loop.
    loop
        The event loop.
    buffer_limit
        The maximum number of bytes to buffer. A larger message is accepted if the buffer is empty.

    Attributes
    ----------
    user_id
        The id of the client, set by the actor.
    multiline
        Whether to indent the replies to the client.
    is_refused
        Whether to ignore further data from the client.
    closed
        A future that is done when the connection is closed, or None if it was not needed yet.
    """

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        buffer_limit: int = BUFFER_LIMIT,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self.buffer_limit = buffer_limit
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._allowance = buffer_limit
        self._requests = 0
        self._most_requests = 0
        self._fewer_requests = asyncio.Event()
        self.closed: asyncio.Future[None] | None = None
        self.user_id: Any = None
        self.multiline = False
        self.is_refused = False

    def __repr__(self) -> str:
        return f"<ClientTransport (user_id={self.user_id!r}) {self._transport!r}>"

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes at the end of this iteration of the event loop, if the client is connected."""
        if type(data) is not bytes:
            data = bytes(data)
        if self._gathered_size + len(data) > self._allowance and not self._admit(len(data)):
            return
        if not self._gathered:
            if self._transport.is_closing():
                return
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._gathered_size += len(data)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send several pieces of data."""
        for data in list_of_data:
            self.write(data)

    def _admit(self, size: int) -> bool:
        """Flush the gathered data, and return whether there is enough space now."""
        if self._transport.is_closing():
            return False
        self._flush()
        waiting = self._transport.get_write_buffer_size()
        if waiting == 0 or waiting + size <= self.buffer_limit:
            self._allowance = max(self.buffer_limit - waiting, size)
            return True
        logger.warning(
            "Disconnecting the client %s at %s: it does not read, and %d bytes are buffered "
            "(the limit is %d).",
            self.user_id,
            self.get_extra_info("peername"),
            waiting + size,
            self.buffer_limit,
        )
        self.abort()
        return False

    def _flush(self) -> None:
        if not self._gathered:
            return
        gathered = self._gathered
        self._gathered, self._gathered_size = [], 0
        if self._transport.is_closing():
            return
        self._transport.write(gathered[0] if len(gathered) == 1 else b"".join(gathered))
        self._allowance = self.buffer_limit - self._transport.get_write_buffer_size()

    def begin_request(self) -> None:
        """Record that the client is waiting for an answer."""
        self._requests += 1

    def end_request(self, *_: object) -> None:
        """Record that a request of the client has been answered."""
        self._requests -= 1
        if self._requests <= self._most_requests:
            self._fewer_requests.set()

    @property
    def requests(self) -> int:
        """The number of answers that the client is waiting for."""
        return self._requests

    async def wait_requests(self, most: int = 0) -> None:
        """Wait until the client is waiting for at most ``most`` answers."""
        self._most_requests = most
        while self._requests > most:
            self._fewer_requests.clear()
            await self._fewer_requests.wait()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information about the connection."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return bool(self._transport.is_closing())

    def close(self) -> None:
        """Close the connection when all data has been sent."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection immediately."""
        self._gathered, self._gathered_size = [], 0
        self._transport.abort()

    def can_write_eof(self) -> bool:
        """Whether the write end can be closed separately."""
        return bool(self._transport.can_write_eof())

    def write_eof(self) -> None:
        """Close the write end when all data has been sent."""
        self._flush()
        self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that are buffered."""
        return self._gathered_size + int(self._transport.get_write_buffer_size())

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and high watermarks for flow control."""
        limits: tuple[int, int] = self._transport.get_write_buffer_limits()
        return limits

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the high and low watermarks for flow control."""
        self._transport.set_write_buffer_limits(high=high, low=low)

    def is_reading(self) -> bool:
        """Whether data is being received."""
        return bool(self._transport.is_reading())

    def pause_reading(self) -> None:
        """Pause receiving data."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume receiving data."""
        self._transport.resume_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of the event loop's transport."""
        protocol: asyncio.BaseProtocol = self._transport.get_protocol()
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol of the event loop's transport."""
        self._transport.set_protocol(protocol)
