"""A websocket bridge to an AMQP broker, for pages in browsers and other clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from clu._amqp.running import is_for
from clu._core.status import CommandStatus
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
#: How many reasons are remembered, to log each once for a host.
_MOST_REFUSALS = 1000


class WebsocketServer:
    """A server that passes commands and replies between websocket clients and a broker.

    A client sends commands as JSON objects ``{"consumer": <actor>, "command_string": <command>,
    "command_id": <id>}``, of which the id, a text or an integer, can be left out. Each reply of
    any actor goes to all clients, as ``{"headers", "exchange", "message_id", "routing_key",
    "timestamp", "body"}``, in which ``headers["command_id"]`` is the id of the command, and
    ``body`` holds the keywords. Browsers, which cannot parse NaN and infinities, get null for them.

    What the server itself has to say goes to one client, as an object with the further keys
    ``"error"``, a text, and ``"command_id"``, the id as it was given or null. It answers messages
    that are not commands, and tells that a command ended without a reply of its actor: there is
    no such actor or no connection to the broker, or the time limit is over.

    Commanders are not told apart by the actors: who may connect may command every actor.

    Parameters
    ----------
    whost
        The address to listen at; ``""`` for all addresses.
    wport
        The port to listen at. 0 takes a free one, which `wport` tells after `start`.
    token
        What clients must know, if anything. They pass it as ``?token=...`` in the address, or in
        a header ``Authorization: Bearer ...``.
    allowed_origins
        The origins of pages that may connect, such as ``"https://example.org"``, on top of pages
        of this machine and of the host that the browser connects to. ``"*"`` lets in all pages,
        and ``"null"`` those without an origin, such as files. Clients that are not browsers have
        no origin, and may connect.
    max_connections
        How many clients to accept.
    max_commands
        How many commands of a client may run at once.
    message_limit
        The length in bytes of the longest message of a client. A longer one gets an error; over
        eight times the limit the connection is closed, with code 1009.
    buffer_limit
        How many bytes may wait for a client that does not read, before it is dropped.
    keepalive
        The seconds between two pings to a client, and those that it has to answer before it is
        dropped. None sends no pings.
    time_limit
        After how many seconds the server waits for the end of a command no longer. None stands
        for no limit.
    client_kwargs
        Arguments of `clu.client.AMQPClient`, which connects to the broker.

    Attributes
    ----------
    client
        The `clu.client.AMQPClient`.
    wclients
        The connected clients, by their connection.

    Raises
    ------
    CluError
        If the package websockets is not installed.
    CluValueError
        If the token is empty, an origin is none, or a limit is not positive.
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
        keepalive: float | None = KEEPALIVE,
        time_limit: float | None = TIME_LIMIT,
        **client_kwargs: Any,
    ) -> None:
        from clu._websocket.listener import Listener

        for name, value in (
            ("max_connections", max_connections),
            ("max_commands", max_commands),
            ("message_limit", message_limit),
            ("buffer_limit", buffer_limit),
            ("keepalive", keepalive),
            ("time_limit", time_limit),
        ):
            if value is not None and value <= 0:
                raise CluValueError(f"{name} must be positive, and is {value}.")
        self.whost = whost
        self.wport = wport
        self.max_connections = max_connections
        self.max_commands = max_commands
        self.message_limit = message_limit
        self.buffer_limit = buffer_limit
        self.time_limit = time_limit
        self.client = AMQPClient(**client_kwargs)
        self.wclients: dict[ServerConnection, BridgeClient] = {}
        self.log = self.client.log
        self._access = Access(token, allowed_origins)
        self._refused: set[tuple[str, str]] = set()
        self._listener: Listener = Listener(
            self._handle_websocket, self._admit, self.log, message_limit, keepalive
        )
        # Where nothing awaits, a task for each reply would be for nothing.
        is_plain = type(self)._handle_reply is WebsocketServer._handle_reply
        self.client.add_reply_callback(self._broadcast if is_plain else self._handle_reply)

    def __repr__(self) -> str:
        return f"<WebsocketServer ({self.address}, {len(self.wclients)} clients)>"

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
        """The address and the port to listen at."""
        return self.whost, self.wport

    @property
    def websocket_server(self) -> Server | None:
        """The server of the package websockets, while it listens."""
        return self._listener.server

    async def start(self) -> Self:
        """Connect to the broker, and start to listen.

        Raises
        ------
        CluConnectionError
            If the broker cannot be reached or refuses the connection.
        CluRuntimeError
            If the server is running already.
        OSError
            If the address to listen at cannot be used.
        """
        if self._listener.server is not None:
            raise CluRuntimeError(f"The websocket server at {self.address} is running already.")
        await self.client.start()
        try:
            self.wport = await self._listener.start(self.whost, self.wport)
        except BaseException:
            await self.client.stop()
            raise
        self.log.info("%s: listening at %s.", self.client.name, self.address)
        if not (is_loopback(self.whost) or self._access.has_token):
            self.log.warning(
                "Everybody who reaches %s may command every actor: there is no token.", self.address
            )
        return self

    async def stop(self) -> None:
        """Tell the clients, close their connections, and disconnect from the broker."""
        await self._listener.stop()
        await self.client.stop()

    # -- out ------------------------------------------------------------------------------

    async def _handle_reply(self, reply: AMQPReply) -> None:
        """Pass a reply on to all clients."""
        self._broadcast(reply)

    def _broadcast(self, reply: AMQPReply) -> None:
        if not self.wclients:
            return
        text = encode_reply(reply)
        clients = list(self.wclients.values())
        if (strict := without_nan(text)) is not text:
            self._send([client for client in clients if client.is_browser], strict)
            clients = [client for client in clients if not client.is_browser]
        self._send(clients, text)

    def _send(self, clients: Iterable[BridgeClient], text: str) -> None:
        from clu._websocket.listener import send_to_all

        send_to_all([client.connection for client in clients if self._can_send(client)], text)

    def _can_send(self, client: BridgeClient) -> bool:
        """Whether a client can take a further message. One that does not read is dropped."""
        if client.is_gone:
            return False
        if (waiting := client.waiting) <= self.buffer_limit:
            return True
        client.drop()
        self.log.warning(
            "Dropped the websocket client %s, which does not read: %d bytes wait for it, "
            "and the limit is %d.",
            client.name,
            waiting,
            self.buffer_limit,
        )
        return False

    # -- in -------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return what to answer to a client that may not connect, or None."""
        problem = self._access.problem(request)
        if problem is None:
            return None
        status, reason = problem
        self._tell_refusal(connection, reason)
        response = connection.respond(status, f"{reason}\n")
        if status == status.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _tell_refusal(self, connection: ServerConnection, reason: str) -> None:
        """Log why a client is turned down, once for each host: it may try again for ever."""
        name = client_name(connection)
        key = (name.rpartition(":")[0], reason)
        if key not in self._refused and len(self._refused) < _MOST_REFUSALS:
            self._refused.add(key)
            self.log.warning("Turned down the websocket client %s: %s", name, reason)

    async def _handle_websocket(self, websocket: ServerConnection) -> None:
        """Serve a client."""
        from websockets.exceptions import ConnectionClosed

        if len(self.wclients) >= self.max_connections:
            await self._turn_down(websocket)
            return
        client = BridgeClient(websocket)
        self.wclients[websocket] = client
        self.log.info("The websocket client %s has connected.", client.name)
        try:
            while True:
                self._take(client, await websocket.recv(decode=False))
                # A client that floods must leave the others their turn.
                await asyncio.sleep(0)
        except ConnectionClosed as closed:
            if not client.is_dropped:
                self.log.info("The websocket client %s has gone: %s.", client.name, closed)
        finally:
            del self.wclients[websocket]
            await client.stop()

    async def _turn_down(self, websocket: ServerConnection) -> None:
        from clu._websocket.listener import send_to_all

        reason = f"There are {self.max_connections} clients already, which is the limit."
        self._tell_refusal(websocket, reason)
        send_to_all([websocket], encode_error(reason))
        await websocket.close(_TRY_AGAIN_LATER, reason)

    def _take(self, client: BridgeClient, message: bytes) -> None:
        try:
            command = parse_message(message, self.message_limit)
            if len(client.commands) >= self.max_commands:
                raise BadMessage(
                    f"{self.max_commands} commands of this client are running, "
                    "which is the limit: wait for one to end.",
                    command.given_id,
                    command.consumer,
                )
        except BadMessage as bad:
            self._send([client], encode_error(str(bad), bad.given_id, bad.consumer))
        else:
            client.run(self._run(client, command))

    async def _run(self, client: BridgeClient, command: CommandMessage) -> None:
        """Send a command, wait for its end, and tell the client if no actor does."""
        problem = await self._send_command(command)
        if problem is not None:
            self._send([client], encode_error(problem, command.given_id, command.consumer))

    async def _send_command(self, message: CommandMessage) -> str | None:
        """Send a command and wait for its end, or return why no actor has ended it."""
        if self.client.running_commands.runs(message.command_id):
            return f"A command with the id {message.command_id!r} is running already."
        is_ended = False

        def look(reply: AMQPReply) -> None:
            nonlocal is_ended
            if not is_for(message.consumer, reply.sender):
                return  # another actor has done a part of the command
            status = CommandStatus.code_to_status(str(reply.message_code.value))
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
            return f"The command has not ended within {self.time_limit:g} s."
        last = command.replies[-1].message if command.replies else {}
        return str(last.get("error", "The command has ended without a reply."))
