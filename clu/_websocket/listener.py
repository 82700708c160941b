"""The listening side of the websocket bridge, on top of the package websockets."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

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

_PORT_ATTEMPTS = 10
#: The seconds that a client has to finish the opening handshake.
_OPEN_LIMIT = 10.0
#: The seconds that a client has to answer when its connection is closed.
_CLOSE_LIMIT = 2.0
#: A message up to so many times the limit is read, and answered; a longer one is cut off.
_READ_FACTOR = 8


class Listener:
    """Accepts the connections of websocket clients, and closes them.

    Parameters
    ----------
    handler
        A coroutine function that serves a connection, and returns when it is to be closed.
    admit
        A function that returns what to answer to a client that may not connect, or None.
    log
        The log.
    message_limit
        The length in bytes of the longest message that is answered.
    keepalive
        The seconds between two pings to a client, and those that it has to answer.
    """

    def __init__(
        self,
        handler: Callable[[ServerConnection], Awaitable[None]],
        admit: Callable[[ServerConnection, Request], Response | None],
        log: logging.Logger,
        message_limit: int,
        keepalive: float | None,
    ) -> None:
        self._handler = handler
        self._admit = admit
        self._message_limit = message_limit
        self._keepalive = keepalive
        self._logger = logging.Logger("clu.websocket", logging.WARNING)
        self._logger.addHandler(_OneLine(log))
        #: All connections, those that are not open yet too.
        self._connections: set[ServerConnection] = set()
        self._server: Server | None = None

    @property
    def server(self) -> Server | None:
        """The server of the package websockets, while it listens."""
        return self._server

    async def start(self, host: str, port: int) -> int:
        """Start to listen, and return the port.

        Raises
        ------
        OSError
            If the address cannot be used.
        """
        server = await self._serve(host, port)
        for _ in range(_PORT_ATTEMPTS):
            ports = {socket.getsockname()[1] for socket in server.sockets}
            if len(ports) == 1:
                break
            # A name with several addresses got a free port for each: take one for all of them.
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
            # A message is encoded once for all: to compress it for each client would cost more.
            compression=None,
            open_timeout=_OPEN_LIMIT,
            ping_interval=self._keepalive,
            ping_timeout=self._keepalive,
            close_timeout=_CLOSE_LIMIT,
            max_size=self._message_limit * _READ_FACTOR,
            # Messages are taken as they come; few of the largest size may wait.
            max_queue=2,
            logger=self._logger,
            create_connection=self._connection_class(),
        )
        return server

    def _connection_class(self) -> type[ServerConnection]:
        connections = self._connections

        class Connection(websockets_server.ServerConnection):
            """A connection that can be found before it is open."""

            def connection_made(self, transport: Any) -> None:
                connections.add(self)
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.discard(self)
                super().connection_lost(exc)
                self.transport = _LostTransport(self.transport)

        return Connection

    async def stop(self) -> None:
        """Tell the clients that the server goes away, and close their connections."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        closed = asyncio.ensure_future(server.wait_closed())
        try:
            await asyncio.wait([closed], timeout=_CLOSE_LIMIT)
        finally:
            # Who does not read cannot be told.
            for connection in list(self._connections):
                connection.transport.abort()
        await closed


def send_to_all(connections: list[ServerConnection], text: str) -> None:
    """Send a text to open connections, without waiting for any."""
    websockets_server.broadcast(connections, text)


class _LostTransport(asyncio.Transport):
    """Stands for the transport of a connection that is lost.

    The package websockets closes a connection at once when it was lost while it was closed, and
    the transport of asyncio raises an AttributeError then, if it had a backlog.
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
    """Passes on what the package websockets logs: a failed handshake is one line."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        text, error = record.getMessage(), (record.exc_info or (None, None))[1]
        if error is None or text == "opening handshake failed":
            self._log.info("Websocket: %s: %s", text, error)
        else:
            self._log.error("Websocket: %s.", text, exc_info=error)
