"""The end of a connection to the memory broker that is with the client: a byte stream in memory."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError

from clu._amqp.address import MEMORY_PORT
from clu._amqp.memory.broker import find
from clu._amqp.memory.message import Encoder, MemoryMessage
from clu._amqp.memory.session import Session
from clu._amqp.stream import CONTENT_TYPE, READER_LIMIT, FrameProtocol, FrameTransportFactory
from clu.exceptions import CluConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryTransportFactory", "connect"]

logger = logging.getLogger("clu")


class MemoryTransport(asyncio.Transport):
    """What the client writes to.

    Parameters
    ----------
    loop
        The event loop.
    protocol
        The protocol of the client.
    name
        The name of the broker.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any, name: str) -> None:
        super().__init__({"peername": ("memory", name)})
        self._loop = loop
        self._protocol = protocol
        self._is_closing = self._is_lost = False
        self._is_paused = False
        self._unread: list[bytes] = []
        self.handlers: dict[bytes, Any] = getattr(protocol, "handlers", {})
        #: How often each channel was closed, as far as the client knows.
        self._closes: dict[int, int] = getattr(protocol, "closes", {})
        self.session = Session(find(name), loop, self)
        self.session.broker.add(self.session)

    # -- for the client -------------------------------------------------------------------

    def write(self, data: Any) -> None:
        if not self._is_closing:
            self.session.receive(bytes(data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: there is no buffer."""

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._is_closing

    def is_reading(self) -> bool:
        return not (self._is_paused or self._is_closing)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        if self._unread:
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        while self._unread and not self._is_paused and not self._is_lost:
            self._protocol.data_received(self._unread.pop(0))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self.session.receive(None)

    def abort(self) -> None:
        if not self._is_lost:
            self._is_closing = True
            broker = self.session.broker
            with broker.lock:
                self.session.end(None)
            broker.wake()

    # -- for the broker -------------------------------------------------------------------

    def take_bytes(self, data: bytes) -> None:
        """Take frames."""
        if self._is_lost:
            return
        if self._is_paused or self._unread:
            self._unread.append(data)
        else:
            self._protocol.data_received(data)

    def take_message(self, handler: Callable[[Any], Any], message: MemoryMessage) -> None:
        """Take a message that is for a consumer."""
        if self._closes:
            message.closes = self._closes.get(message.channel_number, 0)
        try:
            handler(message)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:  # or a CancelledError of a callback would end the connection
            logger.exception("Failed handling a message.")

    def take_confirm(self, channel: int, tag: int, multiple: bool, is_accepted: bool) -> bool:
        """Take a confirmation; return whether the channel is that of the data plane."""
        taker = getattr(self._protocol, "take_confirm", None)
        return taker is not None and bool(taker(channel, tag, multiple, is_accepted))

    def take_return(self, channel: int, message: MemoryMessage) -> bool:
        """Take a message that reached no queue, as for `take_confirm`."""
        taker = getattr(self._protocol, "take_return", None)
        return taker is not None and bool(taker(channel, message))

    def lose(self, error: Exception | None) -> None:
        """Be told that the connection is lost."""
        if not self._is_lost:
            self._is_lost = self._is_closing = True
            if error is None:
                self._protocol.eof_received()
            self._protocol.connection_lost(error)


class MemoryProtocol(FrameProtocol):
    """The protocol under one connection of ours: messages are handed over past the frames."""

    transport: MemoryTransport

    @property
    def handlers(self) -> dict[bytes, Any]:
        """What takes messages, by the bytes of the tag of the consumer."""
        return self._plane.handlers

    @property
    def closes(self) -> dict[int, int]:
        """How often each channel was closed."""
        return self.splitter.closes

    def encoder(self, exchange: str) -> Callable[..., Any]:
        """Return what makes messages for an exchange."""
        return Encoder(exchange, CONTENT_TYPE).encode

    def send(self, data: Any, is_urgent: bool = False) -> None:
        """Publish a message, or write bytes."""
        if not self.is_closed:
            self.transport.session.receive(data)

    def send_along(self, data: Any) -> None:
        """Do as `send`."""
        self.send(data)

    def acknowledge(self, channel: int, tag: int) -> None:
        """Acknowledge a message."""
        if not self.is_closed:
            self.transport.session.receive((channel, tag))

    def take_confirm(self, channel: int, tag: int, multiple: bool, is_accepted: bool) -> bool:
        """Take a confirmation; return whether the channel is that of the data plane."""
        is_ours = bool(channel == self.splitter.channel)
        if is_ours:
            self._plane.sender.confirm(tag, multiple, is_accepted)
        return is_ours

    def take_return(self, channel: int, message: MemoryMessage) -> bool:
        """Take a message that reached no queue, as for `take_confirm`."""
        is_ours = bool(channel == self.splitter.channel)
        if is_ours:
            self._plane.sender.take_return(message)
        return is_ours


class MemoryTransportFactory(FrameTransportFactory):
    """Opens connections to memory brokers for aiormq, one at a time."""

    async def _open(
        self,
        url: Any,
        reader: asyncio.StreamReader,
        loop: asyncio.AbstractEventLoop,
        **_: Any,
    ) -> tuple[Any, FrameProtocol]:
        protocol = MemoryProtocol(reader, loop, self.plane)
        return _begin(loop, protocol, url), protocol


class _PlainTransportFactory(TransportFactory):
    """Opens a connection for a user of aio_pika."""

    async def create(self, url: Any, **_: Any) -> Any:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READER_LIMIT, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport = _begin(loop, protocol, url)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _begin(loop: asyncio.AbstractEventLoop, protocol: Any, url: Any) -> MemoryTransport:
    try:
        transport = MemoryTransport(loop, protocol, str(url.host))
    except (CluConnectionError, ConnectionRefusedError) as error:
        raise AMQPConnectionError(str(error)) from error
    protocol.connection_made(transport)
    return transport


async def connect(url: Any, name: str) -> Any:
    """Return a connection of aio_pika to a memory broker, which does not come back when lost.

    Parameters
    ----------
    url
        Its address.
    name
        The name of the connection.
    """
    from aio_pika import Connection
    from yarl import URL

    address = URL(url).with_port(MEMORY_PORT)
    connection = Connection(address, client_properties={"connection_name": name})
    connection.kwargs["transport_factory"] = _PlainTransportFactory()
    await connection.connect()
    return connection
