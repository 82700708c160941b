"""The byte stream of a connection to the broker: our frames are taken, aiormq gets the others."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from typing import TYPE_CHECKING, Any, Protocol

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError

from clu._amqp.message import IncomingMessage
from clu._speedups.amqp import FrameError, Publisher, Splitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._amqp.sender import Sender


class Plane(Protocol):
    """What a connection reports to."""

    sender: Sender
    handlers: dict[bytes, Callable[[IncomingMessage], Any]]
    is_attached: bool

    def connected(self, protocol: FrameProtocol) -> None:
        """Record a new connection."""

    def lost(self, protocol: FrameProtocol) -> None:
        """Record that a connection is lost."""

    def channel_closed(self, protocol: FrameProtocol, channel: int) -> None:
        """Record that the broker has closed a channel."""

    def channel(self, number: int) -> Any:
        """Return the channel of aiormq with a number, or None."""


logger = logging.getLogger("clu")

#: What the bodies of messages are.
CONTENT_TYPE = "text/json"
_HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
#: The seconds after which aiormq, which sees none of our frames, is told that there are some.
_HEARTBEAT_PERIOD = 5.0
#: How many bytes may wait in the transport before writing pauses. Above it, uvloop offers what it
#: has to the kernel at once.
_HIGH_WATER = 128 * 1024
#: How many bytes are gathered before they are offered to the kernel, also when the event loop
#: does not go on.
_OFFER = 64 * 1024
#: How many bytes may wait for aiormq before reading pauses.
READER_LIMIT = 1024 * 1024

#: How often what the last message in hand brings about is written before it is all there.
_EARLY_WRITES = 2

_CONNECTION, _CHANNEL = 10, 20
_CONNECTION_CLOSE, _BLOCKED, _UNBLOCKED = 50, 60, 61


class FrameProtocol(asyncio.StreamReaderProtocol):
    """The protocol under one connection to the broker.

    Parameters
    ----------
    reader
        What aiormq reads from.
    loop
        The event loop.
    plane
        The data plane that the frames belong to.

    Attributes
    ----------
    is_paused
        Whether the transport has as much to write as it may.
    is_blocked
        Whether the broker takes no messages for now, because it lacks memory or disk space.
    is_closed
        Whether the connection is closed, or about to be.
    """

    transport: asyncio.Transport

    def __init__(
        self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop, plane: Plane
    ) -> None:
        super().__init__(reader, loop=loop)
        self._reader = reader
        self._event_loop = loop
        self._plane = plane
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._is_scheduled = False
        self._is_receiving = False
        self._early_writes = 0
        #: Whether what is urgent is written at once: one write for each time that data comes.
        self._may_hurry = True
        self._forwarded = 0.0
        self.is_paused = self.is_blocked = self.is_closed = False
        self.splitter = Splitter(
            self._forward,
            IncomingMessage,
            plane.handlers,
            plane.sender.confirm,
            plane.sender.take_return,
            self._control,
        )

    # -- in -------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._plane.connected(self)

    def data_received(self, data: bytes) -> None:
        self._is_receiving = self._may_hurry = True
        self._early_writes = _EARLY_WRITES
        try:
            self._split(data)
        finally:
            self._is_receiving = False
        if self._pending:
            self.flush()
        if self._plane.is_attached:
            now = self._event_loop.time()
            if now - self._forwarded > _HEARTBEAT_PERIOD:
                self._forwarded = now
                self._reader.feed_data(_HEARTBEAT)

    def _split(self, data: bytes) -> None:
        while True:
            try:
                self.splitter.feed(data)
            except FrameError as error:
                logger.error("The connection to the broker is given up: %s.", error)
                self.transport.abort()
                self._plane.lost(self)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException:  # or a CancelledError of a callback would end the connection
                logger.exception("Failed handling a message.")
                data = b""
                continue
            return

    def _forward(self, data: bytes) -> None:
        self._forwarded = self._event_loop.time()
        self._reader.feed_data(data)

    def _control(self, channel: int, kind: int, method: int) -> None:
        if kind == _CHANNEL:
            self._plane.channel_closed(self, channel)
        elif method == _CONNECTION_CLOSE:
            self._plane.lost(self)
        elif method in (_BLOCKED, _UNBLOCKED):
            self.is_blocked = method == _BLOCKED
            self._plane.sender.update()

    def is_stale(self, message: IncomingMessage) -> bool:
        """Whether the channel that a message came from is closed."""
        return self.is_closed or message.closes != self.splitter.closes.get(
            message.channel_number, 0
        )

    def channel_of(self, message: IncomingMessage) -> Any:
        """Return the channel of aiormq that a message came from, or None if it is closed."""
        if self.is_stale(message):
            return None
        return self._plane.channel(message.channel_number)

    # -- out ------------------------------------------------------------------------------

    def encoder(self, exchange: str) -> Callable[..., bytes]:
        """Return what makes what `send` takes of a message for an exchange."""
        return Publisher(exchange, CONTENT_TYPE).encode

    def send(self, data: bytes, is_urgent: bool = False) -> None:
        """Write bytes, with what else is written in this iteration of the event loop.

        What is urgent, or comes of the last message in hand, is written at once, so that the
        broker has it while the rest of the iteration goes on; further bytes are written together,
        but no more than some: a callback may go on writing for long. What is urgent is written
        together, too, until the broker has sent something: it does not wait for the event loop
        when there is one, and many do not cost a write each.
        """
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size > _OFFER:
            self._write_pending()
        elif self._is_receiving:
            if self._early_writes and self.splitter.is_at_end:
                self._early_writes -= 1
                self._write_pending()
        elif is_urgent and self._may_hurry:
            self._may_hurry = False
            self._write_pending()
        elif not self._is_scheduled:
            self._schedule()

    def send_along(self, data: bytes) -> None:
        """Write bytes for which nobody waits, together with what follows."""
        self._pending.append(data)
        self._pending_size += len(data)
        if not self._is_receiving and not self._is_scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._is_scheduled = True
        self._event_loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand what was written to the transport."""
        self._is_scheduled = False
        if self._pending:
            self._write_pending()

    def _write_pending(self) -> None:
        pending = self._pending
        data = pending[0] if len(pending) == 1 else b"".join(pending)
        pending.clear()
        self._pending_size = 0
        if not self.is_closed:
            self.transport.write(data)

    def close(self) -> None:
        """Write nothing of ours any more."""
        self.is_closed = True
        self._pending.clear()
        self._pending_size = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_paused = True
        self._plane.sender.update()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_paused = False
        self._plane.sender.update()

    def eof_received(self) -> bool | None:
        # What is still written to a broker that has gone would be lost.
        self._plane.lost(self)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.close()
        super().connection_lost(exc)
        self._plane.lost(self)


class FrameWriter(asyncio.StreamWriter):
    """What aiormq writes to. Its frames and ours leave in the order in which they were written."""

    def __init__(self, transport: Any, protocol: FrameProtocol, *args: Any) -> None:
        super().__init__(transport, protocol, *args)
        self._frames = protocol

    def write(self, data: Any) -> None:
        self._frames.flush()
        super().write(data)


class FrameTransportFactory(TransportFactory):
    """Opens connections to the broker for aiormq, one at a time.

    aiormq 6, the last for Python 3.10, forgets the stream of a connection that was refused, lost
    or stuck, and leaves it open: this one closes it.

    Parameters
    ----------
    plane
        The data plane that our frames belong to.
    on_attempt
        Is called when a stream is about to be opened.
    """

    def __init__(self, plane: Plane, on_attempt: Callable[[], None]) -> None:
        self.plane = plane
        self._on_attempt = on_attempt
        self._transport: asyncio.WriteTransport | None = None

    async def create(self, url: Any, **kwargs: Any) -> Any:
        """Open a stream, with TLS if the address says so, in the place of the one before."""
        self._on_attempt()
        self.close()
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READER_LIMIT, loop=loop)
        transport, protocol = await self._open(url, reader, loop, **kwargs)
        self._transport = transport
        return reader, FrameWriter(transport, protocol, reader, loop)

    async def _open(
        self,
        url: Any,
        reader: asyncio.StreamReader,
        loop: asyncio.AbstractEventLoop,
        **kwargs: Any,
    ) -> tuple[Any, FrameProtocol]:
        provider = kwargs.pop("ssl_context_provider")
        tls = await provider.get_context() if url.scheme == "amqps" else None
        try:
            return await loop.create_connection(
                lambda: FrameProtocol(reader, loop, self.plane),
                url.host,
                url.port,
                ssl=tls,
                **kwargs,
            )
        except ConnectionRefusedError as error:
            # asyncio's own words name the address, and not what is wrong with it.
            number = error.errno or errno.ECONNREFUSED
            raise AMQPConnectionError(number, os.strerror(number)) from error
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error

    def close(self) -> None:
        """Close the stream, if it still is open, without waiting for anything."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
