"""The current values of the keywords of actors."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from clu._watch.names import known_keywords
from clu._watch.requests import ANSWER_TIMEOUT
from clu._watch.sampler import Sampler
from clu._watch.sampling import Sampling
from clu._watch.update import Update
from clu.cli.common.connection import CannotConnect, Outcome
from clu.cli.watch.initial import InitialValues
from clu.cli.watch.selection import Target, is_pattern

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from clu._watch.names import KnownKeywords
    from clu.cli.common.connection import Connection, Received, Result

__all__ = ["Change", "KeywordFollower"]


class UnknownKeyword(click.ClickException):
    """A keyword that an actor does not have."""

    exit_code = 2


class Change(NamedTuple):
    """A new value of a keyword, or a notice without a keyword."""

    actor: str
    keyword: str
    value: Any
    notice: str = ""
    #: The Unix time at which it came, or at which its actor wrote it.
    when: float = 0.0


class KeywordFollower:
    """Follows the keywords of actors.

    Parameters
    ----------
    connections
        The connections, which are not open yet, and what to follow over each.
    sampling
        Which values to report: by default those that have changed.
    ask_status
        Whether to ask actors for the initial values.
    internal
        Whether to follow internal replies.
    needs_actors
        Whether to end if an actor is not there at the start, rather than to wait for it.

    Attributes
    ----------
    changes
        The queue of changes to report.
    problem
        A future with the reason to end: a keyword that does not exist, or an actor that is not
        there or does not admit this program.
    """

    def __init__(
        self,
        connections: Sequence[tuple[Connection, Sequence[Target]]],
        *,
        sampling: Sampling | None = None,
        ask_status: bool = True,
        internal: bool = False,
        needs_actors: bool = False,
    ) -> None:
        self.connections = connections
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self.problem: asyncio.Future[click.ClickException] = loop.create_future()
        self._sampling = Sampling("event") if sampling is None else sampling
        self._ask_status = ask_status
        self._internal = internal
        self._needs_actors = needs_actors
        self._samplers: dict[tuple[str, str], Sampler] = {}
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
        for sampler in self._samplers.values():
            sampler.close()
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
        may_be_keyword = target.tcp is None and "." in actor and not words
        if result.outcome is Outcome.UNREACHABLE and may_be_keyword:
            name, _, word = actor.rpartition(".")
            other = await self._ask(connection, name, "get_schema")
            if other.outcome is not Outcome.UNREACHABLE:
                actor, words, result = name, [word], other
        if self.problem.done():
            return
        if result.outcome is Outcome.UNREACHABLE:
            if self._needs_actors and not again:
                self._refused(result.reason)
            else:
                self._notice(f"{result.reason} Waiting for it.")
            return
        known = known_keywords(result.keyword("schema"))
        if known is not None and not again:
            self._check(known, actor, words)
        if self._ask_status and not self.problem.done():
            asked = Target(actor, target.tcp, words)
            initial = InitialValues(asked, known, self._samplers, self._take)
            if reason := await initial.request(connection):
                self._notice(f"There may be no initial values: {reason}")

    def _check(self, known: KnownKeywords, actor: str, words: list[str]) -> None:
        problem = known.problem(actor, words, Target.is_named)
        if problem is not None and not known.closed:
            self._notice(f"{problem} Waiting for it, as its schema allows for others.")
            return
        if problem is None and self._sampling.delta is not None:
            texts = [word for word in words if not known.is_numeric(word)]
            if texts:
                problem = f"{actor} has no numbers in {' and '.join(texts)}, so there is no delta."
        if problem is not None and not self.problem.done():
            self.problem.set_result(UnknownKeyword(problem))

    async def _listen(self, connection: Connection, actor: str) -> None:
        """Have a TCP actor send the replies to others too."""
        if not await connection.listen():
            self._notice(
                f"{actor} sends the replies to a command only to whoever sent it: what others do "
                "with it is not seen here, except for its broadcasts."
            )

    async def _ask(self, connection: Connection, actor: str, text: str) -> Result:
        return await connection.run(actor, text, quiet=True, timeout=ANSWER_TIMEOUT)

    def _receive(self, wanted: Sequence[Target], received: Received) -> None:
        if received.internal and not self._internal:
            return
        actor = received.actor
        for keyword, value in received.keywords.items():
            if any(target.wants(actor, keyword) for target in wanted):
                self._take((actor, keyword), value, time.time())

    def _take(self, place: tuple[str, str], value: Any, when: float) -> None:
        sampler = self._samplers.get(place)
        if sampler is None:
            loop = asyncio.get_running_loop()
            sampler = self._samplers[place] = Sampler(self._sampling.machine(), self._report, loop)
        sampler.take(Update(*place, value, when))

    def _report(self, update: Update) -> None:
        change = Change(update.actor, update.keyword, update.value, when=update.when)
        self.changes.put_nowait(change)

    def _refused(self, reason: str) -> None:
        if not self.problem.done():
            self.problem.set_result(CannotConnect(reason))

    def _notice(self, text: str) -> None:
        self.changes.put_nowait(Change("", "", None, text))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
