"""The private broker of the tests, on which the tests of the AMQP transport stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aio_pika

if TYPE_CHECKING:
    from tests.broker import Broker


async def test_a_message_goes_through_the_private_broker(broker: Broker) -> None:
    connection = await aio_pika.connect(broker.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        message = aio_pika.Message(b"hello")
        await channel.default_exchange.publish(message, routing_key=queue.name)
        received = await queue.get()
        assert received is not None
        assert received.body == b"hello"
        await received.ack()
