"""The current values of the keywords of actors."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from clu.cli.common.command_models import CommandModels
from clu.cli.common.connection import CannotConnect, Outcome
from clu.cli.watch.schema import known_keywords
from clu.cli.watch.selection import is_pattern

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from clu.cli.common.connection import Connection, Received, Result
    from clu.cli.watch.selection import Target

__all__ = ["Change", "KeywordFollower"]

_ANSWER_TIMEOUT = 5.0
#: The command that reports the state of an actor, by a convention of actors.
_STATUS = "status"


class UnknownKeyword(click.ClickException):
    """A keyword that an actor does not have."""

    exit_code = 2


class Change(NamedTuple):
    """A new value of a keyword, or a notice without a keyword."""

    actor: str
    keyword: str
    value: Any
    notice: str = ""


class KeywordFollower:
    """Follows the keywords of actors.

    Parameters
    ----------
    connections
        The connections, which are not open yet, and what to follow over each.
    repeats
        Whether to report values that have not changed.
    ask_status
        Whether to request the initial values from actors that have a command for that.
    internal
        Whether to follow internal replies.

    Attributes
    ----------
    changes
        The queue of changes to report.
    problem
        A future with the reason to end: a keyword that does not exist, or an actor that does not
        admit this program.
    """

    def __init__(
        self,
        connections: Sequence[tuple[Connection, Sequence[Target]]],
        *,
        repeats: bool = False,
        ask_status: bool = True,
        internal: bool = False,
    ) -> None:
        self.connections = connections
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self.problem: asyncio.Future[click.ClickException] = loop.create_future()
        self._repeats = repeats
        self._ask_status = ask_status
        self._internal = internal
        self._values: dict[tuple[str, str], Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        for connection, wanted in connections:
            connection.on_reply = functools.partial(self._receive, wanted)
            connection.on_notice = self._notice
            connection.on_refused = self._refused
            connection.on_connected = functools.partial(self._restart, wanted)

    async def open(self) -> None:
        """Connect, and request the values.

        Raises
        ------
        CannotConnect
            If a connection cannot be opened.
        """
        for connection, wanted in self.connections:
            await connection.open()
            for target in wanted:
                self._start(self._introduce(connection, target))

    async def close(self) -> None:
        """Close the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection, _ in self.connections:
            await connection.close()

    def _restart(self, wanted: Sequence[Target], connection: Connection) -> None:
        for target in wanted:
            self._start(self._introduce(connection, target, again=True))

    async def _introduce(self, connection: Connection, target: Target, again: bool = False) -> None:
        """Check the keywords of an actor, and ask it for its values."""
        if is_pattern(target.actor):
            return
        actor, words = target.actor, target.keywords
        if target.tcp is not None:
            await self._listen(connection, actor)
        result = await self._ask(connection, actor, "get_schema")
        if result.outcome is Outcome.UNREACHABLE and target.tcp is None and "." in actor:
            name, _, word = actor.rpartition(".")
            other = await self._ask(connection, name, "get_schema")
            if other.outcome is not Outcome.UNREACHABLE:
                actor, words, result = name, [word], other
        if self.problem.done():
            return
        if result.outcome is Outcome.UNREACHABLE:
            self._notice(f"{result.reason} Waiting for it.")
        elif not again:
            self._check(result, actor, words)
        await self._ask_values(connection, actor)

    def _check(self, result: Result, actor: str, words: list[str]) -> None:
        known = known_keywords(result.keyword("schema"))
        problem = known.problem(actor, words) if known is not None else None
        if known is None or problem is None:
            return
        if not known.closed:
            self._notice(f"{problem} Waiting for it, as its schema allows for others.")
        elif not self.problem.done():
            self.problem.set_result(UnknownKeyword(problem))

    async def _listen(self, connection: Connection, actor: str) -> None:
        """Have a TCP actor send the replies to others too."""
        if not await connection.listen():
            self._notice(
                f"{actor} sends the replies to a command only to whoever sent it: what others do "
                "with it is not seen here, except for its broadcasts."
            )

    async def _ask_values(self, connection: Connection, actor: str) -> None:
        if not self._ask_status:
            return
        models = CommandModels(
            lambda name, text, limit: connection.run(name, text, quiet=True, timeout=limit)
        )
        model = await models.get(actor)
        command = ((model or {}).get("commands") or {}).get(_STATUS)
        if command is None or any(item.get("required") for item in command.get("params", ())):
            return
        result = await connection.run(actor, _STATUS, timeout=_ANSWER_TIMEOUT)
        if result.outcome is not Outcome.DONE:
            reason = result.reason or f"the command {_STATUS} of {actor} failed."
            self._notice(f"There may be no initial values: {reason}")

    async def _ask(self, connection: Connection, actor: str, text: str) -> Result:
        return await connection.run(actor, text, quiet=True, timeout=_ANSWER_TIMEOUT)

    def _receive(self, wanted: Sequence[Target], received: Received) -> None:
        if received.internal and not self._internal:
            return
        actor = received.actor
        for keyword, value in received.keywords.items():
            if not any(target.wants(actor, keyword) for target in wanted):
                continue
            place = actor, keyword
            known = place in self._values and self._values[place] == value
            if self._repeats or not known:
                self._values[place] = value
                self.changes.put_nowait(Change(actor, keyword, value))

    def _refused(self, reason: str) -> None:
        if not self.problem.done():
            self.problem.set_result(CannotConnect(reason))

    def _notice(self, text: str) -> None:
        self.changes.put_nowait(Change("", "", None, text))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
