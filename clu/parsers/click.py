"""The click parser: commands are click commands with callbacks."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from clu._core.loop import call_exception_handler
from clu._core.names import lazy_names
from clu._core.reply import MessageCode
from clu._core.reporting import error_text, without_paths
from clu._core.status import CommandStatus
from clu.parsers._builtin import (
    command_parser,
    get_command_model,
    get_schema,
    help_,
    help_of,
    keyword,
    ping,
    version,
)
from clu.parsers._commands import (
    CluCommand,
    CluGroup,
    NoSubcommand,
    coro_helper,
    coroutine,
    pass_args,
    timeout,
    unique,
)
from clu.parsers._context import use_task_contexts
from clu.parsers._invoking import invoke, resolve
from clu.parsers._tasks import (
    cancel_command,
    end_cancelled,
    get_current_command_name,
    get_running_tasks,
)
from clu.parsers._unfinished import callback_returned
from clu.parsers._unknown_options import unknown_option
from clu.parsers._words import excerpt, split_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    from sdsstools.logger import SDSSLogger

    from clu.command import Command

__all__ = [
    "ClickParser",
    "CluCommand",
    "CluGroup",
    "cancel_command",
    "command_parser",
    "coro_helper",
    "coroutine",
    "get_command_model",
    "get_current_command_name",
    "get_running_tasks",
    "get_schema",
    "help_",
    "keyword",
    "pass_args",
    "ping",
    "timeout",
    "unique",
    "version",
]

T = TypeVar("T", bound="Command[Any]")

#: Raised for a command without arguments that asks for help then, since click 8.2.
_NoArgsIsHelp: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())


class ClickParser:
    """A mix-in for actors that parses commands with click.

    Attributes
    ----------
    parser
        The group of the commands. It is shared by all actors in the process, unless a class or an
        actor has its own.
    parser_args
        The arguments that are passed to each callback after the command.
    context_obj
        Items that are added to the ``obj`` of the click context.
    parser_raise_on_error
        Whether to pass an error in a callback to the exception handler of the event loop, instead
        of logging it, after the command has failed.
    """

    parser_args: list[Any] = []
    parser: click.Group = command_parser
    parser_raise_on_error: bool = False
    context_obj: dict[str, Any] = {}
    #: Whether several lines are one reply with a list, or one reply per line.
    _replies_with_lists: ClassVar[bool] = True

    if TYPE_CHECKING:
        name: str
        log: SDSSLogger

    def parse_command(self, command: T) -> T:
        """Parse a command and run its callback.

        Any error ends the command with a reply that reports the reason.
        """
        if not command.body.strip():
            command.finish()
            return command
        may_be_lazy = use_task_contexts()
        try:
            command.set_status(CommandStatus.RUNNING, internal=True)
            words = _words(command)
            handler = self._handle_command_exception
            name = f"{self.name}-command-parser"
            obj = {
                "parser_args": [command, *self.parser_args],
                "log": self.log,
                "exception_handler": handler,
                **self.context_obj,
            }
            meta = {
                "clu.exception_handler": handler,
                "clu.callback_returned": self._callback_returned,
            }
            contexts = resolve(self.parser, name, words, obj, meta) if may_be_lazy else None
            if contexts is not None:
                invoke(contexts)
            else:
                ctx = self.parser.make_context(name, words, obj=obj)
                ctx.meta.update(meta)
                self.parser.invoke(ctx)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._handle_command_exception(command, error)
        return command

    def _callback_returned(
        self, arguments: list[Any], callback: Callable[..., Any], *, may_fail: bool
    ) -> None:
        is_strict = may_fail and getattr(self, "_is_strict", False)
        callback_returned(self, arguments, callback, is_strict=is_strict)

    def _handle_command_exception(self, command: Command[Any], exception: BaseException) -> None:
        """End a command with an error from its parsing or its callback."""
        if isinstance(exception, (click.exceptions.Exit, click.Abort)) or _lacks_subcommand(
            exception
        ):
            if not command.status.is_done:
                if _lacks_subcommand(exception):
                    self._warn(command, help_of(exception.ctx, self.name), write_to_log=False)
                command.fail(error=f"Command {excerpt(command.body)!r} was aborted.")
        elif isinstance(exception, asyncio.CancelledError):
            end_cancelled(command)
        elif isinstance(exception, click.ClickException):
            reason = _unknown_option(command, exception)
            if reason is None:
                reason = f"{self._name_of(exception)}: {_usage_message(exception)}"
            self._refuse(command, reason)
        elif isinstance(exception, WordsError):
            self._refuse(command, str(exception))
        else:
            self._report(command, exception)

    def _name_of(self, exception: click.ClickException) -> str:
        name = type(exception).__name__
        # Those who read the replies of legacy actors look for the name that click used to give it.
        return "UsageError" if name == "NoSuchCommand" and not self._replies_with_lists else name

    def _warn(self, command: Command[Any], lines: list[str], **kwargs: Any) -> None:
        if command.actor is None:  # there is nobody to tell
            return
        if self._replies_with_lists:
            command.warning(help=lines, **kwargs)
        else:
            for line in lines:
                command.warning(help=line, **kwargs)

    def _refuse(self, command: Command[Any], reason: str) -> None:
        self._warn(command, [excerpt(line) for line in reason.splitlines()])
        error = f"Command {excerpt(command.body)!r} does not exist or cannot be parsed."
        self._end(command, MessageCode.ERROR, error=error)

    def _report(self, command: Command[Any], exception: BaseException) -> None:
        body = excerpt(command.body)
        reason = error_text(exception)
        if not getattr(self, "error_details", True):
            reason = without_paths(reason)
        text = (
            f"Command {body!r} failed because of an uncaught error "
            f"'{type(exception).__name__}: {reason}'. See traceback in the log for more "
            "information."
        )
        keyword = "text" if command.status.is_done else "error"
        # A log ends with the traceback, unless the reply is written, and logged, later.
        is_written_later = inspect.iscoroutinefunction(getattr(type(self), "_write_internal", None))
        if is_written_later:
            self._log_or_raise(body, exception)
        self._end(command, MessageCode.INFO, **{keyword: text})
        if not is_written_later:
            self._log_or_raise(body, exception)

    def _log_or_raise(self, body: str, exception: BaseException) -> None:
        if self.parser_raise_on_error and isinstance(exception, Exception):
            call_exception_handler(f"Command {body!r} failed with error:", exception)
        else:
            self.log.error("Command %r failed with error:", body, exc_info=exception)

    @staticmethod
    def _end(command: Command[Any], code: MessageCode, **keywords: str) -> None:
        """Fail a command; if it is done, only write with the code."""
        if not command.status.is_done:
            command.fail(**keywords)
        elif command.actor is not None:
            command.write(code, dict(keywords))


def _lacks_subcommand(exception: BaseException) -> TypeGuard[NoSubcommand]:
    if isinstance(exception, NoSubcommand):
        return True
    return isinstance(exception, _NoArgsIsHelp) and isinstance(exception.ctx.command, click.Group)


def _unknown_option(command: Command[Any], error: click.ClickException) -> str | None:
    # It is an error of the callback, which got all words.
    if command._lazy is not None or command.context is not None:
        return None
    try:
        return unknown_option(error, split_words(command.body))
    except ValueError:  # the words of the parser may be others
        return None


def _usage_message(error: click.ClickException) -> str:
    try:
        return error.format_message()
    except Exception:
        return error_text(error)


class WordsError(ValueError):
    """A command that cannot be split into words."""


def _words(command: Command[Any]) -> list[str]:
    """Return the words of a command; with ``--help``, it becomes the command ``help``."""
    try:
        words = split_words(command.body)
    except ValueError as error:
        raise WordsError(str(error)) from None
    if "--help" in words:
        words = ["help", *(word for word in words if word != "--help")]
        if len(words) > 1:
            command.body = " ".join(words)
    if words[:1] == ["help"] and len(words) > 2:
        return ["help", " ".join(words[1:])]
    return words


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        ClickAliasedGroup="click_aliases:ClickAliasedGroup",
        Command="clu.command:Command",
        Context="click:Context",
        SDSSLogger="sdsstools.logger:SDSSLogger",
        actor="clu.actor",
        group="click:group",
        pass_obj="click:pass_obj",
        shlex="shlex",
    )
