"""Legacy actors, which use the opscore protocol and can be connected to a hub.

It is over 400 lines since users read one class with its documented parameters and methods here; how
a line is parsed and formatted, and the list of users, have modules of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.config import make_from_config
from clu._core.logging import REPLY
from clu._core.names import lazy_names
from clu._core.reply import MessageCode
from clu._core.signature import ClassSignature
from clu._remote.client import CommandsActors
from clu._speedups.reply import format_line, format_reply, would_log
from clu._tcp.command import BadLine
from clu._tcp.limits import BUFFER_HARD_LIMIT, BUFFER_LIMIT, STALL_LIMIT, BufferLimits
from clu._tcp.server import LINE_LIMIT, REQUEST_LIMIT, TCPStreamServer
from clu.command import Command, TimedCommandList
from clu.exceptions import CluError, CluWarning
from clu.legacy._config import with_tron_section
from clu.legacy._line import (
    describe_errors,
    find_bad_keyword,
    find_command_id,
    format_user_output,
    get_user_command_id,
    one_by_one,
    parse_legacy_line,
)
from clu.legacy._reconnect import tron_reconnect, tron_reconnect_too
from clu.legacy._users import GreetingActor
from clu.legacy.tron import UNSENDABLE, TronConnection, commander_of
from clu.parsers.click import ClickParser

if TYPE_CHECKING:
    import asyncio
    import pathlib

    from sdsstools.logger import SDSSLogger
    from typing_extensions import Self

    from clu._core.result import CommandResult
    from clu._watch.watchers import Watchers
    from clu.base import Reply
    from clu.command import BaseCommand

__all__ = ["BaseLegacyActor", "LegacyActor"]

T = TypeVar("T", bound="BaseLegacyActor")

_write = GreetingActor.write


class BaseLegacyActor(GreetingActor, CommandsActors):
    """An actor that uses the opscore protocol. Combine it with a parser class.

    A client, which may be a hub, sends lines ``[program.user] [command id] command``. A reply is
    a line ``<user id> <command id> <code> <keyword>=<value>; <keyword>=<value>``. The user ids
    start at 1; a reply to the user 0 is for all users.

    Parameters
    ----------
    name
        The name of the actor.
    host
        The address to listen on; ``""`` for all interfaces.
    port
        The port to listen on. 0 selects a free port, which is available as `port` after `start`.
    tron_host, tron_port
        The address and port of the hub. If either is missing, there is no hub.
    models
        The actors whose keywords are followed through the hub.
    version, log_dir, log, verbose, config
        Arguments of `clu.base.BaseClient`.
    loop
        Ignored; kept for backward compatibility.
    schema, store, additional_properties, error_details, strict
        Arguments of `clu.base.BaseActor`.
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

    Attributes
    ----------
    transports
        The transports of the connected clients, by user id.
    tron
        The `clu.legacy.tron.TronConnection` to the hub, or None.
    models
        The `clu.legacy.tron.TronModel` of each actor that is followed, by name.
    timed_commands
        The commands that the actor runs periodically.

    Raises
    ------
    clu.legacy.types.keys.KeysDictionaryError
        If there is no dictionary for one of the models.
    """

    _replies_with_lists = False
    _unsendable = UNSENDABLE
    #: Whether a subclass addresses or formats the lines of replies in its own way.
    _formats_itself = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._replies_with_lists = False  # even if a parser precedes this class
        cls._formats_itself = (
            cls.get_user_command_id is not get_user_command_id
            or cls.format_user_output is not format_user_output
        )

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        tron_host: str | None = None,
        tron_port: int | None = None,
        models: list[str] = [],
        version: str | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        log_dir: pathlib.Path | str | None = None,
        log: SDSSLogger | None = None,
        verbose: bool | int = False,
        schema: Any = None,
        store: bool | int | list[str] | dict[str, Any] = False,
        additional_properties: bool = False,
        config: dict[str, Any] = {},
        *,
        max_connections: int | None = None,
        line_limit: int = LINE_LIMIT,
        buffer_limit: int = BUFFER_LIMIT,
        stall_limit: float = STALL_LIMIT,
        buffer_hard_limit: int = BUFFER_HARD_LIMIT,
        max_commands: int | None = REQUEST_LIMIT,
        error_details: bool = True,
        strict: bool = False,
    ) -> None:
        super().__init__(
            name,
            version=version,
            log_dir=log_dir,
            log=log,
            verbose=verbose,
            schema=schema,
            store=store,
            additional_properties=additional_properties,
            error_details=error_details,
            strict=strict,
            config=config,
        )
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
        #: The user id, command id and concatenation arguments of the current `write`.
        self._address: tuple[int | None, int | None, bool] | None = None
        if type(self)._write_internal is not BaseLegacyActor._write_internal:
            # Without a call in between for actors that do not override it.
            self._write_internal = self._write_addressed  # type: ignore[method-assign,assignment]
        self.tron: TronConnection | None = None
        if tron_host and tron_port:
            self.tron = TronConnection(
                f"{name}.{name}",
                tron_host,
                tron_port,
                models=models,
                log=self.log,
                verbose=verbose,
            )
            self.tron._logs_start = True
        self.models = {} if self.tron is None else self.tron.models

    @property
    def _server(self) -> TCPStreamServer:
        """The TCP server, under the name at which tests of actors look for it."""
        return self.server

    def __repr__(self) -> str:
        return f"<{self!s} (name={self.name!r}, host={self.host!r}, port={self.port})>"

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any] | pathlib.Path | str,
        *args: Any,
        loader: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Create an actor from a configuration.

        Parameters
        ----------
        config
            A dictionary or the path of a YAML file. The arguments of the class are read from its
            section ``actor``, or from the top level. A section ``tron`` inside it can define the
            ``host``, ``port`` and ``models`` of the hub; a class that has an argument ``tron``
            gets the section instead.
        args, kwargs
            Further arguments of the class, which override the configuration.
        loader
            The YAML loader.

        Raises
        ------
        ConfigurationError
            If the file does not exist, is not valid YAML, or does not fit the class. It is also an
            ``AssertionError``, the error of the YAML library or a ``TypeError``.
        """
        parsed = cls._parse_config(config, loader)
        if isinstance(parsed, Mapping):
            parsed = with_tron_section(parsed, cls, BaseLegacyActor.__init__)
        return make_from_config(cls, config, parsed, args, kwargs)

    async def start(self: T, get_keys: bool = True, start_nubs: bool = True) -> T:
        """Start listening for clients, and connect to the hub if there is one.

        If the hub cannot be reached, a warning is logged, and the actor keeps trying.

        Parameters
        ----------
        get_keys
            Whether to ask the hub for the current values of the keywords in `models`.
        start_nubs
            Whether to ask the hub to connect to this actor.

        Raises
        ------
        OSError
            If the server cannot listen on the address.
        """
        await self._start_server()
        if self.tron is None:
            warnings.warn("starting LegacyActor without Tron connection.", CluWarning, stacklevel=2)
        if self.tron is not None:
            self.tron.on_connection = self._start_nubs if start_nubs else None
            await self.tron.start(get_keys=get_keys)
        self.timed_commands.start()
        return self

    def _start_nubs(self, tron: TronConnection) -> None:
        self.log.debug("Asking Tron to connect back.")
        command = tron.send_command("hub", f"startNubs {self.name}")
        command.add_done_callback(self._nubs_started)

    def _nubs_started(self, command: Any) -> None:
        if command.result().status.did_fail:
            self.log.warning("The hub could not be asked to connect to %s.", self.name)

    def _make_watchers(self) -> Watchers:
        from clu._watch.model_source import ModelSource
        from clu._watch.watchers import Watchers

        own = ModelSource(lambda: {self.name: self.model})
        others = None if self.tron is None else self.tron._watch_source()

        def find_source(actor: str) -> ModelSource:
            return own if actor == self.name or others is None else others

        return Watchers(find_source, lambda actor: actor or self.name)

    async def stop(self) -> None:
        """Cancel the running commands, notify the clients, and close all connections."""
        await super().stop()
        if self.tron is not None:
            self.tron.stop()

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
            The command, or None if the line is blank.
        """
        try:
            parsed = parse_legacy_line(command_str)
        except BadLine as error:
            return self._command(transport, error.command_id).fail(error=str(error))
        if parsed is None:
            return None
        commander, command_id, body = parsed
        command = self._command(transport, command_id, body, commander)
        self._log_command(command, commander)  # None unless the line names it
        return self._run_command(command, transport)

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
        return find_command_id(head.decode(errors="replace"))

    def send_command(  # type: ignore[override]
        self,
        target: str,
        command_string: str,
        *args: Any,
        commander: str | None = None,
        command_id: int | None = None,
        command: BaseCommand[Any, Any] | None = None,
        **command_kwargs: Any,
    ) -> Command[Any]:
        """Send a command to another actor, through the hub.

        Parameters
        ----------
        target
            The actor to command.
        command_string, args
            The command; the parts are joined by spaces.
        commander
            The commander of the command, ``program.user``; by default the commander of
            ``command``, or the actor itself.
        command_id
            The number of the command; by default the next one.
        command
            The command that this one is part of.
        command_kwargs
            Arguments of `clu.command.BaseCommand`, such as ``reply_callback`` and
            ``time_limit``.

        Returns
        -------
        command
            The command, which can be awaited.

        Raises
        ------
        CluError
            If there is no connection to a hub.
        """
        if self.tron is None:
            raise CluError("cannot connect to tron.")
        if commander is None:
            commander = commander_of(command)
        return self.tron.send_command(
            target, command_string, *args, commander=commander, mid=command_id, **command_kwargs
        )

    async def _begin_command(
        self, actor: str, text: str, *args: Any, **kwargs: Any
    ) -> Command[Any]:
        """Send a command of a `clu.remote.RemoteActor`."""
        if self.tron is None:
            raise CluError("cannot connect to tron.")
        return await self.tron._begin_command(actor, text, *args, **kwargs)

    def _is_absent(self, result: CommandResult) -> bool:
        """Whether a command has failed since the hub does not know its actor."""
        return self.tron is not None and self.tron._is_absent(result)

    get_user_command_id = staticmethod(get_user_command_id)
    format_user_output = staticmethod(format_user_output)

    def write(  # type: ignore[override]
        self,
        message_code: MessageCode | str = MessageCode.INFO,
        message: dict[str, Any] | str | None = None,
        command: BaseCommand[Any, Any] | None = None,
        user_id: int | None = None,
        command_id: int | None = None,
        concatenate: bool = True,
        broadcast: bool = False,
        validate: bool = True,
        write_to_log: bool = True,
        silent: bool = False,
        internal: bool = False,
        **kwargs: Any,
    ) -> Reply:
        """Write a reply to the users.

        Parameters
        ----------
        message_code, message, command, broadcast, validate, write_to_log, silent, internal, kwargs
            Arguments of `clu.base.BaseActor.write`.
        user_id
            The user to send the reply to, if there is no command; 0 for all users.
        command_id
            The number of the command to reply to, if it is not that of ``command``.
        concatenate
            Whether to send the keywords in one line, or each in a separate line.

        Returns
        -------
        reply
            The reply, or the error reply if the model rejected the message.

        Raises
        ------
        CluTypeError
            If the message is neither a dictionary nor a string, or contains a value that cannot be
            formatted, such as a dictionary of dictionaries. If such a reply ends its command, the
            error is reported to the users instead, and the command ends.
        CluValueError
            If the message code is not valid.
        """
        outer = self._address
        if user_id is None and command_id is None and concatenate and outer is None:
            if not kwargs:  # arguments by position are the fastest
                return _write(
                    self,
                    message_code,
                    message,
                    command,
                    broadcast,
                    validate,
                    True,
                    0,
                    silent,
                    internal,
                    True,
                    write_to_log,
                )
        else:
            # The base class does not have these arguments; a callback may write in the meantime.
            self._address = (user_id, command_id, concatenate)
        if silent is not False:
            kwargs["silent"] = silent
        if internal is not False:
            kwargs["internal"] = internal
        if write_to_log is not True:
            kwargs["write_to_log"] = write_to_log
        try:
            return _write(self, message_code, message, command, broadcast, validate, **kwargs)
        finally:
            self._address = outer

    def _write_internal(  # type: ignore[override]
        self,
        reply: Reply,
        user_id: int | None = None,
        command_id: int | None = None,
        concatenate: bool = True,
        write_to_log: bool = True,
    ) -> None:
        if user_id is None and command_id is None and concatenate and self._address is not None:
            user_id, command_id, concatenate = self._address
        if user_id is None and command_id is None and concatenate and not self._formats_itself:
            try:
                formatted = format_reply(reply)
            except Exception as error:
                raise find_bad_keyword(reply, error) from error
            if formatted is not None:
                # The common case, without the list and the loop below, which cost 3 % of a write.
                line, transport = formatted
                if transport is not None:
                    transport.write(line)
                else:
                    for client in [*self.transports.values()]:
                        client.write(line)
                if write_to_log and would_log(self.log, REPLY):
                    self.log.log(REPLY, line[:-1].decode())
                return
        for line, transport in self._format(reply, user_id, command_id, concatenate):
            for client in [*self.transports.values()] if transport is None else [transport]:
                client.write(line)
            if write_to_log and would_log(self.log, REPLY):
                self.log.log(REPLY, line[:-1].decode())

    def _write_addressed(self, reply: Reply, write_to_log: bool = True) -> Any:
        """Call a `_write_internal` that overrides ours, with the arguments of the current write."""
        user_id, command_id, concatenate = self._address or (None, None, True)
        return type(self)._write_internal(
            self,
            reply,
            user_id=user_id,
            command_id=command_id,
            concatenate=concatenate,
            write_to_log=write_to_log,
        )

    def _format(
        self, reply: Reply, user_id: int | None, command_id: int | None, concatenate: bool
    ) -> list[tuple[bytes, Any]]:
        """Format a reply with an error, an explicit address, or a line for each keyword.

        Returns
        -------
        lines
            Each line with its transport, or None for all clients.
        """
        command = reply.command
        address = None
        if self._formats_itself:
            address = self.get_user_command_id(
                command=command, user_id=user_id, command_id=command_id
            )
            user_id, command_id = address
        transport = None
        if command is not None:
            transport = command.transport
            if command_id is None:
                command_id = command.command_id
        if reply.broadcast:
            user_id = transport = None
        elif transport is not None:
            user_id = transport.user_id if address is None else user_id
        elif user_id:
            transport = self.transports.get(user_id)
        message = reply.message
        if "error" in message or "exception" in message:
            reply.message = message = describe_errors(message)
        code = reply.message_code._value_
        messages = [message] if concatenate or len(message) < 2 else one_by_one(message)
        try:
            lines = [format_line(user_id or 0, command_id or 0, code, each) for each in messages]
        except Exception as error:
            raise find_bad_keyword(reply, error) from error
        if self._formats_itself:
            lines = [self._formatted(line, reply.message_code) for line in lines]
        return [(line, transport) for line in lines]

    def _formatted(self, line: bytes, code: MessageCode) -> bytes:
        """Return a line as `format_user_output` of a subclass has it."""
        user_id, command_id, _, text = line[:-1].decode().split(" ", 3)
        formatted = self.format_user_output(int(user_id), int(command_id), code, text)
        return (formatted + "\n").encode()


class LegacyActor(ClickParser, BaseLegacyActor):
    """A legacy actor that parses commands with click.

    Parameters
    ----------
    args, kwargs
        Arguments of `BaseLegacyActor`.
    """

    __signature__ = ClassSignature()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.tron is not None:
            self.parser.add_command(tron_reconnect)
            self.parser.add_command(tron_reconnect_too)


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        BaseActor="clu.base:BaseActor",
        CluCommand="clu.parsers.click:CluCommand",
        CustomTransportType="clu.actor:CustomTransportType",
        Reply="clu.base:Reply",
        click="click",
        clu="clu",
        log_reply="clu.tools:log_reply",
        parse_legacy_command="clu.command:parse_legacy_command",
    )
