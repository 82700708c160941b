"""Actors: over an AMQP broker, and over TCP with JSON.

It is over 400 lines since tests of actors replace names in this module where the work is done: the
public classes, of which most lines are documentation, are all here.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from clu._amqp.actor import BrokerActor
from clu._amqp.announcement import PRESENCE_KEY, RECONNECTED, STARTED
from clu._amqp.command import BadMessage, payload
from clu._core.callbacks import call_user_function
from clu._core.encoding import ENCODING_ERRORS, find_bad_keyword, indent_line
from clu._core.logging import REPLY
from clu._core.names import lazy_names
from clu._core.reply import MessageCode
from clu._core.signature import ClassSignature, with_open_signature
from clu._speedups.received import decode_headers
from clu._speedups.reply import encode_compact_line, encode_line, would_log
from clu._tcp.actor import TCPServerActor, peer_name
from clu._tcp.command import BadLine, find_command_id, parse_tcp_command
from clu._tcp.limits import BUFFER_HARD_LIMIT, BUFFER_LIMIT, STALL_LIMIT, BufferLimits
from clu._tcp.listeners import Listeners
from clu._tcp.server import LINE_LIMIT, REQUEST_LIMIT, TCPStreamServer
from clu._tcp.token import TokenGate
from clu._tcp.transport import ClientTransport
from clu.base import BaseActor
from clu.client import AMQPClient
from clu.command import Command, TimedCommandList
from clu.exceptions import CluValueError
from clu.parsers._all_replies import all_replies
from clu.parsers._builtin import multiline
from clu.parsers.click import ClickParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from clu.base import Reply

__all__ = ["AMQPActor", "AMQPBaseActor", "JSONActor", "TCPBaseActor"]

T = TypeVar("T", bound="TCPBaseActor")

#: The name of the transport's class in annotations of existing code.
CustomTransportType = ClientTransport


class TCPBaseActor(TCPServerActor):
    """An actor that serves TCP clients, and replies with lines of JSON.

    A client sends lines ``[<command id>] <command>``. The id is a number that is repeated in the
    header of each reply. A reply is a line ``{"header": {"command_id", "commander_id",
    "message_code", "internal", "sender"}, "data": {...}}``, or several lines after the command
    ``multiline``. The class has no parser: combine it with a parser class.

    Parameters
    ----------
    name
        The name of the actor.
    host
        The address to listen on; ``localhost`` by default, ``""`` for all interfaces.
    port
        The port to listen on. 0 selects a free port, which is available as `port` after `start`.
    args, kwargs
        Arguments of `BaseActor`.
    max_connections
        The maximum number of clients.
    line_limit
        The maximum length of a line in bytes. A longer line is answered with an error.
    buffer_limit
        The number of bytes to buffer for a stalled client before disconnecting it.
    stall_limit
        How long a client may read nothing before it counts as stalled, in seconds.
    buffer_hard_limit
        The number of bytes to buffer for any client before disconnecting it.
    max_commands
        The number of commands of one client that run at once. No further commands are read from
        the connection until one of them has ended. None means no limit.
    token
        A token that each client must send first, in a line ``token <token>``. A client that does
        not send it gets one failing reply, and its connection is closed. By default no token is
        required.
    compact
        Whether replies are sent without spaces, in UTF-8, which is a little faster. By default
        they are lines as ``json.dumps`` writes them.

    Attributes
    ----------
    server
        The TCP server.
    transports
        The transports of the connected clients, by user id.
    timed_commands
        The commands that the actor runs periodically.

    Raises
    ------
    CluValueError
        If the port is missing, or the token is not a single word.
    """

    __signature__ = ClassSignature()

    def __init__(
        self,
        name: str,
        host: str | None = None,
        port: int | None = None,
        *args: Any,
        max_connections: int | None = None,
        line_limit: int = LINE_LIMIT,
        buffer_limit: int = BUFFER_LIMIT,
        stall_limit: float = STALL_LIMIT,
        buffer_hard_limit: int = BUFFER_HARD_LIMIT,
        max_commands: int | None = REQUEST_LIMIT,
        token: str | None = None,
        compact: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, *args, **kwargs)
        encode: Callable[[Any, str], bytes] = encode_compact_line if compact else encode_line
        self._encode_line = encode
        self._listeners = Listeners(encode)
        if port is None:
            raise CluValueError("port needs to be specified.")
        limits = BufferLimits(buffer_limit, stall_limit, buffer_hard_limit)
        self._make_server(
            TCPStreamServer,
            TimedCommandList,
            host,
            port,
            max_connections,
            line_limit,
            limits,
            max_commands,
        )
        self._token_gate = (
            None if token is None else TokenGate(self.server, token, self, self._command)
        )

    async def start(self: T) -> T:
        """Start listening for clients.

        Raises
        ------
        OSError
            If the server cannot listen on the address.
        """
        await self._start_server()
        self.timed_commands.start()
        return self

    def new_user(self, transport: Any) -> None:
        """Add a new client, or remove one that has disconnected."""
        if transport.is_closing():
            self._encode_line = self._listeners.remove(transport)
            if self.transports.pop(transport.user_id, None) is not None:
                self.log.debug("user %s disconnected.", transport.user_id)
            return
        transport.user_id = str(uuid.uuid4())
        transport.multiline = False
        self.transports[transport.user_id] = transport
        self.log.debug("user %s connected from %s.", transport.user_id, peer_name(transport))

    def new_command(self, transport: Any, command_str: bytes) -> Command[Any] | None:
        """Run the command in a line from a client.

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
        command = self._command(transport, command_id, body)
        self._log_command(command, command.commander_id, self._with_name)
        return self._run_command(command, transport)

    def listen(self, transport: Any, on: bool = True) -> None:
        """Start or stop sending a client the replies to the commands of other clients.

        Parameters
        ----------
        transport
            The transport of the client.
        on
            Whether it gets them from now on.
        """
        change = self._listeners.add if on else self._listeners.remove
        self._encode_line = change(transport)

    def _with_name(self, body: str) -> str:
        return f"{self.name} {body}"

    def _command(
        self, transport: Any, command_id: int, body: str = "", commander_id: Any = None
    ) -> Command[Any]:
        return Command(
            body,
            transport,
            commander_id=transport.user_id if commander_id is None else commander_id,
            command_id=command_id,
            consumer_id=self.name,
            actor=self,
        )

    def _command_id_of(self, head: bytes) -> int:
        return find_command_id(head)

    # A copy, because passing on the arguments would take a quarter of the time of a write.
    write = with_open_signature(
        BaseActor.write,
        """Write a reply to the users.

        Parameters
        ----------
        args, kwargs
            Arguments of `BaseActor.write`.
        """,
    )

    def _write_internal(self, reply: Reply, write_to_log: bool = True) -> None:
        try:
            line = self._encode_line(reply, self.name)
        except ENCODING_ERRORS as error:
            raise find_bad_keyword(reply.message, error) from error
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

    __signature__ = ClassSignature()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser.add_command(multiline)
        if str(all_replies.name) not in self.parser.commands:
            self.parser.add_command(all_replies)

    def send_command(self, *args: Any, **kwargs: Any) -> Any:
        """Raise `NotImplementedError`: a JSON actor is not connected to other actors."""
        raise NotImplementedError("JSONActor cannot send commands to other actors.")


class AMQPBaseActor(BrokerActor, AMQPClient):
    """An actor that uses an AMQP broker. It has no parser: combine it with a parser class.

    Parameters
    ----------
    args, kwargs
        Arguments of `AMQPClient` and `BaseActor`.

    Attributes
    ----------
    commands_queue
        The aio_pika queue from which commands are received.
    timed_commands
        The commands that the actor runs periodically.

    Notes
    -----
    An actor announces that it has started, and that it may have lost commands or replies. Clients
    then stop waiting for them: see ``clu._amqp.announcement``.

    It subscribes to the replies of other actors when it first needs them: if it overrides
    ``handle_reply``, has a model or a callback, or sends a command.
    """

    __signature__ = ClassSignature()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_queue: Any = None
        self.timed_commands = TimedCommandList(self)
        if type(self)._write_internal is BrokerActor._write_internal:
            # As a function it needs no task for each reply.
            self._write_internal = self._write_now  # type: ignore[method-assign,assignment]

    async def start(self, **kwargs: Any) -> Self:  # type: ignore[override]
        """Connect to the broker, and start receiving commands.

        Parameters
        ----------
        kwargs
            Arguments of `AMQPClient.start`.
        """
        await super().start(**kwargs)
        try:
            self.commands_queue = await self.connection.add_queue(
                f"{self.name}_commands",
                bindings=[
                    f"command.{self.name}.#",
                    f"{PRESENCE_KEY}.{self.name}.#",
                    PRESENCE_KEY,
                ],
                handler=self._take_command,
                owner=self.name,
            )
            self._log_bound("Commands", self.commands_queue)
        except BaseException:
            await self.stop()
            raise
        assert self._sender is not None
        self._sender.backlog.on_end = self._announce_overflow
        self._sender.on_too_long = self._report_too_long
        self._announce(STARTED)
        self.timed_commands.start()
        return self

    async def stop(self) -> None:
        """Cancel the running commands, publish the pending replies, and close the connection."""
        await self.timed_commands.stop()
        if self.connection.is_connected:
            await self.connection.stop_consuming()
        await self._active_commands.cancel(self)
        await super().stop()

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Run the command in a message from the broker.

        Parameters
        ----------
        message
            The message of the broker.
        ack
            Whether to acknowledge the message.

        Returns
        -------
        command
            The command.
        """
        if ack:
            await self._acknowledge(message)
        return self._handle_command(message)

    def _make_command(self, **kwargs: Any) -> Command[Any]:
        # Tests of actors patch the class in this module.
        return Command(**kwargs)

    def _has_own_new_command(self) -> bool:
        return type(self).new_command in _OWN and "new_command" not in self.__dict__

    def _connection_back(self, *args: Any) -> None:
        super()._connection_back(*args)
        # An overflow of the outbox loses further replies: it is announced when it has ended.
        if self._sender is not None and not self._sender.backlog.is_overflowing:
            self._announce(RECONNECTED)

    def _keys(self) -> list[str]:
        return []  # the queue for commands has them

    def _wants_replies(self) -> bool:
        # Otherwise each actor would receive all replies, although most of them follow no others.
        return bool(self.models or self._callbacks) or not self._receiver.is_plain()


class AMQPActor(ClickParser, AMQPBaseActor):
    """An AMQP actor that parses commands with click.

    Parameters
    ----------
    args, kwargs
        Arguments of `AMQPBaseActor`.

    Attributes
    ----------
    task_handlers
        The handlers of tasks, by the name of the task.
    """

    __signature__ = ClassSignature()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.task_handlers: dict[str, Callable[[dict[str, Any]], Any]] = {}

    def add_task_handler(self, name: str, callback: Callable[[dict[str, Any]], Any]) -> None:
        """Add a handler for a task that others send with `AMQPClient.send_task`.

        Parameters
        ----------
        name
            The name of the task.
        callback
            A function or coroutine function that is called with the payload. The payload
            includes the actor as ``__actor__``.
        """
        self.task_handlers[name] = callback

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Run the command, or handle the task, in a message. See `AMQPBaseActor.new_command`."""
        return await super().new_command(message, ack=ack)

    def _handle_command(self, message: Any) -> Any:
        if not decode_headers(message).get("task"):
            return super()._handle_command(message)
        try:
            task = payload(message)
        except BadMessage as error:
            self.log.error("%s: received a bad task: %s", self.name, error)
            return None
        name = task.pop("task", None)
        handler = self.task_handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            self.write(MessageCode.ERROR, {"error": f"Unknown task {name!r}"})
            return None
        task["__actor__"] = self
        result = call_user_function(handler, task)
        if asyncio.iscoroutine(result):
            self._create_task(result, handler)
        return None


#: The implementations that can be replaced by a function call, unless they are overridden.
_OWN = (AMQPBaseActor.new_command, AMQPActor.new_command)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        CluCommand="clu.parsers.click:CluCommand",
        CluWarning="clu.exceptions:CluWarning",
        CommandError="clu.exceptions:CommandError",
        MessageCode="clu.base:MessageCode",
        Reply="clu.base:Reply",
        apika="aio_pika",
        click="click",
        get_event_loop="clu.tools:get_event_loop",
        json="json",
        log_reply="clu.tools:log_reply",
    )
