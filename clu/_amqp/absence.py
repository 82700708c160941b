"""Whether there is an actor of a name: found out without a command, and apart from those that run.

An actor of this package is bound to ``presence.<name>``: a mandatory message to that key comes back
if it is not there. Then a queue ``<name>_commands`` is looked for, which one of the recorded
release has too. So an actor is found however long it takes to answer, and one of the recorded
release sees nothing. The second step is left out where it can be, as the broker logs it as an
error.

A program that records everything may be bound to ``#``: then the message does not come back, and
only an answer to it shows that there is an actor.

All this is done on channels that nobody else uses, as what the broker does not allow closes them.
"""

from __future__ import annotations

import asyncio
import enum
import uuid
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import ASKER, PRESENCE_KEY, QUESTION
from clu._amqp.presence import presence_in

if TYPE_CHECKING:
    from clu._amqp.publishing import PublishingMixIn
    from clu._amqp.reply import AMQPReply

#: The seconds that an actor has to answer, where only an answer can tell.
_ANSWER_TIME = 1.0
#: The seconds that the broker has for each step.
_STEP_TIME = 10.0


class Finding(enum.Enum):
    """What is known of an actor."""

    PRESENT = enum.auto()
    ABSENT = enum.auto()
    #: It has not answered, but a program that records everything got the question, if nobody else.
    UNANSWERED = enum.auto()
    #: The broker does not tell.
    UNKNOWN = enum.auto()


async def look_for_actor(
    client: PublishingMixIn, name: str, *, needs_answer: bool = True
) -> Finding:
    """Find out whether commands to a name reach an actor.

    Parameters
    ----------
    client
        The client that asks.
    name
        The name to which commands are sent.
    needs_answer
        Whether an actor of this package is asked to answer. Otherwise a program that records
        everything may be taken for it.
    """
    connection = client.connection
    if not connection.is_connected or connection.replacement is not None:
        return Finding.UNKNOWN
    transport = getattr(connection.connection, "transport", None)
    if transport is None:
        return Finding.UNKNOWN
    try:
        finding = await _ask(client, transport.connection, name, needs_answer)
        if finding is not Finding.PRESENT:
            for owner in _owners(name):
                if await _has_queue(transport.connection, f"{owner}_commands"):
                    return Finding.PRESENT
    except Exception as error:  # the connection is lost, or the user may not do this
        client.log.debug("Cannot find out whether there is an actor %r: %r", name, error)
        return Finding.UNKNOWN
    return finding


def _owners(name: str) -> list[str]:
    """Return the names of the actors that receive what is sent to a name."""
    words = name.split(".")
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]


async def _has_queue(connection: Any, name: str) -> bool:
    """Whether there is a queue of this name, whosoever has it."""
    from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity

    channel = await connection.channel(publisher_confirms=False)
    try:
        await channel.queue_declare(name, passive=True, timeout=_STEP_TIME)
    except ChannelNotFoundEntity:
        return False
    except ChannelLockedResource:
        return True
    finally:
        await channel.close()
    return True


async def _ask(client: PublishingMixIn, connection: Any, name: str, needs_answer: bool) -> Finding:
    """Ask for the presence of an actor of this package."""
    from aiormq.exceptions import ChannelAccessRefused, DeliveryError
    from pamqp.commands import Basic

    answer = asyncio.get_running_loop().create_future()

    def take(reply: AMQPReply) -> None:
        if not answer.done():
            is_actor = presence_in(reply).is_actor
            answer.set_result(Finding.PRESENT if is_actor else Finding.ABSENT)

    question = uuid.uuid4().hex
    headers: dict[str, Any] = {}  # without an asker there is no answer
    if needs_answer:
        await client._subscribe_to_replies()
        headers = {"commander_id": f"{ASKER}{question[:12]}", QUESTION: question}
    client._answer_takers[question] = take
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    try:
        await channel.basic_publish(
            b"",
            exchange=client.connection.exchange.name,
            routing_key=f"{PRESENCE_KEY}.{name}",
            mandatory=True,
            properties=Basic.Properties(headers=headers, message_id=question),
            timeout=_STEP_TIME,
        )
        if not needs_answer:
            return Finding.PRESENT
        await asyncio.wait([answer], timeout=_ANSWER_TIME)
        return answer.result() if answer.done() else Finding.UNANSWERED
    except DeliveryError:
        return Finding.ABSENT
    except ChannelAccessRefused:  # the user may not ask
        return Finding.UNKNOWN
    finally:
        del client._answer_takers[question]
        await channel.close()
