"""The connection to a hub, and the keywords of the actors behind it.

It is over 400 lines since users read one class with its documented parameters and methods here.
"""

from __future__ import annotations

import asyncio
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.callbacks import call_user_function
from clu._core.case_insensitive_dict import CaseInsensitiveDict
from clu._core.names import lazy_names
from clu._core.reply import MessageCode, Reply
from clu._core.status import CommandStatus
from clu._remote.client import CommandsActors
from clu._tcp.lines import LineSplitter, OverlongLine
from clu._tcp.server import LINE_LIMIT
from clu.base import BaseClient
from clu.command import Command
from clu.exceptions import CluConnectionError, CluError, CluValueError, CommandError
from clu.legacy._model import TronKey, TronModel
from clu.legacy._protocol import TronClientProtocol
from clu.legacy.types.keys import KeysDictionary
from clu.legacy.types.parser import ParseError, ReplyParser
from clu.tools import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._core.result import CommandResult
    from clu._watch.model_source import ModelSource
    from clu._watch.watchers import Watchers
    from clu.command import BaseCommand
    from clu.legacy.types.messages import Reply as HubReply

__all__ = ["TronClientProtocol", "TronConnection", "TronKey", "TronLoggingFilter", "TronModel"]

T = TypeVar("T", bound="TronConnection")

_UNPARSED = "Failed parsing reply"
_COMMANDER = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z][\w-]*)+", re.ASCII)
_MIDS = 2**32
#: The characters that a command for a hub cannot have.
UNSENDABLE = "\r\n\0"
_KEYS_PER_COMMAND = 10
#: How long `start` waits for the hub, in seconds.
_TIMEOUT = 5.0


def _is_from(actor: str, target: str) -> bool:
    """Whether a reply from an actor may answer a command for a target.

    The target may send commands to other actors with the name and the number of the commander.
    The hub answers for unknown targets, and as ``keys_<actor>`` for keywords.
    """
    actor, target = actor.lower(), target.lower()
    if target == "keys" and actor.startswith("keys_"):
        return True
    return actor in (target, "hub", f"keys_{target}")


def commander_of(command: BaseCommand[Any, Any] | None) -> str | None:
    """Return the commander for what is sent on behalf of a command, if it has one for a hub."""
    commander = "" if command is None else str(command.commander_id)
    return commander if "." in commander else None


class NotConnectedError(CluError, AssertionError):
    """There is no connection to the hub."""


class TronLoggingFilter(logging.Filter):
    """Filters out warnings about lines of the hub that cannot be parsed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to handle a record."""
        return not record.getMessage().startswith(_UNPARSED)


class TronConnection(BaseClient, CommandsActors):
    """The connection to a hub.

    It sends commands to the actors behind the hub, and follows their keywords.

    Parameters
    ----------
    commander
        The commander of the commands that are sent, ``program.user``.
    host, port
        The address and port of the hub.
    name
        The name of the client.
    models
        The actors whose keywords to follow.
    kwargs
        Arguments of `clu.base.BaseClient`.

    Attributes
    ----------
    keyword_dicts
        The `clu.legacy.types.keys.KeysDictionary` of each actor that is followed, by name.
    models
        The `TronModel` of each actor that is followed, by name.
    running_commands
        The running commands, by number.
    on_connection
        A function that is called with this object whenever the connection is opened, or None.

    Raises
    ------
    CluValueError
        If the commander is not valid.
    clu.legacy.types.keys.KeysDictionaryError
        If there is no dictionary for one of the models.
    """

    _unsendable = UNSENDABLE

    def __init__(
        self,
        commander: str,
        host: str,
        port: int = 6093,
        name: str = "tron",
        models: list[str] = [],
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        if not _COMMANDER.fullmatch(commander):
            raise CluValueError("Invalid commander format.")
        self.commander = commander
        self.host = host
        self.port = port
        self.keyword_dicts = {model: KeysDictionary.load(model) for model in models or []}
        self.models = {model: TronModel(keys) for model, keys in self.keyword_dicts.items()}
        self.rparser = ReplyParser()
        self.protocol: TronClientProtocol | None = None
        self.running_commands: dict[int, Command[Any]] = {}
        self.on_connection: Callable[[TronConnection], Any] | None = None
        self._mid = 1
        #: Whether to log that the connection is open. The connection of an actor does.
        self._logs_start = False
        self._wants_keys = True
        self._failures = 0  # in a row
        self._splitter = LineSplitter(LINE_LIMIT)
        self._attempted = asyncio.Event()
        self._stopped = asyncio.Event()
        handler = self.log.sh
        if handler and not any(isinstance(item, TronLoggingFilter) for item in handler.filters):
            handler.addFilter(TronLoggingFilter())

    @property
    def transport(self) -> Any:
        """The transport of the connection, or None if it is closed."""
        return None if self.protocol is None else self.protocol.transport

    def connected(self) -> bool:
        """Whether the connection is open."""
        transport = self.transport
        return transport is not None and not transport.is_closing()

    async def start(self: T, get_keys: bool = True) -> T:
        """Connect to the hub.

        If the hub cannot be reached, a warning is logged, and the client keeps trying, with
        increasing delays.

        Parameters
        ----------
        get_keys
            Whether to request the current values of the keywords in `models`, now and after each
            loss of the connection.
        """
        self._close()
        self._failures = 0
        self._wants_keys = get_keys
        self._attempted = asyncio.Event()
        if self._stopped.is_set():
            self._stopped = asyncio.Event()
        self.protocol = TronClientProtocol(
            self._handle_reply,
            self.host,
            self.port,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )
        self.protocol.connect()
        try:
            await asyncio.wait_for(self._attempted.wait(), _TIMEOUT)
        except asyncio.TimeoutError:
            self.log.warning("Still trying to connect to tron at %s:%s.", self.host, self.port)
        return self

    def stop(self) -> None:  # type: ignore[override]
        """Close the connection. Commands that have not ended fail."""
        self._end_watching()
        self._close()
        self._stopped.set()
        for task in self._tasks:
            task.cancel()

    def _close(self) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.close()
        self._attempted.set()
        self._fail_commands("The connection to the hub was closed before the command ended.")

    async def reconnect(self) -> None:
        """Reconnect to the hub.

        If the connection was open, the hub already knows this client, and `on_connection` is not
        called.
        """
        on_connection = self.on_connection
        if self.connected():
            self.on_connection = None
        try:
            await self.start(get_keys=self._wants_keys)
        finally:
            self.on_connection = on_connection

    async def run_forever(self) -> None:
        """Stay connected to the hub until `stop` is called or the task is cancelled."""
        await self._stopped.wait()

    def _connected(self) -> None:
        if self._failures:
            self.log.warning(
                "Connected to tron at %s:%s again, at attempt %d.",
                self.host,
                self.port,
                self._failures,
            )
            self._failures = 0
        elif self._logs_start:
            self.log.info("started tron connection at %s:%s", self.host, self.port)
        self._splitter = LineSplitter(LINE_LIMIT)
        self._attempted.set()
        if self.on_connection is not None:
            call_user_function(self.on_connection, self)
        if self._wants_keys:
            self._ask_for_keys()

    def _disconnected(self, error: BaseException | None) -> None:
        self._attempted.set()
        assert self.protocol is not None
        # One line when the connection is lost, and one when it is back.
        level = logging.DEBUG if self._failures else logging.WARNING
        self._failures += 1
        self.log.log(
            level,
            "No connection to tron at %s:%s (%s). Trying again in %.1f s.",
            self.host,
            self.port,
            error or "the hub closed it",
            self.protocol.delay,
        )
        self._fail_commands("The connection to the hub was lost before the command ended.")

    async def get_keys(self) -> None:
        """Request the current values of the keywords in `models` from the hub."""
        self._ask_for_keys()

    def _ask_for_keys(self) -> None:
        for actor, model in self.models.items():
            names = [name.lower() for name in model]
            for start in range(0, len(names), _KEYS_PER_COMMAND):
                some = names[start : start + _KEYS_PER_COMMAND]
                self.send_command("keys", f"getFor={actor}", *some)

    def send_command(  # type: ignore[override]
        self,
        target: str,
        command_string: str,
        *args: Any,
        commander: str | None = None,
        mid: int | None = None,
        callback: Callable[[HubReply], Any] | None = None,
        **command_kwargs: Any,
    ) -> Command[Any]:
        """Send a command to an actor behind the hub.

        Parameters
        ----------
        target
            The actor to command.
        command_string, args
            The command; the parts are joined by spaces.
        commander
            The commander of the command; by default that of the connection.
        mid
            The number of the command; by default the next one.
        callback
            The former name of ``reply_callback``.
        command_kwargs
            Arguments of `clu.command.BaseCommand`, such as ``reply_callback``, which is called
            with each reply as the hub sends it, and ``time_limit``.

        Returns
        -------
        command
            The command, which can be awaited. Its ``replies`` are `clu.base.Reply` objects that
            also have the typed ``keywords``.

        Raises
        ------
        CluError
            If there is no connection, as an ``AssertionError``.
        CommandError
            If the command is more than one line, or a command of this number is still running.
        """
        if not self.connected():
            raise NotConnectedError("cannot connect to tron.")
        if callback is not None:
            warnings.warn(
                "The 'callback' argument is deprecated and will be removed in a future version. "
                "Please use 'reply_callback' instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            command_kwargs["reply_callback"] = callback
        commander = commander or self.commander
        mid = self._next_mid() if mid is None else int(mid) % _MIDS
        text = " ".join([str(command_string), *map(str, args)]).rstrip("\r\n")
        line = f"{commander} {mid} {target} {text}"
        if any(char in line for char in UNSENDABLE):
            raise CommandError(f"The command {line!r} is not one line.")
        if mid in self.running_commands:
            # The hub's replies to the two could not be told apart.
            raise CommandError(f"The command {mid} is still running.")
        command: Command[Any] = Command(
            f"{line}\n",
            commander_id=commander,
            command_id=mid,
            consumer_id=target,
            **command_kwargs,
        )
        self.running_commands[mid] = command
        command.add_done_callback(lambda _: self._forget(mid, command))
        self.transport.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        return command

    def _make_watchers(self) -> Watchers:
        from clu._watch.watchers import Watchers

        source = self._watch_source()
        return Watchers(lambda _: source)

    def _watch_source(self) -> ModelSource:
        from clu._watch.model_source import ModelSource
        from clu.legacy._keywords import known_keywords

        source = ModelSource(lambda: self.models, known_keywords, self._ask_for_key)
        for model in self.models.values():
            model._on_reload = source.restored
        return source

    def _ask_for_key(self, actor: str, keyword: str) -> None:
        """Request the value of a keyword from the hub, unless there is no connection to it."""
        if self.connected():
            self.send_command("keys", f"getFor={actor}", keyword.lower())

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
        """Send a command of a `clu.remote.RemoteActor`."""
        if not self.connected():
            raise CluConnectionError(f"Not connected to tron at {self.host}:{self.port}.")
        return self.send_command(
            actor,
            text,
            commander=commander_of(parent),
            reply_callback=reply_callback,
            time_limit=time_limit,
        )

    def _is_absent(self, result: CommandResult) -> bool:
        """Whether a command has failed since the hub does not know its actor."""
        return result.status.did_fail and result.last("NoTarget") is not None

    def _next_mid(self) -> int:
        while self._mid in self.running_commands:
            self._mid = (self._mid + 1) % _MIDS
        mid = self._mid
        self._mid = (mid + 1) % _MIDS
        return mid

    def _forget(self, mid: int, command: Command[Any]) -> None:
        if self.running_commands.get(mid) is command:
            del self.running_commands[mid]

    def _handle_reply(self, data: bytes) -> None:
        """Handle data from the hub, which may contain incomplete lines."""
        for line in self._splitter.feed(data):
            if isinstance(line, OverlongLine):
                self.log.warning("%s of over %d bytes: %r.", _UNPARSED, line.limit, line.head)
                continue
            text = line.rstrip(b"\r\n")
            if not text:
                continue
            try:
                reply = self.rparser.parse(text.decode())
            except (ParseError, UnicodeDecodeError):
                excerpt = text[:200].decode(errors="backslashreplace")
                self.log.warning("%s %r.", _UNPARSED, excerpt)
                continue
            try:
                self._take(reply)
            except Exception:
                self.log.exception("Failed handling reply %r.", reply.string)

    def _take(self, reply: HubReply) -> None:
        header = reply.header
        actor = header.actor
        model = self.models.get(actor)
        if model is None and actor.startswith("keys_"):
            model = self.models.get(actor[5:])
        command = self.running_commands.get(header.commandId)
        if command is not None and header.cmdrName != command.commander_id:
            command = None
        values = None if model is None else model.parse_reply(reply)
        if command is None or command.done() or not _is_from(actor, str(command.consumer_id)):
            return
        if values is None:
            values = {keyword.name: list(keyword.values) for keyword in reply.keywords}
        self._answer(command, MessageCode(str(header.code).lower()), values, reply)

    def _answer(
        self,
        command: Command[Any],
        code: MessageCode,
        values: dict[str, Any],
        reply: HubReply | None,
    ) -> None:
        """Add a reply to a command."""
        message: dict[str, Any] = CaseInsensitiveDict(values)
        keywords = [] if reply is None else reply.keywords
        command.replies.append(Reply(code, message, command, validated=True, keywords=keywords))
        if command._reply_callback is not None and reply is not None:
            result: Any = call_user_function(command._reply_callback, reply)
            if asyncio.iscoroutine(result):
                self._create_task(result, command._reply_callback)
        command.set_status(CommandStatus.code_to_status(code.value))

    def _fail_commands(self, reason: str) -> None:
        for mid, command in list(self.running_commands.items()):
            if command.done():
                continue
            line = f"{command.commander_id} {mid} {command.consumer_id} f error={escape(reason)}"
            try:
                reply = self.rparser.parse(line)
            except ParseError:
                reply = None
            self._answer(command, MessageCode.FAILED, {"error": reason}, reply)


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        CluModel="clu.model:CluModel",
        CluWarning="clu.exceptions:CluWarning",
        Key="clu.legacy.types.keys:Key",
        Keyword="clu.legacy.types.messages:Keyword",
        Property="clu.model:Property",
        ReconnectingTCPClientProtocol="clu.protocol:ReconnectingTCPClientProtocol",
        clu="clu",
        get_event_loop="clu.tools:get_event_loop",
    )
