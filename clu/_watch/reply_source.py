"""The values in the replies of other actors."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from clu._core.reply import MESSAGE_CODES, MessageCode
from clu._watch.names import known_keywords
from clu._watch.requests import VALUES, Ended, request_values, values_in
from clu._watch.strategies import differs
from clu._watch.watchers import check
from clu.exceptions import CluError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clu._watch.keyword import WatchedKeyword
    from clu._watch.names import KnownKeywords
    from clu._watch.requests import Answer

__all__ = ["Link", "ReplySource"]


class Link(Protocol):
    """A client, as a source of replies."""

    def receive(self, take: Callable[[Any], None], on: bool) -> None:
        """Start or stop passing each reply to a function."""

    async def prepare(self) -> None:
        """Wait until the replies to others are received too.

        Raises
        ------
        CluError
            If there is no connection.
        """

    async def ask(self, actor: str, text: str, internal: bool) -> Answer:
        """Send a command to an actor, and return the answer.

        Raises
        ------
        CluError
            If there is no connection.
        """

    def model(self, actor: str) -> Any:
        """Return the model of an actor, or None."""

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task."""


class ReplySource:
    """The values in replies.

    Parameters
    ----------
    link
        The client that receives the replies.
    is_alone
        Whether all replies are of one actor, whatever it is called here.
    """

    def __init__(self, link: Link, is_alone: bool = False) -> None:
        self._link = link
        self._is_alone = is_alone
        self._actors: dict[str, dict[str, WatchedKeyword]] = {}
        self._known: dict[str, KnownKeywords | None] = {}
        #: The actors that were not there when they were asked.
        self._absent: set[str] = set()
        #: The actors that have announced something: they answer to the command ``keyword``.
        self._announced: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def known(self, actor: str) -> KnownKeywords | None:
        """Return the keywords of an actor, or None if they are not known."""
        model = self._link.model(actor)
        return self._known.get(actor) if model is None else known_keywords(model.schema)

    def attach(self, watched: WatchedKeyword) -> None:
        """Assign the latest value to a keyword, and from now on each other one."""
        model = self._link.model(watched.actor)
        prop = None if model is None else model.get(watched.keyword)
        if prop is not None and prop.last_seen is not None:
            watched.assign(prop.value, prop.last_seen, prop.name)
        if not self._actors:
            self._link.receive(self._take, True)
        self._actors.setdefault(watched.actor, {})[watched.keyword.lower()] = watched
        self._introduce_soon(watched.actor)

    def detach(self, watched: WatchedKeyword) -> None:
        """Assign no further values to a keyword."""
        keywords = self._actors[watched.actor]
        del keywords[watched.keyword.lower()]
        if not keywords:
            del self._actors[watched.actor]
            self._known.pop(watched.actor, None)
            self._absent.discard(watched.actor)
            self._announced.discard(watched.actor)
        if not self._actors:
            self._link.receive(self._take, False)

    def restored(self) -> None:
        """Ask for what was missed while there was no connection."""
        for actor in self._actors:
            self._introduce_again(actor)

    def announced(self, actor: str) -> None:
        """Ask an actor that was started, or may have lost replies."""
        if actor in self._actors:
            self._announced.add(actor)
            self._introduce_again(actor)

    def _introduce_again(self, actor: str) -> None:
        self._absent.discard(actor)
        if self._known.get(actor) is None:  # it may not have been asked to the end
            self._known.pop(actor, None)
        for watched in self._actors[actor].values():
            watched.is_introduced, watched.is_stale = False, True
        self._introduce_soon(actor)

    def stop(self) -> None:
        """Ask no more."""
        for task in self._tasks.values():
            task.cancel()

    def _take(self, reply: Any) -> None:
        if self._is_alone:
            keywords = next(iter(self._actors.values()), None)
        else:
            keywords = self._actors.get(reply.sender)
        if keywords is None:
            return
        body: dict[str, Any] = reply.body
        if self._is_alone:
            for each in keywords.values():
                each.label = reply.sender
        if VALUES in body:
            self._take_values(keywords, body)
        if reply.sender in self._absent:
            self._introduce_again(reply.sender)
        for name, value in body.items():
            watched = keywords.get(name.lower())
            if watched is not None:
                watched.assign(value, time.time(), name, _code_of(reply), reply.command_id)

    def _take_values(self, keywords: dict[str, WatchedKeyword], body: dict[str, Any]) -> None:
        """Take the answer of an actor that was asked for its last values, by whomever."""
        for name, value, when in values_in(body):
            watched = keywords.get(name.lower())
            if watched is not None:
                if watched.latest is None or differs(value, watched.latest.value):
                    watched.assign(value, when, name)
                watched.is_stale = False

    def _introduce_soon(self, actor: str) -> None:
        if actor not in self._tasks:
            self._tasks[actor] = task = self._link.start(self._introduce(actor))
            task.add_done_callback(lambda _: self._end_task(actor, task))

    def _end_task(self, actor: str, task: asyncio.Task[None] | None) -> None:
        if self._tasks.get(actor) is task:
            del self._tasks[actor]

    async def _introduce(self, actor: str) -> None:
        """Ask an actor for its keywords, and for the values that are not known."""
        while some := [
            item for item in self._actors.get(actor, {}).values() if not item.is_introduced
        ]:
            for watched in some:
                watched.is_introduced = True
            try:
                reason = await self._introduce_some(actor, some)
            except (CluError, ValueError) as error:  # a ValueError for a name that is too long
                reason = str(error)
            for watched in some:
                watched.reason = reason
        # Whoever comes next needs another task, also before this one is seen to be done.
        self._end_task(actor, asyncio.current_task())

    async def _introduce_some(self, actor: str, some: list[WatchedKeyword]) -> str:
        await self._link.prepare()
        if self.known(actor) is None and actor not in self._known:
            answer = await self._ask(actor, "get_schema", True)
            if answer.ended is Ended.ABSENT:
                return answer.reason
            # One that is busy may answer all questions later.
            if actor in self._actors and answer.ended is not Ended.SILENT:
                self._known[actor] = known_keywords(answer.keywords.get("schema"))
        for watched in some:
            self._check(watched)
        wanted = [item for item in some if item.takers and _needs_value(item)]
        if not wanted:
            return ""
        # The status is not for each start of an actor, which tells its values as it writes them.
        is_needed = _has_no_value if actor in self._announced else _needs_value
        return await request_values(
            lambda text, internal: self._ask(actor, text, internal),
            [item.keyword for item in wanted],
            lambda: not any(map(is_needed, wanted)),
        )

    async def _ask(self, actor: str, text: str, internal: bool) -> Answer:
        answer = await self._link.ask(actor, text, internal)
        if answer.ended is Ended.ABSENT and actor in self._actors:
            self._absent.add(actor)
        return answer

    def _check(self, watched: WatchedKeyword) -> None:
        known = self.known(watched.actor)
        for only_numbers in (False, True):
            try:
                check(known, watched.label, watched.keyword, only_numbers)
            except CluValueError as error:
                watched.end(error, only_numbers)
                return


def _code_of(reply: Any) -> MessageCode | None:
    code = reply.message_code  # a string, where it comes from a broker
    return code if isinstance(code, MessageCode) else MESSAGE_CODES.get(str(code).lower())


def _has_no_value(watched: WatchedKeyword) -> bool:
    return watched.latest is None


def _needs_value(watched: WatchedKeyword) -> bool:
    return watched.latest is None or watched.is_stale
