"""The server side of the websocket bridge, based on the package websockets."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from clu._core.logging import one_line
from clu._tcp.transport import ClientTransport
from clu.exceptions import CluError

try:
    import websockets.asyncio.server as websockets_server
except ImportError:
    raise CluError(
        'The websocket bridge needs the package websockets: pip install "sdss-clu[websockets]".'
    ) from None

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

    from clu._tcp.limits import BufferLimits

_PORT_ATTEMPTS = 10
#: The timeout of the opening handshake, in seconds.
_OPEN_TIMEOUT = 10.0
#: The timeout of the closing handshake, in seconds.
_CLOSE_TIMEOUT = 2.0
#: A message of up to this many times the limit is read and answered; a longer one is not read.
_READ_FACTOR = 8


class Listener:
    """Accepts the connections of websocket clients, and closes them.

    Parameters
    ----------
    handler
        A coroutine function that serves a connection, which is closed when it returns.
    admit
        A function that returns the response to a client that may not connect, or None.
    log
        The logger.
    message_limit
        The maximum length in bytes of a message that is answered.
    keepalive
        The interval between pings to a client, and the time it has to answer, in seconds.
    limits
        How much to buffer for a client before disconnecting it.
    """

    def __init__(
        self,
        handler: Callable[[ServerConnection], Awaitable[None]],
        admit: Callable[[ServerConnection, Request], Response | None],
        log: logging.Logger,
        message_limit: int,
        keepalive: float | None,
        limits: BufferLimits,
    ) -> None:
        self._handler = handler
        self._admit = admit
        self._message_limit = message_limit
        self._keepalive = keepalive
        self._limits = limits
        self._logger = logging.Logger("clu.websocket", logging.WARNING)
        self._logger.addHandler(_OneLine(log))
        #: All connections, including those that are not open yet.
        self._connections: set[ServerConnection] = set()
        self._server: Server | None = None

    @property
    def server(self) -> Server | None:
        """The server object of the package websockets, while it is listening."""
        return self._server

    async def start(self, host: str, port: int) -> int:
        """Start listening, and return the port.

        Raises
        ------
        OSError
            If the server cannot listen on the address.
        """
        server = await self._serve(host, port)
        for _ in range(_PORT_ATTEMPTS):
            ports = {socket.getsockname()[1] for socket in server.sockets}
            if len(ports) == 1:
                break
            # A name with several addresses got a different free port for each: use one for all.
            server.close()
            await server.wait_closed()
            server = await self._serve(host, ports.pop())
        self._server = server
        return int(next(iter(server.sockets)).getsockname()[1])

    async def _serve(self, host: str, port: int) -> Server:
        server: Server = await websockets_server.serve(
            self._handler,
            host or None,
            port,
            process_request=self._admit,
            # A message is encoded once for all clients; compressing it for each would cost more.
            compression=None,
            open_timeout=_OPEN_TIMEOUT,
            ping_interval=self._keepalive,
            ping_timeout=self._keepalive,
            close_timeout=_CLOSE_TIMEOUT,
            max_size=self._message_limit * _READ_FACTOR,
            # Messages are handled as they arrive; few of the largest size may be queued.
            max_queue=2,
            logger=self._logger,
            create_connection=self._connection_class(),
        )
        return server

    def _connection_class(self) -> type[ServerConnection]:
        connections, limits = self._connections, self._limits

        class Connection(websockets_server.ServerConnection):
            """A connection that can be found before it is open."""

            def connection_made(self, transport: Any) -> None:
                connections.add(self)
                super().connection_made(ClientTransport(transport, self.loop, limits))

            def connection_lost(self, exc: Exception | None) -> None:
                connections.discard(self)
                self.transport.close()
                super().connection_lost(exc)
                self.transport = _LostTransport(self.transport)

        return Connection

    async def stop(self) -> None:
        """Notify the clients that the server is going away, and close their connections."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        closed = asyncio.ensure_future(server.wait_closed())
        try:
            await asyncio.wait([closed], timeout=_CLOSE_TIMEOUT)
        finally:
            # Clients that do not read cannot be notified.
            for connection in list(self._connections):
                connection.transport.abort()
        await closed


def send_to_all(connections: list[ServerConnection], text: str) -> None:
    """Send a string to open connections, without waiting for any of them."""
    websockets_server.broadcast(connections, text)


class _LostTransport(asyncio.Transport):
    """Replaces the transport of a lost connection.

    If a connection is lost while it is being closed, the package websockets closes it immediately;
    the transport of asyncio then raises an AttributeError if it had buffered data.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        names = ("peername", "sockname")
        super().__init__({name: transport.get_extra_info(name) for name in names})

    def abort(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def is_closing(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0


class _OneLine(logging.Handler):
    """Forwards the log of the package websockets; a failed handshake is a single line."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        text, error = record.getMessage(), (record.exc_info or (None, None))[1]
        if error is None or text == "opening handshake failed":
            self._log.info("Websocket: %s: %s", text, one_line(str(error)))
        else:
            self._log.error("Websocket: %s.", text, exc_info=error)
