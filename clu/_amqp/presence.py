"""Who is there: the question to everybody on a broker, and what they answer.

Actors and clients of this package answer with an announcement ``present`` (see
``clu._amqp.announcement``). Those of the recorded release do not receive the question. The header
``program`` of an answer is a table with

``version``
    The version of the actor or client.
``clu``
    The version of this package there.
``host``, ``pid``, ``uptime``
    Where it runs, as which process, and for how many seconds.
``actor``
    Whether it is an actor.
``commands``
    How many commands it runs, if it is an actor.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from clu._amqp.announcement import ASKER, PRESENCE_KEY, PROGRAM, QUESTION
from clu._amqp.errors import connection_error
from clu._amqp.sending import Envelope

if TYPE_CHECKING:
    from clu._amqp.publishing import PublishingMixIn
    from clu._amqp.reply import AMQPReply

#: The seconds without a further answer after which all have answered.
ANSWER_TIME = 1.0


class Presence(NamedTuple):
    """An actor or a client that is on the broker, as it has answered.

    Attributes
    ----------
    name
        Its name.
    is_actor
        Whether it is an actor.
    version
        Its version.
    clu_version
        The version of this package there.
    host, pid
        Where it runs, and as which process.
    uptime
        For how many seconds it has run.
    running_commands
        How many commands it runs; None for a client.
    """

    name: str
    is_actor: bool = False
    version: str | None = None
    clu_version: str | None = None
    host: str | None = None
    pid: int | None = None
    uptime: float | None = None
    running_commands: int | None = None


def presence_in(reply: AMQPReply) -> Presence:
    """Return what an answer tells. It may come from anywhere, so that what is odd is left out."""
    table = reply.headers.get(PROGRAM)
    program = table if isinstance(table, dict) else {}

    def value(name: str, kind: type | tuple[type, ...]) -> Any:
        found = program.get(name)
        if isinstance(found, bytes):
            found = found.decode(errors="replace")
        return found if isinstance(found, kind) and not isinstance(found, bool) else None

    return Presence(
        str(reply.sender),
        program.get("actor") is True,
        value("version", str),
        value("clu", str),
        value("host", str),
        value("pid", int),
        value("uptime", (int, float)),
        value("commands", int),
    )


async def who_is_there(client: PublishingMixIn, timeout: float = ANSWER_TIME) -> list[Presence]:
    """Ask everybody on the broker, and return who answers, besides the client itself.

    Parameters
    ----------
    client
        The client that asks, which is connected.
    timeout
        For how many seconds to wait for the next answer.

    Returns
    -------
    present
        Who has answered, by name.

    Raises
    ------
    CluConnectionError
        If there is no connection to the broker, or the broker refuses the question.
    """
    answers: dict[str, Presence] = {}
    answered = asyncio.Event()

    def take(reply: AMQPReply) -> None:
        if reply.sender is not None:
            answers[reply.sender] = presence_in(reply)
            answered.set()

    question = uuid.uuid4().hex
    client._answer_takers[question] = take
    try:
        await _ask(client, PRESENCE_KEY, question)
        while True:
            answered.clear()
            try:
                await asyncio.wait_for(answered.wait(), timeout)
            except (asyncio.TimeoutError, TimeoutError):
                break
    finally:
        del client._answer_takers[question]
    answers.pop(client.name, None)
    return sorted(answers.values())


async def _ask(client: PublishingMixIn, key: str, question: str) -> None:
    """Publish a question, and wait until the broker has it."""
    await client._subscribe_to_replies()
    sender = client._sender
    if sender is None or not client.connection.is_open:
        raise connection_error("There is no connection to the broker.")
    headers = {"commander_id": f"{ASKER}{question[:12]}", QUESTION: question}
    waiting = asyncio.get_running_loop().create_future()

    def settle(error: BaseException | None) -> None:
        if waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)

    item = sender.send(Envelope(key, headers, None, f"{client.name}_replies"), b"", settle)
    try:
        await asyncio.wait_for(waiting, client.connection.timeout)
    except (asyncio.TimeoutError, TimeoutError):
        where, limit = client.connection.address, client.connection.timeout
        raise connection_error(f"No answer from the broker at {where} within {limit} s.") from None
    finally:
        if not waiting.done() or item.attempts == 0:
            sender.withdraw(item)
