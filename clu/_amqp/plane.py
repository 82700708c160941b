"""The data plane: messages that ride on aio_pika's connection, past its Python code.

aio_pika keeps the connection, the channels, the queues and their bindings, the heartbeats and the
recovery from a loss. What every message pays for is done here, with a codec of its own: `Sender`
publishes on a channel of its own, and what the broker delivers to our consumers goes to a function
each, in order, without a task.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from clu._amqp.address import check_frame_max
from clu._amqp.errors import RECONNECT_INTERVAL, connection_error

if TYPE_CHECKING:
    import logging
    import ssl as ssl_module
    from collections.abc import Awaitable, Callable

    from yarl import URL

    from clu._amqp.address import Addresses
    from clu._amqp.backlog import Backlog
    from clu._amqp.message import IncomingMessage
    from clu._amqp.stream import FrameProtocol

__all__ = ["DataPlane"]

#: The seconds between two looks whether a channel that was lost is back.
_POLL = 0.05
#: The seconds between two looks whether a connection that is lost was closed for good.
_LOOK = 1.0


class DataPlane:
    """Publishes and receives messages on one connection, which may be lost and come back.

    Parameters
    ----------
    exchange_name
        The exchange that messages are published to.
    log
        Where to report what is lost.
    backlog
        Counts what waits to be published or confirmed.

    Attributes
    ----------
    sender
        Publishes messages.
    handlers
        What takes the messages of our consumers, by the bytes of the consumer's tag.
    exchange
        The exchange as aio_pika sees it.
    is_open
        Whether messages are published, now or when the connection is back.
    is_attached
        Whether messages leave at once.
    """

    def __init__(self, exchange_name: str, log: logging.Logger, backlog: Backlog) -> None:
        from clu._amqp.sender import Sender

        self.log = log
        self.sender = Sender(exchange_name, log, backlog)
        self.handlers: dict[bytes, Callable[[IncomingMessage], Any]] = {}
        self.exchange: Any = None
        self.is_open = self.is_attached = False
        self._restore: Callable[[], Awaitable[None]] | None = None
        self._is_exchange_gone = False
        self._frame_max: int | None = None
        self._connection: Any = None
        self._topology: Any = None
        self._channel: Any = None
        self._protocol: FrameProtocol | None = None
        #: The seconds to wait before publishing on a channel that is back.
        self._delay = 0.0
        self._recovery: asyncio.Task[None] | None = None

    def make_connection(
        self,
        addresses: Addresses,
        ssl_context: ssl_module.SSLContext | None,
        client_properties: dict[str, Any],
    ) -> Any:
        """Return a connection of aio_pika, not yet connected, whose byte stream is ours."""
        from clu._amqp.robust import BrokerConnection
        from clu._amqp.stream import FrameTransportFactory

        factory = FrameTransportFactory
        if addresses.are_in_memory:
            from clu._amqp.memory.client import MemoryTransportFactory

            factory = MemoryTransportFactory
        connection = BrokerConnection(addresses, ssl_context, client_properties)
        connection.kwargs["transport_factory"] = factory(self, addresses.tried)
        return connection

    async def open(
        self,
        connection: Any,
        topology: Any,
        exchange: Any,
        restore: Callable[[], Awaitable[None]],
    ) -> None:
        """Begin to publish.

        Parameters
        ----------
        connection
            The connection, which is connected.
        topology
            The channel of aio_pika that has the queues.
        exchange
            The exchange of aio_pika.
        restore
            A coroutine function that declares the exchange and the bindings again.
        """
        self._connection = connection
        self._topology = topology
        self._restore = restore
        self._channel = await connection.channel()
        self._channel.close_callbacks.add(self._explain_close)
        if not await self._attach():
            raise connection_error("The connection to the broker was lost.")
        self.exchange = exchange
        self.is_open = True

    async def consume(
        self, queue: Any, handler: Callable[[IncomingMessage], Any], no_ack: bool
    ) -> str:
        """Hand the messages of a queue to a function, in order, as they come.

        Parameters
        ----------
        queue
            The queue of aio_pika.
        handler
            The function, which must not raise.
        no_ack
            Whether messages need not be acknowledged.

        Returns
        -------
        tag
            The tag of the consumer.
        """
        tag = f"clu.{queue.name}.{uuid.uuid4().hex}"[:255]

        def handle(message: IncomingMessage) -> None:
            message.origin = self._protocol
            handler(message)

        async def unexpected(message: Any) -> None:
            self.log.error("A message bypassed the data plane: %r", message)

        self.handlers[tag.encode()] = handler if no_ack else handle
        await queue.consume(unexpected, no_ack=no_ack, consumer_tag=tag)
        return tag

    def channel(self, number: int) -> Any:
        """Return the channel of aiormq with a number, or None."""
        transport = getattr(self._connection, "transport", None)
        return None if transport is None else transport.connection.channels.get(number)

    # -- what the protocol reports ---------------------------------------------------------

    def connected(self, protocol: FrameProtocol) -> None:
        """Record a new connection."""
        self._protocol = protocol

    def limit_frames(self, url: URL) -> None:
        """Use frames of the length for which the address of the connection asks.

        Raises
        ------
        CluValueError
            If the broker does not accept it.
        """
        assert self._protocol is not None
        self._frame_max = check_frame_max(url, self._protocol.splitter.frame_max)

    def lost(self, protocol: FrameProtocol) -> None:
        """Record that a connection is lost."""
        protocol.close()
        if protocol is self._protocol:
            self._protocol = None
            self._detach(1.5 * RECONNECT_INTERVAL)

    def channel_closed(self, protocol: FrameProtocol, channel: int) -> None:
        """Record that the broker has closed a channel."""
        if protocol is self._protocol and channel == protocol.splitter.channel:
            protocol.splitter.channel = -1
            delay = 0 if self.sender.is_healthy else RECONNECT_INTERVAL
            self._detach(delay, reason_follows=True)

    def _explain_close(self, _: Any, error: BaseException | None = None) -> None:
        from aio_pika.exceptions import ChannelNotFoundEntity

        self.sender.explain_loss(error)
        # Somebody has deleted the exchange, and the bindings went with it.
        if isinstance(error, ChannelNotFoundEntity):
            self._is_exchange_gone = True

    def _detach(self, delay: float, reason_follows: bool = False) -> None:
        self._delay = max(delay, self._delay)
        self.is_attached = False
        self.sender.detach(reason_follows)
        if self.is_open and (self._recovery is None or self._recovery.done()):
            self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        """Publish what is left, once there is a channel again."""
        while not self.is_attached:
            if self._connection.is_closed or self._connection.close_called:
                self.is_open = False
                self.sender.give_up(connection_error("There is no connection to the broker."))
                return
            try:
                await self._try_again()
            except (asyncio.TimeoutError, TimeoutError):
                pass
            except Exception as error:  # whatever it is, the next attempt may succeed
                self.log.debug("Cannot publish again yet: %r", error)
                await asyncio.sleep(_LOOK)

    async def _try_again(self) -> None:
        await asyncio.wait_for(self._ready(), _LOOK)
        # Other clients that lost their connections with ours need their queues back first.
        await asyncio.sleep(max(self._delay, _POLL))
        # aio_pika may have seen the loss only meanwhile. Replies to what we publish before our own
        # queues are back would reach nobody.
        await asyncio.wait_for(self._ready(), _LOOK)
        if self._is_exchange_gone and self._restore is not None:
            await asyncio.wait_for(self._restore(), _LOOK)
            self._is_exchange_gone = False
            self.log.warning("The exchange was deleted; it is there again, with our bindings.")
        await asyncio.wait_for(self._attach(), _LOOK)

    async def _ready(self) -> None:
        await self._channel.ready()
        await self._topology.ready()

    async def _attach(self) -> bool:
        """Publish on the channel, if it is open on the connection that there is now."""
        from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

        try:
            underlay = await self._channel.get_underlay_channel()
        except (AMQPError, ChannelInvalidStateError, RuntimeError):
            return False
        protocol, transport = self._protocol, self._connection.transport
        if (
            protocol is None
            or transport is None
            or underlay.is_closed
            or underlay.connection is not transport.connection
        ):
            return False
        protocol.splitter.channel = underlay.number
        frame_max = self._frame_max or protocol.splitter.frame_max
        self.sender.attach(protocol, underlay.number, frame_max)
        self.is_attached = True
        self._delay = 0.0
        return True

    async def stop(self) -> None:
        """Write nothing any more, and forget what was not confirmed."""
        self.is_open = False
        for tag in self.handlers:  # what still comes is nobody's
            self.handlers[tag] = _drop
        self.is_attached = False
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        if self._protocol is not None:
            self._protocol.flush()
            self._protocol.close()


def _drop(_: IncomingMessage) -> None:
    pass
