"""Actors: over an AMQP broker, and over TCP with JSON."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from clu._amqp.actor import AMQPActor, AMQPBaseActor
from clu._core.encoding import ENCODING_ERRORS, blame_keyword, indent_line
from clu._core.logging import REPLY
from clu._core.signature import with_open_signature
from clu._speedups.reply import encode_line, would_log
from clu._tcp.actor import TCPServerActor
from clu._tcp.command import BadLine, parse_tcp_command
from clu._tcp.server import LINE_LIMIT, REQUEST_LIMIT
from clu._tcp.token import TokenGate
from clu._tcp.transport import BUFFER_LIMIT, ClientTransport
from clu.base import BaseActor
from clu.exceptions import CluNotImplemented, CluValueError
from clu.parsers._builtin import multiline
from clu.parsers.click import ClickParser

if TYPE_CHECKING:
    from clu.base import Reply
    from clu.command import Command

__all__ = ["AMQPActor", "AMQPBaseActor", "JSONActor", "TCPBaseActor"]

T = TypeVar("T", bound="TCPBaseActor")

#: The name of the transport's class in annotations of existing code.
CustomTransportType = ClientTransport


class TCPBaseActor(TCPServerActor):
    """An actor that serves TCP clients, and replies with a line of JSON.

    A client sends lines ``[<command id>] <command>``, where the id is a number that comes back
    in the header of each reply. A reply is a line ``{"header": {"command_id", "commander_id",
    "message_code", "internal", "sender"}, "data": {...}}``, or several lines after the command
    ``multiline``. The class has no parser: combine it with one.

    Parameters
    ----------
    name
        The name of the actor.
    host
        The address to listen at; ``localhost`` by default, ``""`` for all addresses.
    port
        The port to listen at. 0 takes a free one, which `port` tells after `start`.
    args, kwargs
        Arguments of `BaseActor`.
    max_connections
        How many clients to accept.
    line_limit
        The length in bytes of the longest line of a client. A longer one gets an error reply.
    buffer_limit
        How many bytes may wait for a client that does not read, before it is cut off.
    max_commands
        How many commands of one client run at once. Further ones wait in the connection, unread,
        until one of them has ended. None stands for no limit.
    token
        A word that each client must send first, in a line ``token <token>``. A client that does
        not gets one failing reply, and its connection is closed. By default none is needed.

    Attributes
    ----------
    server
        The TCP server.
    transports
        The connected clients, by their user id.
    timed_commands
        Commands that the actor runs on itself periodically.

    Raises
    ------
    CluValueError
        If there is no port, or the token is not a word.
    """

    def __init__(
        self,
        name: str,
        host: str | None = None,
        port: int | None = None,
        *args: Any,
        max_connections: int | None = None,
        line_limit: int = LINE_LIMIT,
        buffer_limit: int = BUFFER_LIMIT,
        max_commands: int | None = REQUEST_LIMIT,
        token: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, *args, **kwargs)
        if port is None:
            raise CluValueError("port needs to be specified.")
        self._make_server(host, port, max_connections, line_limit, buffer_limit, max_commands)
        self._token_gate = None if token is None else TokenGate(self, token)

    async def start(self: T) -> T:
        """Start to listen for clients.

        Raises
        ------
        OSError
            If the address cannot be used.
        """
        await self._start_server()
        self.timed_commands.start()
        return self

    def new_user(self, transport: Any) -> None:
        """Take a new client, or forget one that has gone."""
        if transport.is_closing():
            self.transports.pop(transport.user_id, None)
            return
        transport.user_id = str(uuid.uuid4())
        transport.multiline = False
        self.transports[transport.user_id] = transport

    def new_command(self, transport: Any, command_str: bytes) -> Command[Any] | None:
        """Run the command in a line of a client.

        Parameters
        ----------
        transport
            The transport of the client.
        command_str
            The line.

        Returns
        -------
        command
            The command.
        """
        try:
            command_id, body = parse_tcp_command(command_str)
        except BadLine as error:
            return self._command(transport, error.command_id).fail(error=str(error))
        return self._run_command(self._command(transport, command_id, body), transport)

    def _command_id_of(self, head: bytes) -> int:
        try:
            return parse_tcp_command(head)[0]
        except BadLine as error:
            return error.command_id

    # The very function, since a call to pass the arguments on takes a quarter of its time.
    write = with_open_signature(BaseActor.write)

    def _write_internal(self, reply: Reply, write_to_log: bool = True) -> None:
        try:
            line = encode_line(reply, self.name)
        except ENCODING_ERRORS as error:
            raise blame_keyword(reply.message, error) from error
        command = reply.command
        if command is not None and command.transport is not None and not reply.broadcast:
            transport = command.transport
            transport.write(indent_line(line) if transport.multiline is True else line)
        else:
            for client in [*self.transports.values()]:
                client.write(indent_line(line) if client.multiline is True else line)
        if write_to_log and would_log(self.log, REPLY):
            self.log.log(REPLY, line.decode().rstrip())


class JSONActor(ClickParser, TCPBaseActor):
    """A TCP actor that parses commands with click and replies with JSON.

    Parameters
    ----------
    args, kwargs
        Arguments of `TCPBaseActor`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser.add_command(multiline)

    def send_command(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a JSON actor is not connected to others."""
        raise CluNotImplemented("JSONActor cannot send commands to other actors.")
