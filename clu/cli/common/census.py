"""Who is on a broker, from all that can be known: answers, pings, and what was said."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clu._amqp.presence import Presence, who_is_there
from clu.cli.common.connection import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clu.cli.common.broker import BrokerConnection
    from clu.cli.common.connection import Received

__all__ = ["ABSENT", "ANSWER", "NO_ANSWER", "PING", "REPLIES", "Census", "Entry"]

#: How an actor is known.
ANSWER, PING, REPLIES = "answer", "ping", "replies"
#: What is known of an actor that does not answer.
NO_ANSWER, ABSENT = "no answer", "absent"


@dataclass(frozen=True)
class Entry:
    """An actor or a client, and how it is known.

    Attributes
    ----------
    presence
        What it has answered; only its name if it has not.
    known_from
        How it is known.
    last_reply
        When it was last seen to say something, on the monotonic clock.
    """

    presence: Presence
    known_from: str
    last_reply: float | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.presence.name

    @property
    def kind(self) -> str:
        """Whether it is an actor, which all are that do not answer."""
        if self.known_from in (NO_ANSWER, ABSENT):
            return ""
        is_client = self.known_from == ANSWER and not self.presence.is_actor
        return "client" if is_client else "actor"

    def as_json(self) -> dict[str, Any]:
        """Return what a script gets."""
        presence = self.presence
        return {
            "name": self.name,
            "kind": self.kind or None,
            "known_from": self.known_from,
            "version": presence.version,
            "clu": presence.clu_version,
            "host": presence.host,
            "pid": presence.pid,
            "uptime": presence.uptime,
            "running_commands": presence.running_commands,
        }


class Census:
    """Finds out who is on a broker.

    Parameters
    ----------
    connection
        The connection to the broker. It is not opened yet.
    names
        The names of actors that are looked for. Those that do not answer the question who is there
        get a ping, as actors of the recorded release do not know it.
    """

    def __init__(self, connection: BrokerConnection, names: Sequence[str]) -> None:
        self._connection = connection
        self._names = tuple(dict.fromkeys(names))
        self._heard: dict[str, float] = {}
        connection.on_reply = self._hear

    def _hear(self, received: Received) -> None:
        self._heard[received.actor] = time.monotonic()

    async def take(self, seconds: float) -> list[Entry]:
        """Ask, and return who is there, by name; then who is looked for and is not there.

        Parameters
        ----------
        seconds
            For how many seconds to wait for an answer.

        Raises
        ------
        CluConnectionError
            If the broker cannot be asked.
        """
        present = await who_is_there(self._connection.client, seconds)
        entries = [Entry(item, ANSWER, self._heard.get(item.name)) for item in present]
        known = {item.name for item in present}
        pings = [self._ping(name, seconds) for name in self._names if name not in known]
        pinged = await asyncio.gather(*pings)
        known.update(entry.name for entry in pinged)
        said = [
            Entry(Presence(name), REPLIES, when)
            for name, when in self._heard.items()
            if name not in known
        ]
        entries += [entry for entry in pinged if entry.known_from == PING] + said
        absent = [entry for entry in pinged if entry.known_from != PING]
        return [*sorted(entries, key=lambda entry: entry.name), *absent]

    async def _ping(self, name: str, seconds: float) -> Entry:
        from clu.cli.common.broker import LOOK_TIME

        result = await self._connection.run(
            name, "ping", quiet=True, timeout=max(seconds, LOOK_TIME)
        )
        known_from = PING
        if result.outcome is Outcome.UNREACHABLE:
            known_from = ABSENT
        elif result.outcome is Outcome.TIMED_OUT and not result.replies:
            known_from = NO_ANSWER
        return Entry(Presence(name), known_from, self._heard.get(name))
