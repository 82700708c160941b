"""A client of a TCP JSON actor.

It is over 400 lines, a third of them documentation, since users read one class with its methods.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from typing import TYPE_CHECKING, Any

from clu._core.callbacks import (
    CallbackMixIn,
    call_user_function,
    log_callback_error,
    start_user_coroutine,
)
from clu._core.reply import MESSAGE_CODES, MessageCode, Reply
from clu._core.status import CommandStatus
from clu._remote.client import CommandsActors
from clu._speedups.received import decode_json
from clu._tcp.client import why_not_connected
from clu._tcp.lines import LineSplitter, OverlongLine
from clu._watch.mixin import WatchMixIn
from clu.command import Command
from clu.exceptions import CluConnectionError, CluRuntimeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from clu._core.result import CommandResult
    from clu._remote.actor import RemoteActor
    from clu._watch.watchers import Watchers
    from clu.command import BaseCommand

__all__ = ["JSONClient", "JSONReply"]

logger = logging.getLogger("clu")

_LINE_LIMIT = 64 * 1024 * 1024
_RECONNECT_INTERVAL = 1.0
_CONNECTION_TIMEOUT = 10.0
#: The length of the part of an invalid reply that is logged.
_EXCERPT = 60


class _Connection(asyncio.Protocol):
    """A connection to an actor, which passes each line to a function.

    Parameters
    ----------
    take
        The function.

    Attributes
    ----------
    transport
        The transport, once there is a connection.
    closed
        Is set when the connection is closed.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.transport: Any = None
        self.closed = asyncio.Event()
        self._take = take
        self._gathered: list[bytes] = []
        self._splitter = LineSplitter(_LINE_LIMIT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for line in self._splitter.feed(data):
            self._take(line.head if isinstance(line, OverlongLine) else line)

    def write(self, line: bytes, *, at_once: bool) -> None:
        """Write a line now, or with the others of this iteration of the event loop."""
        if at_once and not self._gathered:
            self.transport.write(line)
            return
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self.flush)
        self._gathered.append(line)

    def flush(self) -> None:
        """Write the lines that were gathered."""
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self.transport.write(b"".join(gathered))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            logger.debug("The connection was lost: %s", exc)
        self.closed.set()


class JSONReply:
    """A reply from a TCP JSON actor, to this client or to all.

    Parameters
    ----------
    line
        The line that was received.

    Raises
    ------
    ValueError, LookupError, TypeError, RecursionError
        If it is not a reply.

    Attributes
    ----------
    headers
        The header of the reply, as the page about the protocol describes it.
    body
        The keywords and their values.
    message_code, sender, internal, command_id, commander_id
        What the header says.
    is_own
        Whether the reply answers a command of the client that received it.
    """

    __slots__ = (
        "__weakref__",
        "body",
        "command_id",
        "commander_id",
        "headers",
        "internal",
        "is_own",
        "message_code",
        "sender",
    )

    def __init__(self, line: bytes) -> None:
        reply = decode_json(line)
        self.headers: dict[str, Any] = reply["header"]
        self.body: dict[str, Any] = dict(reply["data"])
        self.message_code = MESSAGE_CODES[self.headers["message_code"]]
        self.sender = str(self.headers["sender"])
        self.internal = bool(self.headers["internal"])
        self.command_id = self.headers["command_id"]
        self.commander_id = self.headers.get("commander_id")
        self.is_own = False

    @property
    def message(self) -> dict[str, Any]:
        """An alias of ``body``."""
        return self.body

    def __repr__(self) -> str:
        return (
            f"<JSONReply ({self.sender} {self.command_id} {self.message_code.value} {self.body!r})>"
        )


class JSONClient(WatchMixIn, CommandsActors):
    """A client of a TCP JSON actor: it sends commands and follows the replies.

    When the connection is lost, the commands that run fail, and the client connects again.

    Parameters
    ----------
    host, port
        The address and port of the actor.
    token
        The token of the actor, if it needs one.
    connection_timeout
        The seconds that connecting may take.

    Attributes
    ----------
    actor_name
        The name of the actor, once it has replied.
    running_commands
        The commands that run, by their id.
    on_lost, on_connected
        Functions that are called, without arguments, when the connection is lost and when there is
        one again.
    """

    _unsendable = "\r\n"

    def __init__(
        self,
        host: str,
        port: int,
        *,
        token: str | None = None,
        connection_timeout: float = _CONNECTION_TIMEOUT,
    ) -> None:
        if token is not None and token.split() != [token]:
            raise CluValueError("The token must be a string without white space.")
        self.host = host
        self.port = port
        self.token = token
        self.connection_timeout = connection_timeout
        self.actor_name: str | None = None
        self.running_commands: dict[int, Command[Any]] = {}
        self.on_lost: Callable[[], Any] | None = None
        self.on_connected: Callable[[], Any] | None = None
        self._notifier = CallbackMixIn()
        self._commander_id: str | None = None
        # Random: others choose ids too, and replies to their commands may be broadcast.
        self._last_id = random.randrange(2**16, 2**30)
        self._connection: _Connection | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "connected" if self.is_connected() else "disconnected"
        return f"<{type(self).__name__} ({self.address}, {state})>"

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def address(self) -> str:
        """The address of the actor."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    def is_connected(self) -> bool:
        """Whether there is a connection to the actor right now."""
        return self._connection is not None

    async def start(self) -> Self:
        """Connect to the actor.

        Raises
        ------
        CluConnectionError
            If the actor cannot be reached, or does not take the token.
        CluRuntimeError
            If the client was started before and not stopped.
        """
        if self._task is not None:
            raise CluRuntimeError(f"The client of {self.address} is already running.")
        connection = await self._connect()
        self._connection = connection
        self._task = asyncio.get_running_loop().create_task(self._keep(connection))
        if self.token is not None:
            try:
                await self._send_token()
            except BaseException:
                await self.stop()
                raise
        if self._watchers is not None:
            self._watchers.restored()
        return self

    async def stop(self) -> None:
        """Close the connection. Commands that run fail."""
        self._end_watching()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._disconnect()  # a task that was cancelled before it ran has not
        self._fail_all("The client was stopped.")
        await self._notifier.stop_callbacks()

    def add_reply_callback(self, callback: Callable[[JSONReply], Any]) -> None:
        """Add a function or coroutine function that is called with each reply."""
        self._notifier.register_callback(callback)

    def remove_reply_callback(self, callback: Callable[[JSONReply], Any]) -> None:
        """Remove a callback.

        Raises
        ------
        CluValueError
            If it is not registered.
        """
        if callback not in self._notifier._callbacks:
            raise CluValueError("Callback not registered.")
        self._notifier.remove_callback(callback)

    async def send_command(
        self,
        command_string: str,
        *args: Any,
        reply_callback: Callable[[JSONReply], Any] | None = None,
        time_limit: float | None = None,
        await_command: bool = True,
    ) -> Command[Any]:
        """Send a command to the actor.

        Parameters
        ----------
        command_string
            The command, in one line.
        args
            Further words of the command.
        reply_callback
            A function that is called with each reply to the command.
        time_limit
            After how many seconds the command ends as timed out.
        await_command
            Whether to return only when the command has ended.

        Returns
        -------
        command
            The command.

        Raises
        ------
        CluConnectionError
            If there is no connection to the actor.
        CluValueError
            If the command has several lines.
        """
        text = " ".join(map(str, (command_string, *args)))
        if "\n" in text or "\r" in text:
            raise CluValueError("A command for a TCP actor must be a single line.")
        if self._connection is None:
            raise CluConnectionError(f"Not connected to {self.address}.")
        self._last_id += 1
        command: Command[Any] = Command(
            text,
            command_id=self._last_id,
            commander_id=self._commander_id,
            consumer_id=self.actor_name or self.address,
            reply_callback=reply_callback,
            time_limit=time_limit,
        )
        is_only = not self.running_commands
        self.running_commands[self._last_id] = command
        command.add_done_callback(self._forget)
        line = f"{self._last_id} {text}\n".encode(errors="replace")
        self._connection.write(line, at_once=is_only)
        if await_command:
            await command
        return command

    def _make_watchers(self) -> Watchers:
        from clu._tcp.watching import make_watchers

        return make_watchers(self)

    async def actor(  # type: ignore[override]  # there is one actor, which has no other name
        self, *, timeout: float = 5.0, model: Mapping[str, Any] | None = None
    ) -> RemoteActor:
        """Return the actor as an object, whose commands are called like functions.

        Parameters
        ----------
        timeout
            How many seconds to wait for its answers, and for a connection if it was lost.
        model
            The commands of the actor, as its command ``get-command-model`` gives them. Then it is
            not asked. For one that does not know them, ``{}`` makes an object that only takes
            command strings.

        Raises
        ------
        ActorNotFound
            If the actor does not answer.
        CommandFailed
            If the actor does not tell its commands.
        CluConnectionError
            If there is no connection.
        """
        return await super().actor(self._called(self.address), timeout=timeout, model=model)

    def _called(self, actor: str) -> str:
        return self.actor_name or actor

    async def _begin_command(
        self,
        actor: str,
        text: str,
        parent: BaseCommand[Any, Any] | None,
        is_repeated: bool,
        reply_callback: Callable[[Any], Any] | None,
        time_limit: float | None,
        internal: bool = False,
    ) -> Command[Any]:
        return await self.send_command(
            text, reply_callback=reply_callback, time_limit=time_limit, await_command=False
        )

    def _is_absent(self, result: CommandResult) -> bool:
        return not self.is_connected()

    # -- the connection -------------------------------------------------------------------

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(lambda: _Connection(self._take), self.host, self.port)
        try:
            return (await asyncio.wait_for(opening, self.connection_timeout))[1]
        except (OSError, asyncio.TimeoutError) as error:
            reason = why_not_connected(error, self.connection_timeout)
            raise CluConnectionError(f"Cannot connect to {self.address}: {reason}.") from None

    async def _send_token(self) -> None:
        command = await self.send_command(f"token {self.token}", time_limit=self.connection_timeout)
        if not command.status.did_succeed:
            error = next(iter(command.replies), None)
            reason = "" if error is None else str(error.message.get("error", ""))
            raise CluConnectionError(f"{self.address} refused the token. {reason}".rstrip())

    async def _keep(self, connection: _Connection) -> None:
        while True:
            try:
                await connection.closed.wait()
            finally:
                self._disconnect()
            self._fail_all(f"{self.address} closed the connection.")
            self._known_commands = None  # whoever is there next may have others
            self._tell(self.on_lost)
            connection = await self._reconnect()
            self._connection = connection
            if self.token is not None:
                await self.send_command(f"token {self.token}", await_command=False)
            if self._watchers is not None:
                self._watchers.restored()
            self._tell(self.on_connected)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.flush()
            connection.transport.close()

    async def _reconnect(self) -> _Connection:
        while True:
            await asyncio.sleep(_RECONNECT_INTERVAL)
            try:
                return await self._connect()
            except CluConnectionError:
                continue

    def _take(self, line: bytes) -> None:
        try:
            reply = JSONReply(line)
        except (ValueError, LookupError, TypeError, RecursionError):
            text = line[:_EXCERPT].decode(errors="replace").strip()
            logger.warning("%s sent an invalid reply: %r", self.address, text)
            return
        self.actor_name = reply.sender
        command = self._command_of(reply)
        if command is not None:
            reply.is_own = True
            self._commander_id = reply.commander_id
            self._update(command, reply)
        self._notifier.notify(reply)

    def _command_of(self, reply: JSONReply) -> Command[Any] | None:
        if not isinstance(reply.command_id, int):
            return None
        if self._commander_id not in (None, reply.commander_id):
            return None
        return self.running_commands.get(reply.command_id)

    def _update(self, command: Command[Any], reply: JSONReply) -> None:
        code = reply.message_code
        command.replies.append(
            Reply(code, reply.body, command, validated=True, internal=reply.internal)
        )
        callback = command._reply_callback
        if callback is not None:
            result = call_user_function(callback, reply)
            if asyncio.iscoroutine(result):
                start_user_coroutine(result, functools.partial(log_callback_error, callback))
        status = CommandStatus.code_to_status(code._value_)
        if not command.status.is_done and status is not command.status:
            command.set_status(status)

    def _forget(self, command: Any) -> None:
        self.running_commands.pop(command.command_id, None)

    def _fail_all(self, reason: str) -> None:
        self._commander_id = None  # the actor gives each connection one of its own
        for command in list(self.running_commands.values()):
            command.replies.append(
                Reply(MessageCode.FAILED, {"error": reason}, command, validated=True)
            )
            command.set_status(CommandStatus.FAILED)
        self.running_commands.clear()

    def _tell(self, callback: Callable[[], Any] | None) -> None:
        if callback is not None:
            call_user_function(callback)


for _class in (JSONClient, JSONReply):
    _class.__module__ = "clu.remote"  # where users find them
