"""The current values of an actor's keywords."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from clu.cli.common.command_models import CommandModels
from clu.cli.common.connection import Outcome

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from clu.cli.common.connection import Connection, Received

__all__ = ["Change", "KeywordFollower"]

_ANSWER_TIMEOUT = 5.0
#: The command that reports the state of an actor, by a convention of actors.
_STATUS = "status"


class Change(NamedTuple):
    """A new value of a keyword, or a notice without a keyword."""

    actor: str
    keyword: str
    value: Any
    notice: str = ""


class KeywordFollower:
    """Follows the keywords of an actor.

    Parameters
    ----------
    connection
        The connection to the actor, which is not open yet.
    actor
        The name of the actor, or the address of a TCP actor.
    direct
        Whether all replies over the connection are from the actor.
    keywords
        The keywords to follow, ignoring case; if empty, all keywords.
    repeats
        Whether to report values that have not changed.
    ask_status
        Whether to request the initial values from the actor, if it has a command for that.
    internal
        Whether to follow internal replies.

    Attributes
    ----------
    changes
        The queue of changes to report.
    """

    def __init__(
        self,
        connection: Connection,
        actor: str,
        direct: bool,
        keywords: Iterable[str] = (),
        *,
        repeats: bool = False,
        ask_status: bool = True,
        internal: bool = False,
    ) -> None:
        self.connection = connection
        self.actor = actor
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self._direct = direct
        self._wanted = {keyword.lower(): keyword for keyword in keywords}
        self._repeats = repeats
        self._ask_status = ask_status
        self._internal = internal
        self._values: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        connection.on_reply = self._receive
        connection.on_notice = self._notice
        connection.on_connected = lambda _: self._start(self._ask())

    async def open(self) -> None:
        """Connect, and request the values.

        Raises
        ------
        CannotConnect
            If the connection cannot be opened.
        """
        await self.connection.open()
        self._start(self._check_keywords())
        self._start(self._ask())

    async def close(self) -> None:
        """Close the connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.connection.close()

    async def _ask(self) -> None:
        if not self._ask_status:
            return
        models = CommandModels(
            lambda actor, text, limit: self.connection.run(actor, text, quiet=True, timeout=limit)
        )
        model = await models.get(self.actor)
        command = ((model or {}).get("commands") or {}).get(_STATUS)
        if command is None or any(item.get("required") for item in command.get("params", ())):
            return
        result = await self.connection.run(self.actor, _STATUS, timeout=_ANSWER_TIMEOUT)
        if result.outcome is not Outcome.DONE:
            reason = result.reason or f"the command {_STATUS} of {self.actor} failed."
            self._notice(f"There may be no initial values: {reason}")

    async def _check_keywords(self) -> None:
        """Report the keywords that are not in the schema of the actor, if it is closed."""
        result = await self.connection.run(
            self.actor, "get_schema", quiet=True, timeout=_ANSWER_TIMEOUT
        )
        if result.outcome is Outcome.UNREACHABLE:
            self._notice(f"{result.reason} Waiting for it.")
        try:
            schema = json.loads(result.keyword("schema") or "null")
            known = {name.lower() for name in schema["properties"]}
            closed = schema.get("additionalProperties", True) is False
        except (ValueError, TypeError, LookupError, AttributeError):
            return
        unknown = [name for lower, name in self._wanted.items() if lower not in known]
        if unknown and closed:
            self._notice(f"{self.actor} has no keyword {', '.join(map(repr, unknown))}.")

    def _receive(self, received: Received) -> None:
        if not self._direct and received.actor != self.actor:
            return
        if received.internal and not self._internal:
            return
        for keyword, value in received.keywords.items():
            if self._wanted and keyword.lower() not in self._wanted:
                continue
            known = keyword in self._values and self._values[keyword] == value
            if self._repeats or not known:
                self._values[keyword] = value
                self.changes.put_nowait(Change(received.actor, keyword, value))

    def _notice(self, text: str) -> None:
        self.changes.put_nowait(Change(self.actor, "", None, text))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
