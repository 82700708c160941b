"""Asyncio protocols: a plain one, one with a periodic callback, and one that reconnects."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from clu._core.callbacks import await_user_function, call_user_function
from clu.exceptions import CluNotImplemented, CluTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CONNECTIONS_MESSAGE = b"Max number of connections reached.\n"


class TCPProtocol(asyncio.Protocol):
    """A server or client that passes received data to a callback.

    Parameters
    ----------
    loop
        Ignored; kept for backward compatibility.
    connection_callback
        A function that is called with the transport of a new connection.
    data_received_callback
        A function that is called with the received data, decoded as UTF-8.
    max_connections
        The maximum number of clients of a server.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        connection_callback: Callable[[Any], Any] | None = None,
        data_received_callback: Callable[[str], Any] | None = None,
        max_connections: int | None = None,
    ) -> None:
        self.connection_callback = connection_callback
        self.data_received_callback = data_received_callback
        self.max_connections = max_connections
        self.transports: list[Any] = []
        self.transport: Any = None

    @classmethod
    async def create_server(cls, host: str, port: int, **kwargs: Any) -> asyncio.AbstractServer:
        """Start a server. The keyword arguments are passed to the class."""
        protocol = cls(**kwargs)
        return await asyncio.get_running_loop().create_server(lambda: protocol, host, port)

    @classmethod
    async def create_client(
        cls, host: str, port: int, **kwargs: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Open a connection. The keyword arguments are passed to the class."""
        loop = asyncio.get_running_loop()
        return await loop.create_connection(lambda: cls(**kwargs), host, port)

    def connection_made(self, transport: Any) -> None:
        """Accept a new connection, or refuse it if there are too many."""
        self.transports = [item for item in self.transports if not item.is_closing()]
        if self.max_connections is not None and len(self.transports) >= self.max_connections:
            transport.write(MAX_CONNECTIONS_MESSAGE)
            transport.close()
            return
        self.transport = transport
        self.transports.append(transport)
        if self.connection_callback is not None:
            call_user_function(self.connection_callback, transport)

    def data_received(self, data: bytes) -> None:
        """Pass decoded data to the callback; bytes that are not UTF-8 are replaced."""
        if self.data_received_callback is not None:
            call_user_function(self.data_received_callback, data.decode(errors="replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the closed connections."""
        self.transports = [item for item in self.transports if not item.is_closing()]


class PeriodicMixIn:
    """A mix-in for servers that periodically call a function for each client."""

    transports: Any
    sleep_time: float
    periodic_task: asyncio.Task[Any] | None = None
    _periodic_callback: Callable[[Any], Any] | None = None

    @property
    def periodic_callback(self) -> Callable[[Any], Any] | None:
        """The function that is called periodically."""
        return self._periodic_callback

    @periodic_callback.setter
    def periodic_callback(self, func: Callable[[Any], Any] | None) -> None:
        if func is not None and not callable(func):
            raise CluTypeError(f"the periodic callback {func!r} is not a function.")
        self._periodic_callback = func

    async def _emit_periodic(self) -> None:
        while True:
            for transport in list(self.transports):
                if self._periodic_callback is not None and not transport.is_closing():
                    await await_user_function(self._periodic_callback, transport)
            await asyncio.sleep(self.sleep_time)


class PeriodicTCPServer(PeriodicMixIn, TCPProtocol):
    """A server that periodically calls a function for each client.

    Parameters
    ----------
    periodic_callback
        A function or coroutine function that is called with the transport.
    sleep_time
        The interval between calls, in seconds.
    kwargs
        Arguments of `TCPProtocol`.
    """

    def __init__(
        self,
        periodic_callback: Callable[[Any], Any] | None = None,
        sleep_time: float = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.periodic_callback = periodic_callback
        self.sleep_time = sleep_time

    @classmethod
    async def create_client(
        cls, *args: Any, **kwargs: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Raise `CluNotImplemented`: this is a server."""
        raise CluNotImplemented("create_client is not implemented for PeriodicTCPServer.")

    @classmethod
    async def create_server(
        cls, host: str, port: int, *args: Any, **kwargs: Any
    ) -> asyncio.AbstractServer:
        """Start a server. The keyword arguments are passed to the class."""
        protocol = cls(*args, **kwargs)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: protocol, host, port)
        protocol.periodic_task = loop.create_task(protocol._emit_periodic())
        return server


class ReconnectingTCPClientProtocol(asyncio.Protocol):
    """A client that reconnects when its connection is lost, with increasing delays.

    Parameters
    ----------
    args, kwargs
        Arguments of the event loop's ``create_connection``, such as the host and port.

    Attributes
    ----------
    initial_delay, max_delay
        The initial and the maximum delay, in seconds.
    factor, jitter
        The factor by which the delay increases after each failure, and its relative scatter.
    max_retries
        The maximum number of attempts to reconnect; None means no limit.
    """

    max_delay = 3600
    initial_delay = 1.0
    factor = 2.7182818284590451
    jitter = 0.119626565582
    max_retries: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args = args
        self._kwargs = kwargs
        self._retries = 0
        self._delay = self.initial_delay
        self._continue_trying = True
        self._call_handle: asyncio.TimerHandle | None = None
        self._connector: asyncio.Task[None] | None = None
        self.connected = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Record the success, and reset the delay."""
        self.connected = True
        self._retries = 0
        self._delay = self.initial_delay

    def connection_lost(self, exc: Exception | None) -> None:
        """Schedule an attempt to reconnect."""
        self.connected = False
        if self._continue_trying:
            self.retry()

    def connection_failed(self, exc: BaseException) -> None:
        """Schedule an attempt to reconnect."""
        if self._continue_trying:
            self.retry()

    def connect(self) -> None:
        """Try to connect now."""
        if self._connector is None:
            self._connector = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self, *self._args, **self._kwargs)
        except Exception as error:
            self._connector = None
            self.connection_failed(error)
        finally:
            self._connector = None

    def retry(self) -> None:
        """Reconnect after a delay that increases with each failure."""
        if not self._continue_trying:
            return
        if self.max_retries is not None and self._retries >= self.max_retries:
            return
        self._retries += 1
        self._delay = min(self._delay * self.factor, self.max_delay)
        if self.jitter:
            self._delay = abs(random.normalvariate(self._delay, self._delay * self.jitter))
        self._call_handle = asyncio.get_running_loop().call_later(self._delay, self.connect)

    def stop_trying(self) -> None:
        """Stop trying to connect."""
        self._continue_trying = False
        if self._call_handle is not None:
            self._call_handle.cancel()
            self._call_handle = None
        if self._connector is not None:
            self._connector.cancel()
            self._connector = None
