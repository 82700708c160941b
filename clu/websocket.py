"""A websocket bridge to an AMQP broker, for pages in browsers and other clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from clu._amqp.running import is_for
from clu._core.logging import one_line
from clu._core.names import lazy_names
from clu._core.status import CommandStatus
from clu._tcp.limits import BUFFER_HARD_LIMIT, STALL_LIMIT, BufferLimits
from clu._websocket.access import Access, is_loopback
from clu._websocket.client import BridgeClient, client_name
from clu._websocket.message import (
    BadMessage,
    CommandMessage,
    encode_error,
    encode_reply,
    parse_message,
    without_nan,
)
from clu.client import AMQPClient
from clu.exceptions import CluRuntimeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

    from clu._amqp.reply import AMQPReply
    from clu._websocket.listener import Listener

__all__ = ["WebsocketServer"]

MESSAGE_LIMIT = 1024 * 1024
BUFFER_LIMIT = 4 * 1024 * 1024
MAX_CONNECTIONS = 500
MAX_COMMANDS = 100
KEEPALIVE = 20.0
TIME_LIMIT = 24 * 3600.0

#: The code of the websocket protocol for "try again later".
_TRY_AGAIN_LATER = 1013
#: How many reasons are remembered, to log each of them once per host.
_MOST_REFUSALS = 1000


class WebsocketServer:
    """A server that relays commands and replies between websocket clients and an AMQP broker.

    A client sends commands as JSON objects ``{"consumer": <actor>, "command_string": <command>,
    "command_id": <id>}``; the id, a string or an integer, is optional. Each reply of any actor is
    sent to all clients, as ``{"headers", "exchange", "message_id", "routing_key", "timestamp",
    "body"}``, where ``headers["command_id"]`` is the id of the command and ``body`` contains the
    keywords. Browsers cannot parse NaN and infinities: they receive null instead.

    Errors of the server itself are sent to one client, as an object with the additional keys
    ``"error"``, a string, and ``"command_id"``, the id as sent by the client or null. They answer
    messages that are not valid commands, and report commands that ended without a reply from the
    actor: the actor does not exist, the broker is not connected, or the time limit was exceeded.

    Actors do not distinguish between clients: any client that can connect can command every actor.

    Parameters
    ----------
    whost
        The address to listen on; ``""`` for all interfaces.
    wport
        The port to listen on. 0 selects a free port, which is available as `wport` after `start`.
    token
        The token that clients must send, if any, as ``?token=...`` in the URL, or in a header
        ``Authorization: Bearer ...``.
    allowed_origins
        The origins of pages that may connect, such as ``"https://example.org"``, in addition to
        pages of this machine and of the host that the browser connects to. ``"*"`` allows all
        pages, and ``"null"`` those without an origin, such as files. Clients that are not browsers
        have no origin, and may connect.
    max_connections
        The maximum number of clients.
    max_commands
        The maximum number of concurrent commands of a client.
    message_limit
        The maximum length of a message in bytes. A longer message is answered with an error; above
        eight times the limit the connection is closed, with code 1009.
    buffer_limit
        The number of bytes to buffer for a stalled client before disconnecting it.
    stall_limit
        How long a client may read nothing before it counts as stalled, in seconds.
    buffer_hard_limit
        The number of bytes to buffer for any client before disconnecting it.
    keepalive
        The interval between pings to a client, and the time it has to answer before it is
        disconnected, in seconds. None disables pings.
    time_limit
        How long the server waits for the end of a command, in seconds. None means no limit.
    client_kwargs
        Arguments of `clu.client.AMQPClient`, which connects to the broker.

    Attributes
    ----------
    client
        The `clu.client.AMQPClient`.

    Raises
    ------
    CluError
        If the package websockets is not installed.
    CluValueError
        If the token is empty, an origin is invalid, or a limit is not positive.
    """

    def __init__(
        self,
        whost: str = "localhost",
        wport: int = 9876,
        *,
        token: str | None = None,
        allowed_origins: Iterable[str] = (),
        max_connections: int = MAX_CONNECTIONS,
        max_commands: int = MAX_COMMANDS,
        message_limit: int = MESSAGE_LIMIT,
        buffer_limit: int = BUFFER_LIMIT,
        stall_limit: float = STALL_LIMIT,
        buffer_hard_limit: int = BUFFER_HARD_LIMIT,
        keepalive: float | None = KEEPALIVE,
        time_limit: float | None = TIME_LIMIT,
        **client_kwargs: Any,
    ) -> None:
        from clu._websocket.listener import Listener

        for name, value in (
            ("max_connections", max_connections),
            ("max_commands", max_commands),
            ("message_limit", message_limit),
            ("keepalive", keepalive),
            ("time_limit", time_limit),
        ):
            if value is not None and value <= 0:
                raise CluValueError(f"{name} must be positive, not {value}.")
        self.whost = whost
        self.wport = wport
        self.max_connections = max_connections
        self.max_commands = max_commands
        self.message_limit = message_limit
        limits = BufferLimits(buffer_limit, stall_limit, buffer_hard_limit).check()
        self.time_limit = time_limit
        self.client = AMQPClient(**client_kwargs)
        self._clients: dict[ServerConnection, BridgeClient] = {}
        self.log = self.client.log
        self._access = Access(token, allowed_origins)
        self._refused: set[tuple[str, str]] = set()
        self._listener: Listener = Listener(
            self._handle_websocket, self._admit, self.log, message_limit, keepalive, limits
        )
        # If it is not overridden, a task for each reply is not needed.
        is_plain = type(self)._handle_reply is WebsocketServer._handle_reply
        self.client.add_reply_callback(self._broadcast if is_plain else self._handle_reply)

    def __repr__(self) -> str:
        return f"<WebsocketServer ({self.address}, {len(self._clients)} clients)>"

    @property
    def wclients(self) -> set[Any]:
        """The connections of the clients."""
        return set(self._clients)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def address(self) -> str:
        """The address that clients connect to."""
        host = self.whost or "0.0.0.0"
        return f"ws://{f'[{host}]' if ':' in host else host}:{self.wport}"

    @property
    def wparams(self) -> tuple[str, int]:
        """The address and the port to listen on."""
        return self.whost, self.wport

    @property
    def websocket_server(self) -> Server | None:
        """The server object of the package websockets, while it is listening."""
        return self._listener.server

    async def start(self) -> Self:
        """Connect to the broker, and start listening.

        Raises
        ------
        CluConnectionError
            If the broker cannot be reached or refuses the connection.
        CluRuntimeError
            If the server is already running.
        OSError
            If the server cannot listen on the address.
        """
        if self._listener.server is not None:
            raise CluRuntimeError(f"The websocket server at {self.address} is already running.")
        await self.client.start()
        try:
            self.wport = await self._listener.start(self.whost, self.wport)
        except BaseException:
            await self.client.stop()
            raise
        self.log.info("%s: listening on %s.", self.client.name, self.address)
        if not (is_loopback(self.whost) or self._access.has_token):
            self.log.warning(
                "Anyone who can reach %s can command every actor: no token is set.", self.address
            )
        return self

    async def stop(self) -> None:
        """Notify the clients, close their connections, and disconnect from the broker."""
        await self._listener.stop()
        await self.client.stop()

    # -- out ------------------------------------------------------------------------------

    async def _handle_reply(self, reply: AMQPReply) -> None:
        """Send a reply to all clients."""
        self._broadcast(reply)

    def _broadcast(self, reply: AMQPReply) -> None:
        if not self._clients:
            return
        text = encode_reply(reply)
        clients = list(self._clients.values())
        if (strict := without_nan(text)) is not text:
            self._send([client for client in clients if client.is_browser], strict)
            clients = [client for client in clients if not client.is_browser]
        self._send(clients, text)

    def _send(self, clients: Iterable[BridgeClient], text: str) -> None:
        from clu._websocket.listener import send_to_all

        send_to_all([client.connection for client in clients if not client.is_gone], text)

    # -- in -------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the response to a client that may not connect, or None."""
        problem = self._access.problem(request)
        if problem is None:
            return None
        status, reason = problem
        self._log_refusal(connection, reason)
        response = connection.respond(status, f"{reason}\n")
        if status == status.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _log_refusal(self, connection: ServerConnection, reason: str) -> None:
        """Log why a client is refused, once per host: it may keep trying."""
        name = client_name(connection)
        key = (name.rpartition(":")[0], reason)
        if key not in self._refused and len(self._refused) < _MOST_REFUSALS:
            self._refused.add(key)
            self.log.warning("Refused the websocket client %s: %s", name, reason)

    async def _handle_websocket(self, websocket: ServerConnection) -> None:
        """Serve a client."""
        from websockets.exceptions import ConnectionClosed

        if len(self._clients) >= self.max_connections:
            await self._refuse(websocket)
            return
        client = BridgeClient(websocket, self.log)
        self._clients[websocket] = client
        self.log.info("The websocket client %s has connected.", client.name)
        try:
            while True:
                self._take(client, await websocket.recv(decode=False))
                # Yield, so that a client that sends many messages does not block the others.
                await asyncio.sleep(0)
        except ConnectionClosed as closed:
            if not client.is_dropped:
                reason = one_line(str(closed))  # it may contain what the client has sent
                self.log.info("The websocket client %s has disconnected: %s.", client.name, reason)
        finally:
            del self._clients[websocket]
            await client.stop()

    async def _refuse(self, websocket: ServerConnection) -> None:
        from clu._websocket.listener import send_to_all

        reason = f"The limit of {self.max_connections} clients has been reached."
        self._log_refusal(websocket, reason)
        send_to_all([websocket], encode_error(reason))
        await websocket.close(_TRY_AGAIN_LATER, reason)

    def _take(self, client: BridgeClient, message: bytes) -> None:
        try:
            command = parse_message(message, self.message_limit)
            if len(client.commands) >= self.max_commands:
                raise BadMessage(
                    f"The limit of {self.max_commands} running commands of a client has been "
                    "reached: wait for one of them to end.",
                    command.given_id,
                    command.consumer,
                )
        except BadMessage as bad:
            self._send([client], encode_error(str(bad), bad.given_id, bad.consumer))
        else:
            client.run(self._run(client, command))

    async def _run(self, client: BridgeClient, command: CommandMessage) -> None:
        """Send a command, wait for its end, and report it to the client if the actor does not."""
        problem = await self._send_command(command)
        if problem is not None:
            self._send([client], encode_error(problem, command.given_id, command.consumer))

    async def _send_command(self, message: CommandMessage) -> str | None:
        """Send a command and wait for its end; return the reason if no actor has ended it."""
        if self.client.running_commands.runs(message.command_id):
            return f"A command with the id {message.command_id!r} is already running."
        is_ended = False

        def look(reply: AMQPReply) -> None:
            nonlocal is_ended
            if reply.sender is not None and not is_for(message.consumer, reply.sender):
                return  # from another actor that has run a part of the command
            if reply._code is not None:
                status = CommandStatus.code_to_status(reply._code.value)
                is_ended = is_ended or status.is_done

        try:
            command = await self.client.send_command(
                message.consumer,
                message.command_string,
                command_id=message.command_id,
                reply_callback=look,
                time_limit=self.time_limit,
            )
        except Exception as error:
            return str(error) or type(error).__name__
        if is_ended:
            return None
        if command.status is CommandStatus.TIMEDOUT:
            return f"The command did not end within {self.time_limit:g} s."
        last = command.replies[-1].message if command.replies else {}
        return str(last.get("error", "The command has ended without a reply."))


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        broadcast="websockets:broadcast",
        serve="websockets:serve",
    )
