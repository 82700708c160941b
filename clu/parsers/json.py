"""The JSON parser: commands are JSON objects that name a callback."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.names import lazy_names
from clu._core.reporting import error_text, without_paths
from clu._core.status import CommandStatus
from clu.parsers._tasks import end_cancelled, end_unstarted
from clu.parsers._unfinished import callback_returned
from clu.parsers._words import excerpt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sdsstools.logger import SDSSLogger

    from clu.command import Command

__all__ = ["JSONParser"]

T = TypeVar("T", bound="Command[Any]")

DEFAULT_CALLBACKS: dict[str, Callable[..., Any]] = {}


class JSONParser:
    """A mix-in for actors that parses commands like ``{"command": "move", "to": 5}``.

    Attributes
    ----------
    callbacks
        The coroutine function for each verb. It is called with the command, the parser arguments
        and a dictionary of the other keys.
    parser_args
        The arguments that are passed to each callback after the command.
    """

    callbacks: dict[str, Callable[..., Any]] = DEFAULT_CALLBACKS
    parser_args: list[Any] = []

    if TYPE_CHECKING:
        log: SDSSLogger

    def parse_command(self, command: T) -> T:
        """Parse a command and run its callback.

        Any error ends the command with a reply that reports the reason.
        """
        if not command.body.strip():
            command.finish()
            return command
        command.set_status(CommandStatus.RUNNING)
        try:
            payload = json.loads(command.body)
        except (ValueError, RecursionError) as error:
            command.fail(
                error=f"Cannot deserialise command string {excerpt(command.body)!r}: {error}"
            )
            return command
        if not isinstance(payload, dict) or "command" not in payload:
            body = excerpt(command.body)
            command.fail(error=f"Command {body!r} does not contain a 'command' parameter.")
            return command
        verb = payload.pop("command")
        callback = self.callbacks.get(verb) if isinstance(verb, str) else None
        if callback is None:
            command.fail(error=f"Cannot find a callback for command {excerpt(repr(verb))}.")
            return command
        if not _is_coroutine_function(callback):
            command.fail(error=f"Callback {excerpt(verb)!r} is not a coroutine function.")
            return command
        try:
            result = callback(command, *self.parser_args, payload)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail(command, error)
            return command
        task = asyncio.get_running_loop().create_task(self._run(command, callback, result))
        command._task = task

        def ended(task: asyncio.Task[Any]) -> None:
            if task.cancelled():
                end_unstarted(command, result)

        task.add_done_callback(ended)
        return command

    async def _run(
        self, command: Command[Any], callback: Callable[..., Any], result: Awaitable[Any]
    ) -> None:
        try:
            await result
            callback_returned(
                self, [command], callback, is_strict=getattr(self, "_is_strict", False)
            )
        except (KeyboardInterrupt, asyncio.CancelledError):
            # The end of the task ends a cancelled command: who cancelled it can give a reason.
            raise
        except BaseException as error:
            # Nothing else may propagate from the task: SystemExit would stop the event loop.
            self._fail(command, error)

    def _fail(self, command: Command[Any], error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            end_cancelled(command)
            return
        body = excerpt(command.body)
        if not command.status.is_done:
            reason = error_text(error)
            if not getattr(self, "error_details", True):
                reason = without_paths(reason)
            text = f"{type(error).__name__}: {reason}"
            command.fail(error=f"Command {body!r} failed because of an error '{text}'.")
        self.log.error("Command %r failed with error:", body, exc_info=error)


def _is_coroutine_function(callback: Any) -> bool:
    """Whether calling a callback returns a coroutine, also if it is an object with a method."""
    if asyncio.iscoroutinefunction(callback):
        return True
    return asyncio.iscoroutinefunction(getattr(callback, "__call__", None))  # noqa: B004


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        Command="clu.command:Command",
    )
