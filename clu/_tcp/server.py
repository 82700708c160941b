"""Servers that pass each line from a TCP client to a callback."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import sys
from typing import TYPE_CHECKING, Any

from clu._core.callbacks import await_user_function, log_callback_error
from clu._tcp.incoming import IncomingLines, LineProtocol, UnfinishedCallback
from clu._tcp.limits import BUFFER_HARD_LIMIT, BUFFER_LIMIT, STALL_LIMIT, BufferLimits
from clu._tcp.protocols import MAX_CONNECTIONS_MESSAGE, PeriodicMixIn
from clu._tcp.transport import ClientTransport
from clu.exceptions import CluRuntimeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._tcp.lines import OverlongLine

__all__ = ["LINE_LIMIT", "REQUEST_LIMIT", "TCPStreamPeriodicServer", "TCPStreamServer"]

logger = logging.getLogger("clu")

#: The default maximum length of a line, in bytes.
LINE_LIMIT = 1024 * 1024
#: The default maximum number of concurrent requests of one client.
REQUEST_LIMIT = 1000
_PORT_ATTEMPTS = 5


class TCPStreamServer:
    """A TCP server that passes each line it receives to a callback.

    Parameters
    ----------
    host, port
        The address and port to listen on. Port 0 selects a free port, which is available as `port`
        after `start`.
    connection_callback
        A function or coroutine function that is called with the `ClientTransport` when a client
        connects, and again when it has disconnected (``transport.is_closing()`` is then true).
    data_received_callback
        A function or coroutine function that is called with the transport and each line as
        bytes, including the newline.
    loop
        Ignored; kept for backward compatibility.
    max_connections
        The maximum number of clients. Further clients get a message and are disconnected.
    line_limit
        The maximum length of a line in bytes.
    buffer_limit
        The number of bytes to buffer for a stalled client before disconnecting it.
    stall_limit
        How long a client may read nothing before it counts as stalled, in seconds.
    buffer_hard_limit
        The number of bytes to buffer for any client before disconnecting it.
    overlong_callback
        A function that is called with the transport and an `OverlongLine` instead of a line that
        exceeds the limit.
    max_requests
        The maximum number of concurrent requests of a client (see
        `ClientTransport.begin_request`). While it is reached, no more lines are read from this
        client.

    Attributes
    ----------
    transports
        The stream writers of the connected clients, by transport.
    """

    def __init__(
        self,
        host: str | None,
        port: int,
        connection_callback: Callable[..., Any] | None = None,
        data_received_callback: Callable[..., Any] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        max_connections: int | None = None,
        *,
        line_limit: int = LINE_LIMIT,
        buffer_limit: int = BUFFER_LIMIT,
        stall_limit: float = STALL_LIMIT,
        buffer_hard_limit: int = BUFFER_HARD_LIMIT,
        overlong_callback: Callable[[ClientTransport, OverlongLine], Any] | None = None,
        max_requests: int | None = REQUEST_LIMIT,
    ) -> None:
        if max_requests is not None and max_requests < 1:
            raise CluValueError(
                f"A client must be allowed at least one request, not {max_requests}."
            )
        self.host = host
        self.port = port
        self.transports: dict[ClientTransport, asyncio.StreamWriter] = {}
        self.max_connections = max_connections
        self.connection_callback = connection_callback
        self.data_received_callback = data_received_callback
        self.line_limit = line_limit
        self.buffer_limit = buffer_limit
        self.stall_limit = stall_limit
        self.buffer_hard_limit = buffer_hard_limit
        self._limits = BufferLimits(buffer_limit, stall_limit, buffer_hard_limit).check()
        self.overlong_callback = overlong_callback
        self.max_requests = max_requests
        self._server: asyncio.AbstractServer | None = None
        self._handlers: set[asyncio.Task[Any]] = set()

    async def start(self) -> asyncio.AbstractServer:
        """Start listening.

        Raises
        ------
        OSError
            If the server cannot listen on the address.
        """
        loop = asyncio.get_running_loop()
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            server = await loop.create_server(
                lambda: LineProtocol(loop, self.connection_made), self.host, self.port
            )
            ports = {socket.getsockname()[1] for socket in server.sockets}
            if len(ports) == 1 or attempt == _PORT_ATTEMPTS:
                break
            # A name with several addresses got a different free port for each: use one for all.
            server.close()
            self.port = ports.pop()
        self._server = server
        self.port = ports.pop()
        return server

    def stop(self) -> None:
        """Stop listening, and close the connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self.transports):
            transport.close()

    async def wait_closed(self, grace: float = 1.0) -> None:
        """Wait after `stop` until all data has been sent to the clients.

        Parameters
        ----------
        grace
            The time in seconds after which clients that do not read are disconnected.
        """
        handlers = [task for task in self._handlers if task is not asyncio.current_task()]
        if handlers:
            await asyncio.wait(handlers, timeout=grace)
        for transport in list(self.transports):
            transport.abort()
        await asyncio.gather(*handlers, return_exceptions=True)

    def is_serving(self) -> bool:
        """Whether the server is listening."""
        return self._server is not None and self._server.is_serving()

    def serve_forever(self) -> Any:
        """Return a coroutine that serves until it is cancelled."""
        if self._server is None:
            raise CluRuntimeError("the server has not been started.")
        return self._server.serve_forever()

    async def connection_made(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a new client until it disconnects."""
        loop = asyncio.get_running_loop()
        transport = ClientTransport(writer.transport, loop, self._limits, writer.drain)
        if self.max_connections is not None and len(self.transports) >= self.max_connections:
            transport.write(MAX_CONNECTIONS_MESSAGE)
            transport.close()
            return
        self.transports[transport] = writer
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            await self._do_callback(self.connection_callback, transport)
            await self._serve(reader, writer, transport)
        except (ConnectionError, TimeoutError) as error:
            logger.debug("The client %s has disconnected: %s", transport.user_id, error)
        except asyncio.CancelledError:
            # The program is ending. Streams log an error if a handler is cancelled.
            transport.abort()
        finally:
            transport.close()
            self.transports.pop(transport, None)
            self._handlers.discard(handler)
            await self._do_callback(self.connection_callback, transport)

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        transport: ClientTransport,
    ) -> None:
        most = sys.maxsize if self.max_requests is None else self.max_requests
        handle = functools.partial(self._handle_line, transport)
        incoming = IncomingLines(transport, reader, self.line_limit, most, handle)
        protocol = writer.transport.get_protocol()
        if isinstance(protocol, LineProtocol):
            await incoming.connect(protocol)
        try:
            await incoming.serve(functools.partial(_until_answered, transport, writer))
        finally:
            incoming.close()
        # The client may have closed its half of the connection.
        await _until_answered(transport, writer)

    def _handle_line(
        self, transport: ClientTransport, line: bytes | OverlongLine
    ) -> UnfinishedCallback | None:
        """Call the callback for a line; return what has to be awaited then, if anything."""
        callback = self.data_received_callback
        if not isinstance(line, bytes):
            callback = self.overlong_callback or _log_overlong
        if callback is None:
            return None
        try:
            result = callback(transport, line)
        except (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            log_callback_error(callback, error)
            return None
        # Most are commands: whether one is a coroutine takes longer to tell.
        if result is None or isinstance(result, asyncio.Future) or not asyncio.iscoroutine(result):
            return None
        return UnfinishedCallback(callback, result)

    async def _do_callback(
        self, cb: Callable[..., Any] | None, *args: object, **kwargs: object
    ) -> Any:
        return None if cb is None else await await_user_function(cb, *args, **kwargs)


def _log_overlong(transport: ClientTransport, line: OverlongLine) -> None:
    logger.warning(
        "Dropped a line of over %d bytes from the client %s.",
        line.limit,
        transport.get_extra_info("peername"),
    )


async def _until_answered(
    transport: ClientTransport, writer: asyncio.StreamWriter, most: int = 0
) -> None:
    """Wait until at most ``most`` requests of a client are running, or it has disconnected."""
    if transport.requests <= most:
        return
    if transport.closed is None:
        # Shared by all waiters: cancelling it would cancel a future that the streams share.
        transport.closed = asyncio.ensure_future(_wait_closed(writer))
    answered = asyncio.ensure_future(transport.wait_requests(most))
    try:
        await asyncio.wait([answered, transport.closed], return_when=asyncio.FIRST_COMPLETED)
    finally:
        answered.cancel()


async def _wait_closed(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):
        await writer.wait_closed()


class TCPStreamPeriodicServer(PeriodicMixIn, TCPStreamServer):
    """A TCP server that periodically calls a function for each client.

    Parameters
    ----------
    host, port
        The address and port to listen on.
    periodic_callback
        A function or coroutine function that is called with the transport of each client.
    sleep_time
        The interval between calls, in seconds.
    kwargs
        Arguments of `TCPStreamServer`.
    """

    def __init__(
        self,
        host: str | None,
        port: int,
        periodic_callback: Callable[[Any], Any] | None = None,
        sleep_time: float = 1,
        **kwargs: Any,
    ) -> None:
        self.periodic_callback = periodic_callback
        self.sleep_time = sleep_time
        super().__init__(host, port, **kwargs)

    async def start(self) -> asyncio.AbstractServer:
        """Start listening, and calling the function."""
        server = await super().start()
        self.periodic_task = asyncio.get_running_loop().create_task(self._emit_periodic())
        return server

    def stop(self) -> None:
        """Stop listening, and calling the function."""
        if self.periodic_task is not None:
            self.periodic_task.cancel()
            self.periodic_task = None
        super().stop()
