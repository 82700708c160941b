"""The keywords that a client of a broker watches."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from clu._core.status import CommandStatus
from clu._watch.model_source import ModelSource
from clu._watch.reply_source import ReplySource
from clu._watch.requests import ANSWER_TIMEOUT, Answer, Ended
from clu._watch.watchers import Watchers
from clu.base import BaseActor

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from clu._core.callbacks import CallbackMixIn
    from clu._watch.watchers import Source
    from clu.command import Command

__all__ = ["make_watchers"]

_ABSENT = "Failed routing message"


class Client(Protocol):
    """A client of a broker, as far as it is used here."""

    name: str
    models: Any
    _notifier: CallbackMixIn

    @property
    def send_command(self) -> Callable[..., Coroutine[Any, Any, Command[Any]]]:
        """The method that sends a command."""

    async def _subscribe_to_replies(self) -> None: ...

    @property
    def _create_task(self) -> Callable[..., asyncio.Task[Any]]: ...


def make_watchers(client: Client) -> Watchers:
    """Return what watches keywords for a client, which may be an actor.

    An actor has its own values in its model, which needs no broker.
    """
    replies: Source = ReplySource(BrokerLink(client))
    if not isinstance(client, BaseActor):
        return Watchers(lambda _: replies)
    own: Source = ModelSource(lambda: {client.name: client.model})
    return Watchers(
        lambda actor: own if actor == client.name else replies, lambda actor: actor or client.name
    )


class BrokerLink:
    """A client of a broker, as a source of replies."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def receive(self, take: Callable[[Any], None], on: bool) -> None:
        """Start or stop passing each reply to a function."""
        callbacks = self._client._notifier
        if on:
            callbacks.register_callback(take)
        else:
            with contextlib.suppress(AssertionError):  # all were removed
                callbacks.remove_callback(take)

    async def prepare(self) -> None:
        """Wait until the replies to others are received too."""
        await self._client._subscribe_to_replies()

    async def ask(self, actor: str, text: str, internal: bool) -> Answer:
        """Send a command to an actor, and return the answer."""
        command = await self._client.send_command(
            actor, text, internal=internal, time_limit=ANSWER_TIMEOUT
        )
        keywords: dict[str, Any] = {}
        for reply in command.replies:
            keywords.update(reply.body)
        if command.status.did_succeed:
            return Answer(Ended.DONE, keywords)
        if command.status is CommandStatus.TIMEDOUT:
            return Answer(Ended.SILENT, keywords, f"{actor} has not answered {text!r}.")
        error = str(keywords.get("error", ""))
        if error.startswith(_ABSENT):
            return Answer(Ended.ABSENT, keywords, f"There is no actor {actor!r}.")
        return Answer(Ended.FAILED, keywords)

    def model(self, actor: str) -> Any:
        """Return the model of an actor, or None."""
        return self._client.models.get(actor)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task, until the client is stopped."""
        return self._client._create_task(coroutine)
