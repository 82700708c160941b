"""The question whether somebody of a name is there, which anyone can ask through the exchange.

Since 4.2 a cluster of RabbitMQ keeps the record of an exclusive queue whose node is lost. The name
stays locked, although nobody has the queue: only an answer shows that somebody does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import Any

from clu._amqp.announcement import ASKER, PRESENCE_KEY

#: The seconds that there are to answer.
ANSWER_TIMEOUT = 1.0
#: How often to ask: the node of who answers may not know yet where answers go.
_TIMES = 3


async def is_answered(connection: Any, exchange: str, name: str) -> bool:
    """Ask whether an actor or a client of a name is there.

    Our actors and clients answer a question for their presence. Actors of the recorded release,
    which do not know it, answer a ping.

    Parameters
    ----------
    connection
        The connection of aio_pika.
    exchange
        The name of the exchange.
    name
        The name of the actor or client.
    """
    from aiormq.exceptions import ChannelNotFoundEntity

    asker = f"{ASKER}{uuid.uuid4().hex[:12]}"
    answered = asyncio.Event()

    async def take(_: Any) -> None:
        answered.set()

    channel = await connection.transport.connection.channel(publisher_confirms=False)
    try:
        # Under a name of ours, as the permissions of the user may be about names.
        own = f"{name}_question.{asker}"
        declared = await channel.queue_declare(own, exclusive=True, auto_delete=True)
        for key in (f"reply.{asker}", f"reply.{asker}.#"):
            await channel.queue_bind(declared.queue, exchange, routing_key=key)
        await channel.basic_consume(declared.queue, take, no_ack=True)
        for _ in range(_TIMES):
            await _ask(channel, exchange, name, asker)
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(answered.wait(), ANSWER_TIMEOUT / _TIMES)
                break
    except ChannelNotFoundEntity:
        pass  # the exchange has gone with the last queue, so that there is nobody
    finally:
        await channel.close()
    return answered.is_set()


async def _ask(channel: Any, exchange: str, name: str, asker: str) -> None:
    """Ask for the presence of an actor or client, and send it a ping if it is an actor."""
    from pamqp.commands import Basic

    await channel.basic_publish(
        b"",
        exchange=exchange,
        routing_key=f"{PRESENCE_KEY}.{name}",
        properties=Basic.Properties(headers={"commander_id": asker}),
    )
    headers: dict[str, Any] = {
        "command_id": uuid.uuid4().hex,
        "commander_id": f"{asker}.{name}",
        "internal": True,
        "write_to_log": False,
    }
    await channel.basic_publish(
        json.dumps({"command_string": "ping"}).encode(),
        exchange=exchange,
        routing_key=f"command.{name}",
        properties=Basic.Properties(content_type="text/json", headers=headers),
    )
