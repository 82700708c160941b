"""Sending the commands of calls: with a time limit, several attempts, and errors for failures."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from clu._core.callbacks import call_user_function, log_callback_error, start_user_coroutine
from clu._core.result import CommandResult
from clu._core.status import CommandStatus
from clu.exceptions import (
    CluConnectionError,
    CommandFailed,
    CommandTimeout,
    InvalidArguments,
    InvalidCommand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clu._core.reply import Reply
    from clu._remote.commands import CommandSpec
    from clu.command import BaseCommand, Command

__all__ = ["Caller", "Commander", "Retries", "is_refused", "result_of"]

logger = logging.getLogger("clu")

#: The longest delay between two attempts, and what is added to it at random, in seconds.
_LONGEST_DELAY = 32.0
_JITTER = 0.1
#: What click actors say of a command that they cannot parse.
_REFUSED = "does not exist or cannot be parsed"


@dataclass(frozen=True)
class Retries:
    """How often, and when, a command that has failed is sent again.

    Attributes
    ----------
    count
        How often at most.
    delay
        The seconds before the first time. Each further delay is twice as long, up to 32 s. Up to
        0.1 s are added at random.
    """

    count: int
    delay: float = 1.0

    def delay_before(self, attempt: int) -> float:
        """Return the delay before an attempt; 1 is the first that is a repetition."""
        delay = min(self.delay * 2.0 ** min(attempt - 1, 64), _LONGEST_DELAY)
        return delay + random.uniform(0, _JITTER)


class Commander(Protocol):
    """A client, as far as it is needed here. `CommandsActors` says what the methods do."""

    _unsendable: str
    _known_commands: dict[str, tuple[Any, CommandSpec]] | None

    def _begin_command(
        self,
        actor: str,
        text: str,
        parent: BaseCommand[Any, Any] | None,
        is_repeated: bool,
        reply_callback: Callable[[Any], Any] | None,
        time_limit: float | None,
        internal: bool = False,
    ) -> Coroutine[Any, Any, Command[Any]]: ...

    def _called(self, actor: str) -> str: ...

    def _forget_commands(self, name: str) -> None: ...

    def _is_absent(self, result: CommandResult) -> bool: ...

    async def _present_actors(self) -> list[str]: ...


class Caller:
    """Sends the commands of the calls of one actor.

    Parameters
    ----------
    client
        The client that sends them.
    actor
        The name of the actor.
    refused
        Is called when the actor does not know a command.
    """

    def __init__(self, client: Commander, actor: str, refused: Callable[[], None]) -> None:
        self.client = client
        self.actor = actor
        self.forbidden = client._unsendable
        self._refused = refused

    async def call(
        self,
        text: str,
        timeout: float | None = None,
        retries: int | Retries = 0,
        on_reply: Callable[[Reply], Any] | None = None,
        command: BaseCommand[Any, Any] | None = None,
    ) -> CommandResult:
        """Send a command, maybe several times, and wait for the result."""
        attempts = retries if isinstance(retries, Retries) else self._checked(text, retries)
        attempt = 0
        while True:
            try:
                sent = await self.begin(text, timeout, on_reply, command, attempt > 0)
                await sent
                return self.result(text, sent)
            except (CommandFailed, CluConnectionError) as error:
                attempt += 1
                if attempt > attempts.count:
                    raise
                delay = attempts.delay_before(attempt)
                logger.warning(
                    "%s Trying again in %.1f s (%d of %d).", error, delay, attempt, attempts.count
                )
            await asyncio.sleep(delay)

    async def begin(
        self,
        text: str,
        timeout: float | None = None,
        on_reply: Callable[[Reply], Any] | None = None,
        command: BaseCommand[Any, Any] | None = None,
        is_repeated: bool = False,
    ) -> Command[Any]:
        """Send a command, and return when it is on its way."""
        if on_reply is None:
            return await self.send(text, timeout, None, command, is_repeated)
        taker = _ReplyTaker(on_reply)
        sent = await self.send(text, timeout, taker.take, command, is_repeated)
        taker.follow(sent)
        return sent

    def send(
        self,
        text: str,
        timeout: float | None,
        take: Callable[[Any], Any] | None,
        command: BaseCommand[Any, Any] | None,
        is_repeated: bool = False,
    ) -> Coroutine[Any, Any, Command[Any]]:
        """Return a coroutine that sends a command, whose replies are given to a function."""
        if timeout is not None:
            try:
                is_valid = timeout > 0
            except TypeError:
                is_valid = False
            if not is_valid:
                reason = f"timeout must be greater than 0, not {timeout!r}."
                raise InvalidArguments(self.actor, text, reason, "timeout")
            if math.isinf(timeout):
                timeout = None
        return self.client._begin_command(self.actor, text, command, is_repeated, take, timeout)

    def result(self, text: str, sent: Command[Any]) -> CommandResult:
        """Return the result of a command that has ended, or raise an error if it has failed."""
        if sent.status is CommandStatus.DONE:
            return CommandResult(self.actor, text, sent.status, sent.replies)
        try:
            return result_of(self.actor, text, sent)
        except InvalidCommand:
            self._refused()
            raise

    def _checked(self, text: str, retries: Any) -> Retries:
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            reason = f"retries must be a number of times, not {retries!r}."
            raise InvalidArguments(self.actor, text, reason, "retries")
        return Retries(retries)


class _ReplyTaker:
    """Gives the replies of a command, as they are in its list, to a callback.

    The first ones may come before the client has returned the command.
    """

    def __init__(self, callback: Callable[[Reply], Any]) -> None:
        self._callback = callback
        self._command: Command[Any] | None = None
        self._taken = 0

    def follow(self, command: Command[Any]) -> None:
        self._command = command
        self.take(None)

    def take(self, _: object) -> None:
        if self._command is None:
            return
        replies = self._command.replies
        while self._taken < len(replies):
            reply = replies[self._taken]
            self._taken += 1
            result = call_user_function(self._callback, reply)
            if asyncio.iscoroutine(result):
                start_user_coroutine(result, functools.partial(log_callback_error, self._callback))


def result_of(actor: str, text: str, sent: Command[Any]) -> CommandResult:
    """Return the result of a command that has ended.

    Parameters
    ----------
    actor
        The name of the actor.
    text
        The command string.
    sent
        The command.

    Raises
    ------
    CommandTimeout
        If it has not ended in time.
    InvalidCommand
        If the actor does not know it, or cannot parse it.
    CommandFailed
        If it failed.
    """
    result = CommandResult(actor, text, sent.status, sent.replies)
    if result.status.did_succeed:
        return result
    if result.status is CommandStatus.TIMEDOUT:
        reason = f"not ended within {sent.time_limit:g} s."
        raise CommandTimeout(actor, text, reason, result.replies)
    if is_refused(result):
        raise InvalidCommand(actor, text, _refusal(result) or result.reason, None, result.replies)
    result.raise_for_status()
    raise CommandFailed(actor, text, "it was cancelled.", result.replies)


def is_refused(result: CommandResult) -> bool:
    """Whether the actor does not know a command, or cannot parse it.

    One that runs may fail with such a reason too, as another actor has refused a part of it.
    """
    reason, words = result.reason, result.command.split(maxsplit=1)
    is_its_reason = reason.startswith("Command ") and _REFUSED in reason
    return is_its_reason and (not words or words[0] in reason)


def _refusal(result: CommandResult) -> str:
    """Return the reason of an actor, which is in its help."""
    lines: list[str] = []
    for value in result.values("help"):
        lines.extend(map(str, value if isinstance(value, list) else [value]))
    return "\n".join(lines)


Retries.__module__ = "clu.remote"  # where users find it
