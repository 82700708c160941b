"""Queues of an AMQP broker, over one connection that comes back when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from clu._amqp.errors import RECONNECT_INTERVAL, TIMEOUT, connection_error
from clu._amqp.log import quieten
from clu.exceptions import CluConnectionError, CluError, CluRuntimeError, CluValueError

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Callable

    from aio_pika.abc import AbstractRobustChannel, AbstractRobustQueue
    from typing_extensions import Self

    from clu._amqp.plane import DataPlane

#: The seconds that a broker has to answer as we leave.
_CLOSE_LIMIT = 5.0
#: The seconds that the broker gets to notice that the former owner of a queue is gone.
_LOCK_LIMIT = 2.0
#: How often the exchange is declared again because it has gone before a queue was bound to it.
_MOST_REPAIRS = 4
#: The seconds between two attempts to get a queue.
_RETRY_INTERVAL = 0.1
#: The seconds for what need not be done: after Ctrl-C aiormq may not hear of answers any more.
_FAREWELL_LIMIT = 1.0
#: The most seconds that AMQP knows as a heartbeat.
_LONGEST_HEARTBEAT = 65534
#: How many messages may be delivered that are not acknowledged yet.
PREFETCH = 512


class TopicListener:
    """Declares and listens to queues of an AMQP broker.

    Parameters
    ----------
    url
        The address of the broker, ``amqp://...`` or ``amqps://...``; the parameters up to
        ``ssl`` are then ignored. An empty one counts as none.
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

    Raises
    ------
    CluValueError
        If the heartbeat is no such number, or the address not one of a broker.

    Attributes
    ----------
    connection
        The connection of aio_pika, or None.
    channel, exchange
        The channel and the exchange of aio_pika, once connected.
    queues
        The queues of aio_pika that were added.
    """

    channel: AbstractRobustChannel
    exchange: Any

    def __init__(
        self,
        url: str | None = None,
        user: str = "guest",
        password: str = "guest",
        host: str = "localhost",
        virtualhost: str = "/",
        port: int = 5672,
        ssl: bool = False,
        ssl_context: ssl_module.SSLContext | None = None,
        timeout: float = TIMEOUT,
        heartbeat: int | None = None,
    ) -> None:
        self.url = _check_url(url)
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.virtualhost = virtualhost
        self.ssl = ssl
        self.timeout = timeout
        self.heartbeat = _check_heartbeat(heartbeat)
        self.connection: Any = None
        self.queues: list[AbstractRobustQueue] = []
        self._ssl_context = ssl_context
        #: Whether the channel has all its queues. After a loss the connection has none at first.
        self._is_open = False
        self._consumer_tag: dict[Any, str] = {}
        #: Publishes and receives our own messages, if there is one.
        self._plane: DataPlane | None = None

    def _address(self) -> Any:
        from aio_pika.connection import make_url

        url = make_url(
            self.url,
            host=self.host,
            port=self.port,
            login=self.user,
            password=self.password,
            virtualhost="" if self.virtualhost == "/" else self.virtualhost,
            ssl=self.ssl,
        )
        # aio-pika 9, the last for Python 3.10, leaves out what make_url is given with a URL.
        query: dict[str, float] = {"reconnect_interval": RECONNECT_INTERVAL}
        if self.heartbeat is not None:
            query["heartbeat"] = self.heartbeat
        return url.update_query(query)

    @property
    def address(self) -> str:
        """The address of the broker, with stars for the password."""
        url = self._address().with_query(None)
        return str(url.with_password("******") if url.password else url)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker right now."""
        if self.connection is None or getattr(self.connection, "is_closed", True):
            return False
        connected = getattr(self.connection, "connected", None)
        if not isinstance(connected, asyncio.Event):  # a test has put something in its place
            return True
        return connected.is_set() and self._is_open

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
        if self.connection is not None:
            raise CluRuntimeError(f"There is a connection to {self.address} already.")
        self._check_address()
        connection = self._make_connection()
        try:
            await asyncio.wait_for(
                self._open(connection, exchange_name, exchange_type, on_return_raises), self.timeout
            )
        except BaseException as error:
            await connection.close()
            _close_stream(connection)
            if isinstance(error, Exception):
                raise self._explain(error) from error
            raise
        quieten(connection)
        self.connection = connection
        return self

    def _check_address(self) -> None:
        # aio_pika would try again and again, or log tracebacks.
        try:
            address = self._address()
            host, _ = address.host, address.port
        except ValueError as error:
            raise CluValueError(f"The address of the broker makes no sense: {error}.") from None
        if not host:
            raise CluValueError("The address of the broker has no host.")

    def _make_connection(self) -> Any:
        from aio_pika import RobustConnection

        if self._plane is not None:
            return self._plane.make_connection(self._address(), self._ssl_context)
        connection = RobustConnection(self._address(), ssl_context=self._ssl_context)
        with contextlib.suppress(ImportError):  # an older aiormq opens them itself
            from clu._amqp.transport import ClosingTransportFactory

            connection.kwargs["transport_factory"] = ClosingTransportFactory()
        return connection

    async def _open(
        self, connection: Any, exchange_name: str, exchange_type: Any, on_return_raises: bool
    ) -> None:
        # The limit holds for later attempts too: one that gets no answer must not be the last.
        await connection.connect(self.timeout)
        self.channel = await connection.channel(on_return_raises=on_return_raises)
        await self.channel.set_qos(prefetch_count=PREFETCH)
        self.exchange = await self.channel.declare_exchange(
            exchange_name, type=exchange_type, auto_delete=True
        )
        self.channel.close_callbacks.add(self._channel_closed)
        self.channel.reopen_callbacks.add(self._channel_opened)
        if self._plane is not None:
            await self._plane.open(connection, self.channel, self.exchange)
        self._is_open = True

    def _channel_closed(self, *_: Any) -> None:
        self._is_open = False

    def _channel_opened(self, *_: Any) -> None:
        self._is_open = True

    def _explain(self, error: Exception) -> CluConnectionError:
        reason = str(error) or type(error).__name__
        if isinstance(error, (asyncio.TimeoutError, TimeoutError)) and not str(error):
            reason = f"no answer within {self.timeout} s"
        elif "Connection.Close" in reason:  # aiormq does not pass on the broker's words
            name = self._address().path.removeprefix("/") or "/"
            reason = f"the broker closed the connection; is there a virtual host {name!r}?"
        message = f"Failed connecting to the AMQP server at {self.address}: {reason.rstrip('. ')}."
        return connection_error(message)

    async def add_queue(
        self,
        queue_name: str,
        callback: Callable[[Any], Any] | None = None,
        bindings: str | list[str] = "*",
        no_ack: bool = False,
        handler: Callable[[Any], Any] | None = None,
    ) -> AbstractRobustQueue:
        """Declare a queue of our own and listen to it.

        Parameters
        ----------
        queue_name
            The name of the queue.
        callback
            A coroutine function that is called with each message.
        bindings
            The routing keys of the messages that go to the queue: a list, or a text in which
            commas separate them.
        no_ack
            Whether messages need not be acknowledged.
        handler
            A function that takes the messages instead of the callback where there is a data
            plane.

        Raises
        ------
        CluError
            If another connection has a queue of this name, and keeps it.
        """
        queue = await self._declare_queue(queue_name)
        keys = bindings.split(",") if isinstance(bindings, str) else bindings
        for key in keys:
            await self._bind(queue, key.strip())
        self.queues.append(queue)
        if handler is not None and self._plane is not None:
            self._consumer_tag[queue] = await self._plane.consume(queue, handler, no_ack)
        elif callback is not None:
            self._consumer_tag[queue] = await queue.consume(callback, no_ack=no_ack)
        return queue

    async def _bind(self, queue: AbstractRobustQueue, key: str) -> None:
        from aio_pika.exceptions import ChannelNotFoundEntity

        for _ in range(_MOST_REPAIRS):
            with contextlib.suppress(ChannelNotFoundEntity):
                await queue.bind(self.exchange, routing_key=key)
                return
            # The last one that had a queue left after we had declared the exchange, which went
            # with it. The error has closed the channel, which opens again.
            await asyncio.sleep(_RETRY_INTERVAL)
            await self.channel.ready()
            await self.exchange.declare()
        await queue.bind(self.exchange, routing_key=key)

    async def _declare_queue(self, name: str) -> AbstractRobustQueue:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LOCK_LIMIT
        while True:
            try:
                return await self.channel.declare_queue(name, exclusive=True)
            except Exception as error:
                if "RESOURCE_LOCKED" not in str(error):
                    raise
                is_free = await self._is_unlocked(name, deadline)
                if not is_free:
                    raise CluError(
                        f"cannot create queue {name}. This may indicate that another instance "
                        "of the same actor is running."
                    ) from error

    async def _is_unlocked(self, name: str, deadline: float) -> bool:
        """Wait until no other connection has the queue.

        The broker takes a moment to notice that a connection is gone: an actor that is started
        right after it was killed finds its own queue. Asking closes the channel, so it is one
        that nobody else uses.
        """
        from aio_pika.exceptions import ChannelNotFoundEntity

        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            await asyncio.sleep(_RETRY_INTERVAL)
            channel = await self.connection.channel()
            try:
                await channel.declare_queue(name, passive=True, robust=False)
            except ChannelNotFoundEntity:
                return True
            except Exception as error:
                if "RESOURCE_LOCKED" not in str(error):
                    raise
            finally:
                await channel.close()
        return False

    async def stop_consuming(self) -> None:
        """Take no further messages from the queues."""
        tags, self._consumer_tag = self._consumer_tag, {}
        if not tags or not self.is_connected:
            return
        # aiormq cancels those who wait for an answer on a connection that is lost, or that another
        # one closes meanwhile. This must not look as if our caller were cancelled.
        cancelling = asyncio.ensure_future(_cancel_consumers(tags))
        try:
            await asyncio.wait([cancelling], timeout=_CLOSE_LIMIT)
        finally:
            cancelling.cancel()

    async def stop(self) -> None:
        """Close the connection, if there is one."""
        farewell: set[asyncio.Task[None]] = set()
        if self.is_connected and self.queues and _leaves_without_waiting():
            farewell.add(asyncio.create_task(self._delete_queues()))
            await asyncio.wait(farewell, timeout=_FAREWELL_LIMIT)
        connection, self.connection = self.connection, None
        if self._plane is not None:
            await self._plane.stop()
        self.queues = []
        self._consumer_tag = {}
        for name in ("channel", "exchange"):
            self.__dict__.pop(name, None)
        result = getattr(connection, "close", lambda: None)()
        if inspect.isawaitable(result):  # a connection that a test replaced may be anything
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(result, _CLOSE_LIMIT)
        _close_stream(connection)
        for task in farewell:
            task.cancel()

    async def _delete_queues(self) -> None:
        """Let go of our names before we leave, as the broker would after we have left."""
        await self.stop_consuming()
        with contextlib.suppress(Exception):  # the broker does it in any case
            for queue in self.queues:
                await queue.delete(if_unused=False, if_empty=False)


def _leaves_without_waiting() -> bool:
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


def _check_url(url: Any) -> Any:
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


def _check_heartbeat(heartbeat: Any) -> int | None:
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
