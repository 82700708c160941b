"""The keywords of a TCP JSON actor that its client watches."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from clu._core.status import CommandStatus
from clu._watch.reply_source import ReplySource
from clu._watch.requests import ANSWER_TIMEOUT, Answer, Ended
from clu._watch.watchers import Watchers
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clu._core.callbacks import CallbackMixIn
    from clu.command import Command

__all__ = ["make_watchers"]


class Client(Protocol):
    """A client of a TCP JSON actor, as far as it is used here."""

    actor_name: str | None
    _notifier: CallbackMixIn
    _connection: Any

    @property
    def address(self) -> str:
        """The address of the actor."""

    @property
    def send_command(self) -> Callable[..., Coroutine[Any, Any, Command[Any]]]:
        """The method that sends a command."""


def make_watchers(client: Client) -> Watchers:
    """Return what watches the keywords of an actor for its client."""
    source = ReplySource(ActorLink(client), is_alone=True)

    def find_actor(actor: str) -> str:
        if actor and client.actor_name not in (None, actor):
            raise CluValueError(
                f"The actor at {client.address} is {client.actor_name}, not {actor}."
            )
        return client.address

    return Watchers(lambda _: source, find_actor)


class ActorLink:
    """A client of a TCP JSON actor, as a source of replies."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listening: Any = None

    def receive(self, take: Callable[[Any], None], on: bool) -> None:
        """Start or stop passing each reply to a function."""
        if on:
            self._client._notifier.register_callback(take)
            return
        with contextlib.suppress(AssertionError):  # all were removed
            self._client._notifier.remove_callback(take)

    async def prepare(self) -> None:
        """Have the actor send the replies to others too, if it can."""
        connection = self._client._connection
        if connection is None or connection is not self._listening:
            await self.ask("", "all-replies --on", True)
            self._listening = connection

    async def ask(self, actor: str, text: str, internal: bool) -> Answer:
        """Send a command to the actor, and return the answer."""
        command = await self._client.send_command(text, time_limit=ANSWER_TIMEOUT)
        keywords: dict[str, Any] = {}
        for reply in command.replies:
            keywords.update(reply.body)
        if command.status.did_succeed:
            return Answer(Ended.DONE, keywords)
        if command.status is CommandStatus.TIMEDOUT:
            return Answer(Ended.SILENT, keywords, f"{self._client.address} has not answered.")
        return Answer(Ended.FAILED, keywords)

    def model(self, actor: str) -> Any:
        """Return None: the client has no models."""

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task."""
        return asyncio.get_running_loop().create_task(coroutine)
