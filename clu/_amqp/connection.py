"""Queues of an AMQP broker, over one connection that comes back when it is lost.

It is over 400 lines, a third of them documentation, since the recorded API has one class for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from typing import TYPE_CHECKING, Any

from clu._amqp.address import (
    MEMORY,
    MEMORY_PORT,
    Addresses,
    check_frame_max,
    check_heartbeat,
    check_url,
    split_hosts,
    split_urls,
    without_password,
)
from clu._amqp.backlog import BACKLOG_BYTES, OUTBOX_BYTES, OUTBOX_MESSAGES, Backlog
from clu._amqp.errors import RECONNECT_INTERVAL, TIMEOUT, connection_error
from clu._amqp.log import filter_repetitions
from clu._amqp.plane import DataPlane
from clu._amqp.topology import PREFETCH, Topology
from clu.exceptions import CluRuntimeError, CluValueError

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Callable

    from aio_pika.abc import AbstractRobustChannel, AbstractRobustQueue
    from typing_extensions import Self

logger = logging.getLogger("clu")

#: The seconds that a broker has to answer while the connection is closed.
_CLOSE_TIMEOUT = 5.0
#: The seconds for what need not be done: after Ctrl-C aiormq may not receive answers any more.
_DELETE_TIMEOUT = 1.0


class TopicListener:
    """Declares and listens to queues of an AMQP broker.

    Parameters
    ----------
    url
        The address of the broker, ``amqp://...`` or ``amqps://...``; the parameters up to
        ``ssl`` are then ignored. An empty one counts as none. The nodes of a cluster are
        separated by commas (``amqp://a,b:5673,c/vhost``), or each has a URL in a list.
        ``memory://...`` is a `clu.testing.MemoryBroker`.
    user, password
        The credentials.
    host, port
        Where the broker listens.
    virtualhost
        The virtual host.
    ssl
        Whether to use TLS.
    ssl_context
        The TLS settings, where the default ones do not do.
    timeout
        The seconds that connecting may take.
    heartbeat
        How often, in whole seconds, the two ends let each other know that they are there; 0 for
        never. By default what the URL says, else 60.
    hosts
        The nodes of a cluster instead of ``host``: a list of ``HOST`` or ``HOST:PORT``.

    Raises
    ------
    CluValueError
        If the heartbeat is no such number, or an address not one of a broker.

    Attributes
    ----------
    connection
        The connection of aio_pika, or None.
    channel, exchange
        The channel and the exchange of aio_pika, once connected.
    queues
        The queues of aio_pika that were added.
    client_properties
        What the management page of the broker shows of the connection.
    url, hosts, host, port, virtualhost, ssl, user, password, heartbeat
        The parameters, which count when a connection is made.
    """

    channel: AbstractRobustChannel
    exchange: Any

    def __init__(
        self,
        url: str | list[str] | None = None,
        user: str = "guest",
        password: str = "guest",
        host: str = "localhost",
        virtualhost: str = "/",
        port: int = 5672,
        ssl: bool = False,
        ssl_context: ssl_module.SSLContext | None = None,
        timeout: float = TIMEOUT,
        heartbeat: int | None = None,
        hosts: list[str] | str | None = None,
    ) -> None:
        self.url = check_url(url)
        if hosts is not None and self.url is not None:
            raise CluValueError("Use either a URL of the broker or a list of its hosts, not both.")
        if hosts is not None:
            split_hosts(hosts, port)
        self.hosts = hosts
        self._addresses: Addresses | None = None
        self._addressed: tuple[Any, ...] = ()
        self.client_properties: dict[str, Any] = {}
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.virtualhost = virtualhost
        self.ssl = ssl
        self.timeout = timeout
        self.heartbeat = check_heartbeat(heartbeat)
        self.connection: Any = None
        self.queues: list[AbstractRobustQueue] = []
        self._ssl_context = ssl_context
        #: Whether the channel has all its queues. After a loss the connection has none at first.
        self._is_open = False
        self._consumer_tag: dict[Any, str] = {}
        #: Publishes and receives our own messages, if there is one.
        self._plane: DataPlane | None = None
        self._topology: Topology | None = None
        #: The connection that `connect` has made, to know it from one that a test has put there.
        self._own_connection: Any = None
        self._is_connecting = False

    def _all_addresses(self) -> Addresses:
        """Return the addresses, which stay in their order until one of the attributes changes."""
        from aio_pika.connection import make_url

        places = (self.url, self.hosts, self.host, self.port, self.virtualhost, self.ssl)
        addressed = (*places, self.user, self.password, self.heartbeat)
        if self._addresses is not None and addressed == self._addressed:
            return self._addresses
        self._addressed = addressed
        if self.url is None:
            vhost = "" if self.virtualhost == "/" else self.virtualhost
            nodes = [(self.host, self.port)]
            if self.hosts is not None:
                nodes = split_hosts(self.hosts, self.port)
            urls = [
                make_url(
                    host=host,
                    port=port,
                    login=self.user,
                    password=self.password,
                    virtualhost=vhost,
                    ssl=self.ssl,
                )
                for host, port in nodes
            ]
        else:
            urls = [make_url(url) for url in split_urls(self.url)]
            if urls[0].scheme == MEMORY:
                urls = [urls[0].with_port(MEMORY_PORT)]
        # aio-pika 9, the last for Python 3.10, leaves out what make_url is given with a URL.
        query: dict[str, float] = {"reconnect_interval": RECONNECT_INTERVAL}
        if self.heartbeat is not None:
            query["heartbeat"] = self.heartbeat
        self._addresses = Addresses([url.update_query(query) for url in urls])
        return self._addresses

    @property
    def address(self) -> str:
        """The address of the broker that was tried last, with stars for the password."""
        return without_password(self._all_addresses().current)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker right now."""
        if self.connection is None or getattr(self.connection, "is_closed", True):
            return False
        if self.connection is not self._own_connection:
            return True
        return self.connection.connected.is_set() and self._is_open

    @property
    def server(self) -> dict[str, str]:
        """The product and the version of the broker, such as RabbitMQ, once connected."""
        transport = getattr(self.connection, "transport", None)
        connection = None if transport is None else transport.connection
        properties = getattr(connection, "server_properties", None) or {}
        return {name: str(properties.get(name, "?")) for name in ("product", "version")}

    @property
    def is_started(self) -> bool:
        """Whether there is a connection, or one is being made."""
        return self.connection is not None or self._is_connecting

    @property
    def is_open(self) -> bool:
        """Whether messages are published, now or when a connection that was lost is back."""
        return self._plane is not None and self._plane.is_open

    @property
    def replacement(self) -> Any:
        """The exchange that a test has put in the place of ours, or whose ``publish`` it replaced.

        Messages are then published with that, and not over the data plane. None otherwise.
        """
        try:
            exchange = self.exchange
        except AttributeError:
            return None
        plane = self._plane
        is_ours = plane is not None and exchange is plane.exchange
        return None if is_ours and "publish" not in exchange.__dict__ else exchange

    async def connect(
        self, exchange_name: str, exchange_type: Any = "topic", on_return_raises: bool = True
    ) -> Self:
        """Connect to the broker and declare the exchange.

        Parameters
        ----------
        exchange_name
            The name of the exchange. The broker deletes it with its last queue.
        exchange_type
            The type of the exchange.
        on_return_raises
            Whether publishing a message that reaches no queue raises an error.

        Raises
        ------
        CluConnectionError
            If the broker cannot be reached or refuses the connection. It is an
            ``AMQPConnectionError`` of aio_pika too.
        CluRuntimeError
            If there is a connection already.
        CluValueError
            If the host or the port make no sense.
        """
        if self.is_started:
            raise CluRuntimeError(f"There is a connection to {self.address} already.")
        addresses = self._check_addresses()
        self._is_connecting = True
        if self._plane is None:
            self._plane = self._make_plane(exchange_name)
        reasons: list[str] = []
        try:
            while True:
                connection = self._plane.make_connection(
                    addresses, self._ssl_context, self.client_properties
                )
                filter_repetitions(connection)  # of this attempt, too: our error tells of it
                try:
                    await asyncio.wait_for(
                        self._open(connection, exchange_name, exchange_type, on_return_raises),
                        self.timeout,
                    )
                    break
                except BaseException as error:
                    await connection.close()
                    _close_stream(connection)
                    if not isinstance(error, Exception):
                        raise
                    reasons.append(f"{self.address}: {self._reason(error)}")
                    if len(reasons) == len(addresses):
                        message = "; ".join(reasons)
                        raise connection_error(
                            f"Failed connecting to the AMQP server at {message}."
                        ) from error
        finally:
            self._is_connecting = False
        self.connection = self._own_connection = connection
        return self

    def _check_addresses(self) -> Addresses:
        # aio_pika would try again and again, or log tracebacks.
        try:
            addresses = self._all_addresses()
            places = [(url.host, url.port) for url in addresses]
            for url in addresses:
                check_frame_max(url)
        except CluValueError:
            raise
        except ValueError as error:
            raise CluValueError(f"The address of the broker makes no sense: {error}.") from None
        if not all(host for host, _ in places):
            raise CluValueError("The address of the broker has no host.")
        return addresses

    def _make_plane(self, exchange_name: str) -> DataPlane:
        """Make the data plane of a listener that belongs to no client."""
        backlog = Backlog(logger, OUTBOX_MESSAGES, OUTBOX_BYTES, BACKLOG_BYTES)
        return DataPlane(exchange_name, logger, backlog)

    async def _open(
        self, connection: Any, exchange_name: str, exchange_type: Any, on_return_raises: bool
    ) -> None:
        # The limit holds for later attempts too: one that gets no answer must not be the last.
        await connection.connect(self.timeout)
        assert self._plane is not None
        self._plane.limit_frames(self._all_addresses().current)
        self.channel = await connection.channel(on_return_raises=on_return_raises)
        await self.channel.set_qos(prefetch_count=PREFETCH)
        self._topology = Topology(connection, self.channel)
        connection.before_restore = self._topology.choose_names
        self.exchange = await self._topology.declare_exchange(exchange_name, exchange_type)
        self.channel.close_callbacks.add(self._channel_closed)
        self.channel.reopen_callbacks.add(self._channel_opened)
        await self._plane.open(connection, self.channel, self.exchange, self._topology.restore)
        self._is_open = True

    def _channel_closed(self, *_: Any) -> None:
        self._is_open = False

    def _channel_opened(self, *_: Any) -> None:
        self._is_open = True

    def _reason(self, error: Exception) -> str:
        reason = str(error) or type(error).__name__
        if isinstance(error, (asyncio.TimeoutError, TimeoutError)) and not str(error):
            reason = f"no answer within {self.timeout} s"
        elif "Connection.Close" in reason:  # aiormq does not pass on the broker's words
            name = self._all_addresses().current.path.removeprefix("/") or "/"
            reason = f"the broker closed the connection; is there a virtual host {name!r}?"
        return reason.rstrip(". ")

    async def add_queue(
        self,
        queue_name: str,
        callback: Callable[[Any], Any] | None = None,
        bindings: str | list[str] = "*",
        no_ack: bool = False,
        handler: Callable[[Any], Any] | None = None,
        owner: str | None = None,
    ) -> AbstractRobustQueue:
        """Declare a queue of our own and listen to it.

        Parameters
        ----------
        queue_name
            The name of the queue.
        callback
            A coroutine function that is called with each message.
        bindings
            The routing keys of the messages that go to the queue: a list, or a string in which
            commas separate them.
        no_ack
            Whether messages need not be acknowledged.
        handler
            A function that takes the messages instead of the callback, without a task for each.
        owner
            The name of the only actor or client that may have the queue. If the broker says that
            another connection has it, and nobody of this name answers, it gets another name.

        Raises
        ------
        CluError
            If another connection has a queue of this name, and keeps it.
        """
        assert self._topology is not None
        assert self._plane is not None
        queue = await self._topology.declare_queue(queue_name, owner)
        keys = bindings.split(",") if isinstance(bindings, str) else bindings
        for key in keys:
            await self.bind(queue, key.strip())
        self.queues.append(queue)
        if handler is not None:
            self._consumer_tag[queue] = await self._plane.consume(queue, handler, no_ack)
        elif callback is not None:
            self._consumer_tag[queue] = await queue.consume(callback, no_ack=no_ack)
        return queue

    async def bind(self, queue: AbstractRobustQueue, key: str) -> None:
        """Bind a queue to the exchange, for messages with a routing key."""
        assert self._topology is not None
        await self._topology.bind(queue, key)

    @property
    def other_names(self) -> dict[str, str]:
        """The names of the queues whose known names are locked, by the known ones."""
        return {} if self._topology is None else dict(self._topology.names)

    async def has_owner(self, queue_name: str) -> bool:
        """Whether another connection has an exclusive queue of this name."""
        return self._topology is not None and await self._topology.has_owner(queue_name)

    async def stop_consuming(self) -> None:
        """Take no further messages from the queues."""
        tags, self._consumer_tag = self._consumer_tag, {}
        if not tags or not self.is_connected:
            return
        # aiormq cancels those who wait for an answer on a connection that is lost, or that another
        # one closes meanwhile. This must not look as if our caller were cancelled.
        cancelling = asyncio.ensure_future(_cancel_consumers(tags))
        try:
            await asyncio.wait([cancelling], timeout=_CLOSE_TIMEOUT)
        finally:
            cancelling.cancel()

    async def stop(self) -> None:
        """Close the connection, if there is one."""
        closing: set[asyncio.Task[None]] = set()
        if self.is_connected and self.queues and _closes_without_waiting():
            closing.add(asyncio.create_task(self._delete_queues()))
            await asyncio.wait(closing, timeout=_DELETE_TIMEOUT)
        connection, self.connection = self.connection, None
        plane, self._plane = self._plane, None
        if plane is not None:
            await plane.stop()
        self.queues = []
        self._consumer_tag = {}
        self._topology = None
        self._own_connection = None
        for name in ("channel", "exchange"):
            self.__dict__.pop(name, None)
        result = getattr(connection, "close", lambda: None)()
        if inspect.isawaitable(result):  # a connection that a test replaced may be anything
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(result, _CLOSE_TIMEOUT)
        _close_stream(connection)
        for task in closing:
            task.cancel()

    async def _delete_queues(self) -> None:
        """Release our names before the connection closes, as the broker would afterwards."""
        await self.stop_consuming()
        with contextlib.suppress(Exception):  # the broker does it in any case
            for queue in self.queues:
                await queue.delete(if_unused=False, if_empty=False)


def _closes_without_waiting() -> bool:
    """Whether closing a connection does not wait for the broker: so it is with aio-pika 9."""
    from aio_pika import __version__

    return int(__version__.partition(".")[0]) < 10


def _close_stream(connection: Any) -> None:
    """Close what aiormq may have left open."""
    factory = getattr(connection, "kwargs", {}).get("transport_factory")
    if factory is not None:
        factory.close()


async def _cancel_consumers(tags: dict[Any, str]) -> None:
    from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

    with contextlib.suppress(AMQPError, ChannelInvalidStateError, ConnectionError):
        for queue, tag in tags.items():
            await queue.cancel(tag)
