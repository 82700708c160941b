"""Commands: those that users send to an actor, and those that a client sends to actors.

It is over 400 lines, most of them documentation, since the recorded API has these classes in one
module, and each is the base of the next.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import warnings
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from clu._core.legacy_command import parse_legacy_command
from clu._core.logging import one_line
from clu._core.loop import get_event_loop
from clu._core.names import lazy_names
from clu._core.reply import MESSAGE_CODES, MessageCode, ReplyList, message_code_of
from clu._core.status import CommandStatus, StatusMixIn
from clu._core.timed import TimedCommand, TimedCommandList
from clu.exceptions import CluError, CluTypeError, CluValueError, CluWarning, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from typing_extensions import Self

    from clu._core.protocols import LazyContextLike
    from clu._core.status import StatusCallbacks
    from clu.base import BaseActor
    from clu.exceptions import CluNotImplemented  # noqa: F401  (named in a docstring)

__all__ = [
    "BaseCommand",
    "Command",
    "CommandStatus",
    "FakeCommand",
    "ReplyList",
    "TimedCommand",
    "TimedCommandList",
    "parse_legacy_command",
]

# Not bound to BaseActor: users write Command[MyActor] with mixins and mocks.
Actor_co = TypeVar("Actor_co", bound="BaseActor", covariant=True)
Future_co = TypeVar("Future_co", bound="BaseCommand[Any, Any]")

# As variables, which are faster than attributes of an enumeration.
_DEBUG, _INFO = MessageCode.DEBUG, MessageCode.INFO
_WARNING, _ERROR = MessageCode.WARNING, MessageCode.ERROR
_STARTED, _DONE = MessageCode.STARTED, MessageCode.DONE
_READY = CommandStatus.READY
_CODE_OF_LEVEL = {
    logging.DEBUG: MessageCode.DEBUG,
    logging.INFO: MessageCode.INFO,
    logging.WARNING: MessageCode.WARNING,
    logging.ERROR: MessageCode.ERROR,
}
_LEVEL_OF_CODE = {
    MessageCode.DEBUG: logging.DEBUG,
    MessageCode.WARNING: logging.WARNING,
    MessageCode.ERROR: logging.ERROR,
    MessageCode.FAILED: logging.ERROR,
    MessageCode.CRITICAL: logging.CRITICAL,
}
#: The codes with which a parent writes replies of its children, which do not end the parent.
_CODE_FROM_CHILD = {MessageCode.DONE: MessageCode.INFO, MessageCode.FAILED: MessageCode.ERROR}
#: As strings, whose comparison is fast.
_ERROR_CODES = (MessageCode.ERROR._value_, MessageCode.FAILED._value_)
#: The values of the states that a command can be in.
_SINGLE_STATES = frozenset(status.value for status in CommandStatus if status.code is not None)
_INTERRUPTED = (CommandStatus.TIMEDOUT, CommandStatus.CANCELLED)


class BaseCommand(
    asyncio.Future[Future_co], StatusMixIn[CommandStatus], Generic[Actor_co, Future_co]
):
    """The base class of commands: a future that resolves to itself when the command ends.

    Parameters
    ----------
    commander_id
        The sender of the command: a number for legacy actors, otherwise a string.
    command_id
        The number or string with which the commander identifies the command.
    consumer_id
        The name of the actor that runs the command.
    actor
        The actor that runs the command; by default that of the parent.
    parent
        The parent command, if any. Replies are written as replies of the parent.
    reply_callback
        A function that is called with each reply, for commands to other actors.
    status_callback
        A function that is called with the status when it changes, or a list or tuple of them.
    call_now
        Whether to call the status callback immediately.
    default_keyword
        The keyword for a message that is a string.
    silent
        Whether to update the model and `replies` without sending anything.
    internal
        Whether to mark the replies as internal.
    write_to_log
        Whether to log the replies.
    time_limit
        The time in seconds after which the command times out. None and 0 mean that it does not.
    loop
        The event loop; the running one by default.

    Attributes
    ----------
    replies
        The replies received or written so far. If an actor runs the command, only the first and
        the latest 10,000 are kept for certain.
    """

    #: The connection from which the command was received, for TCP actors.
    transport: Any = None

    _context: click.Context | None = None
    #: What makes the context when somebody looks at it.
    _lazy: LazyContextLike | None = None

    def __init__(
        self,
        commander_id: int | str | None = None,
        command_id: int | str = 0,
        consumer_id: int | str = 0,
        actor: Actor_co | None = None,
        parent: BaseCommand[Actor_co, Any] | None = None,
        reply_callback: Callable[[Any], None] | None = None,
        status_callback: StatusCallbacks[CommandStatus] | None = None,
        call_now: bool = False,
        default_keyword: str = "text",
        silent: bool = False,
        internal: bool = False,
        write_to_log: bool = True,
        time_limit: float | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        asyncio.Future.__init__(self, loop=get_event_loop() if loop is None else loop)
        self.commander_id = commander_id
        self.command_id = command_id
        self.consumer_id = consumer_id
        self.parent = parent
        self.actor: Actor_co = actor if actor is not None or parent is None else parent.actor  # type: ignore[assignment]
        self._reply_callback = reply_callback
        self.default_keyword = default_keyword
        self.silent = silent
        self.internal = internal
        self.write_to_log = write_to_log
        self.replies: ReplyList[Any] = ReplyList()
        self._task: asyncio.Task[Any] | None = None
        self.time_limit = time_limit
        self._timer: asyncio.TimerHandle | None = None
        StatusMixIn.__init__(self, CommandStatus, _READY, status_callback, call_now)
        if time_limit:
            self._timer = self.get_loop().call_later(max(time_limit, 0), self._time_out)

    def _time_out(self) -> None:
        if self.status.is_done:
            return
        self.set_status(CommandStatus.TIMEDOUT, f"The command timed out after {self.time_limit} s.")
        if self._task is not None:
            self._task.cancel()

    @property
    def context(self) -> click.Context | None:
        """The click context in which the command runs, or None."""
        if self._context is None and self._lazy is not None:
            self._context = self._lazy.make()
        return self._context

    @context.setter
    def context(self, context: click.Context | None) -> None:
        self._context = context
        self._lazy = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the command."""
        return self.get_loop()

    @property
    def status(self) -> CommandStatus:
        """The status of the command. Setting it is the same as `set_status`."""
        return self._status  # type: ignore[return-value]

    @status.setter
    def status(self, status: CommandStatus | str | int) -> None:
        self.set_status(status)

    def set_status(
        self,
        status: CommandStatus | str | int,
        message: dict[str, Any] | str | None = None,
        silent: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Set the status, and report the change to the users.

        Parameters
        ----------
        status
            The status, its value, or its name in any case.
        message
            The message that reports the change.
        silent
            Whether not to report the change.
        kwargs
            Further arguments of `write`, and keywords.

        Returns
        -------
        command
            This command.

        Raises
        ------
        CluValueError
            If the status is not valid.
        CluTypeError
            If it combines several states.
        """
        # The usual types first: this is on the way of every command.
        is_usual = type(status) is CommandStatus and status._value_ in _SINGLE_STATES
        new_status: CommandStatus = status if is_usual else _status_of(status)  # type: ignore[assignment]
        if self._status is not None and self._status.is_done:
            if status is not CommandStatus.TIMEDOUT:
                self._warn_done(status)
            return self
        if new_status is self._status:
            return self
        if self.actor is not None and not silent:
            self.write(new_status.code or "i", message, **kwargs)
        self._status = new_status
        self.do_callbacks()
        if new_status.is_done:
            self._end()
        if self.watcher is not None:
            self.watcher.set()
        return self

    def _warn_done(self, status: object) -> None:
        raw = one_line(getattr(self, "raw_command_string", ""))
        warnings.warn(
            f"{raw}: cannot modify a done command with status {status!r}.",
            CluWarning,
            stacklevel=3,
        )

    def _end(self) -> None:
        if self._timer is not None:
            self._stop_timer()
        if not self.done():
            self.set_result(self)  # type: ignore[arg-type]

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the future, which happens when a task is cancelled that awaits the command.

        The status does not change. An actor continues to run the command, until its time limit;
        the time limit of a command that was sent to another actor is cancelled too.
        """
        is_cancelled = super().cancel(msg)
        actor: object = self.actor
        if is_cancelled and actor is None:
            self._stop_timer()
        return is_cancelled

    def finish(self, *args: Any, **kwargs: Any) -> Self:
        """Mark the command as done, with the arguments of `set_status`."""
        return self.set_status(CommandStatus.DONE, *args, **kwargs)

    def fail(self, *args: Any, **kwargs: Any) -> Self:
        """Mark the command as failed, with the arguments of `set_status`."""
        return self.set_status(CommandStatus.FAILED, *args, **kwargs)

    def debug(self, *args: Any, **kwargs: Any) -> None:
        """Write a reply of level debug."""
        self.write(_DEBUG, *args, **kwargs)

    def info(self, *args: Any, **kwargs: Any) -> None:
        """Write a reply of level info."""
        # What is written most, without a list or a dictionary where there is no need for one.
        if not args:
            self.write(_INFO, **kwargs)
        elif kwargs or len(args) > 1:
            self.write(_INFO, *args, **kwargs)
        else:
            self.write(_INFO, args[0])

    def warning(self, *args: Any, **kwargs: Any) -> None:
        """Write a reply of level warning."""
        self.write(_WARNING, *args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:
        """Write a reply of level error. It does not end the command."""
        self.write(_ERROR, *args, **kwargs)

    def write(
        self,
        message_code: MessageCode | str | int = MessageCode.INFO,
        message: dict[str, Any] | str | BaseException | None = None,
        broadcast: bool = False,
        **kwargs: Any,
    ) -> None:
        """Write a reply to the users.

        Parameters
        ----------
        message_code, message, broadcast, kwargs
            Arguments of `BaseActor.write`. The code can also be a logging level. A string is the
            value of the default keyword, or of ``error`` if the code is that of an error; an
            exception is the value of ``error``.

        Raises
        ------
        CommandError
            If the command has no actor.
        CluValueError
            If the code is not valid, or the message is neither a dictionary, a string nor an
            exception.
        """
        if type(message_code) is MessageCode:
            code = message_code
        else:
            code = (
                MESSAGE_CODES.get(message_code) if type(message_code) is str else None
            ) or self._code_of(message_code)
        if message is None:
            message = {}
        elif type(message) is not dict:
            message = self._as_dict(message_code, message)
        if self.actor is None:
            raise CommandError(
                "An actor has not been defined for this command. Cannot write to users."
            )
        command: BaseCommand[Any, Any] = self
        if self.parent is not None:
            if code is _STARTED:
                return
            if code is _DONE and not message and not kwargs:
                return
            code = _CODE_FROM_CHILD.get(code, code)
            while command.parent is not None:
                command = command.parent
        silent, internal, write_to_log = self.silent, self.internal, self.write_to_log
        if kwargs:
            if "internal" in kwargs:
                internal = kwargs.pop("internal")
            if "silent" in kwargs:
                silent = kwargs.pop("silent")
            if "write_to_log" in kwargs:
                write_to_log = kwargs.pop("write_to_log")
        # Actors that override `write` rely on what is given by name.
        self.actor.write(
            code,
            message=message,
            command=command,
            broadcast=broadcast,
            silent=silent,
            internal=internal,
            write_to_log=write_to_log,
            **kwargs,
        )

    async def drain(self) -> None:
        """Wait until who sent the command has caught up with its replies.

        It returns at once, without an event-loop iteration, unless many replies are waiting. A
        callback that writes many replies awaits it between them, so that they do not pile up in
        memory.
        """
        # Tests give commands an actor that is a mock, or has only what they need.
        drain = getattr(self.actor, "drain", None)
        if drain is None:
            return
        command: BaseCommand[Any, Any] = self
        while command.parent is not None:
            command = command.parent
        waiter = drain(command)
        if inspect.isawaitable(waiter):
            await waiter

    def _as_dict(
        self, code: MessageCode | str | int, message: dict[str, Any] | str | BaseException
    ) -> dict[str, Any]:
        """Return a message with a keyword for a string or an exception.

        A logging level is not the code of an error: its string has the default keyword.

        Raises
        ------
        CluValueError
            If the message is of another type.
        """
        if isinstance(message, str):
            value = code._value_ if isinstance(code, MessageCode) else code
            return {"error" if value in _ERROR_CODES else self.default_keyword: message}
        if isinstance(message, BaseException):
            return {"error": message}
        if isinstance(message, dict):
            return message
        raise CluValueError(f"invalid message {message!r}")

    @staticmethod
    def _code_of(code: MessageCode | str | int) -> MessageCode:
        if isinstance(code, int):
            if code not in _CODE_OF_LEVEL:
                raise CluValueError(f"Invalid message code {code}.")
            return _CODE_OF_LEVEL[code]
        return message_code_of(code)

    def send_command(
        self,
        target: str,
        command_string: str,
        new_command: bool = True,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Send a command to another actor, from the actor of this command.

        Parameters
        ----------
        target
            The actor to command.
        command_string
            The command.
        new_command
            Whether the command is independent. Otherwise it is sent as part of this one.
        args, kwargs
            Further arguments of the actor's ``send_command``.

        Returns
        -------
        command
            The result of the actor's ``send_command``: a command, or an awaitable of one.
        """
        if self.actor is None:
            raise CommandError("The actor need to be defined to send commands.")
        command = self if new_command is False else None
        return self.actor.send_command(target, command_string, *args, command=command, **kwargs)


def _status_of(status: CommandStatus | str | int) -> CommandStatus:
    if isinstance(status, str):
        named = CommandStatus.__members__.get(status.upper())
        if named is None or named.code is None:
            raise CluValueError(f"{status!r} is not a valid CommandStatus")
        found = named
    elif isinstance(status, CommandStatus):
        found = status
    elif isinstance(status, int):
        try:
            found = CommandStatus(status)
        except ValueError as error:
            raise CluValueError(str(error)) from None
    else:
        raise CluValueError(f"{status!r} is not a valid CommandStatus")
    if getattr(found, "code", None) is None:
        raise CluTypeError(f"Status {found!r} is not a valid command status.")
    return found


class Command(BaseCommand[Actor_co, "Command[Any]"]):
    """A command received from a user.

    Parameters
    ----------
    command_string
        The command, without any header.
    transport
        The connection from which the command was received, for TCP actors.
    kwargs
        Arguments of `BaseCommand`.

    Attributes
    ----------
    body
        The command to parse.
    raw_command_string
        The command as it was received.
    """

    def __init__(self, command_string: str = "", transport: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.raw_command_string = command_string
        self.body = command_string
        self.transport = transport

    @property
    def ctx(self) -> click.Context | None:
        """The click context in which the command runs."""
        return self.context

    @ctx.setter
    def ctx(self, context: click.Context | None) -> None:
        self.context = context

    def parse(self) -> Self:
        """Parse and run the command on its actor.

        Raises
        ------
        CluError
            If the command has no actor.
        """
        if self.actor is None:
            raise CluError("the actor is not defined. Cannot parse command.")
        self.actor.parse_command(self)
        if not self.done():
            track = getattr(self.actor, "_track_command", None)
            if track is not None:
                track(self)
            if self.parent is not None:
                self.parent.add_done_callback(self._parent_ended)
                self.add_done_callback(self._leave_parent)
        return self

    def _parent_ended(self, parent: BaseCommand[Any, Any]) -> None:
        """Cancel the callback if the parent was cancelled or timed out."""
        if self._task is not None and (parent.cancelled() or parent.status in _INTERRUPTED):
            self._task.cancel()

    def _leave_parent(self, _: object) -> None:
        # A parent that was cancelled while awaiting this command has cancelled only the future.
        if self.parent is not None and not self.cancelled():
            self.parent.remove_done_callback(self._parent_ended)

    def child_command(self, command_string: str) -> Command[Actor_co]:
        """Run another command of the same actor as a child of this one."""
        return Command(
            command_string,
            commander_id=getattr(self.actor, "name", None),
            actor=self.actor,
            parent=self,
        ).parse()

    def __str__(self) -> str:
        return (
            f"<Command (commander_id={self.commander_id!r}, "
            f"command_id={self.command_id!r}, body={self.body!r})>"
        )


class FakeCommand(BaseCommand[Any, "FakeCommand"]):
    """A command that writes to a logger instead of to users.

    Parameters
    ----------
    log
        The logger.
    actor
        An actor, for code that accesses it.
    """

    def __init__(self, log: logging.Logger, actor: Any = None) -> None:
        super().__init__(actor=actor)
        self.log = log

    def write(
        self,
        message_code: MessageCode | str | int = "i",
        message: dict[str, Any] | str | BaseException | None = None,
        broadcast: bool = False,
        **kwargs: Any,
    ) -> None:
        """Write a message to the logger, at the level that corresponds to the code.

        Parameters
        ----------
        message_code, message, broadcast, kwargs
            Arguments of `BaseCommand.write`.
        """
        code = self._code_of(message_code)
        keywords = dict(kwargs)
        if message is not None:
            keywords = {**self._as_dict(message_code, message), **kwargs}
        self.log.log(_LEVEL_OF_CODE.get(code, logging.INFO), keywords)

    async def drain(self) -> None:
        """Return at once: nothing waits for a logger."""


def _timed_command(*args: Any, **kwargs: Any) -> Command[Any]:
    return Command(*args, **kwargs)


TimedCommand.factory = staticmethod(_timed_command)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        click="click",
        clu="clu",
    )
