"""What consumers get, in which order, and again if they do not acknowledge it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelPreconditionFailed,
    ConnectionNotAllowed,
)

from tests.waiting import until


class Taken(list[Any]):
    """What a consumer has got."""

    async def __call__(self, message: Any) -> None:
        self.append(message)

    @property
    def bodies(self) -> list[int]:
        return [int(message.body) for message in self]


async def fill(channel: Any, count: int, queue: str = "queue", **arguments: Any) -> None:
    await channel.queue_declare(queue, **arguments)
    for number in range(count):
        await channel.basic_publish(str(number).encode(), routing_key=queue)


async def left(channel: Any, queue: str = "queue") -> int:
    return int((await channel.queue_declare(queue, passive=True)).message_count)


async def test_what_is_acknowledged_does_not_come_again(open_channel: Any, channel: Any) -> None:
    await fill(channel, 3, auto_delete=True)
    other, taken = await open_channel(), Taken()
    await other.basic_consume("queue", taken)
    await until(lambda: len(taken) == 3)
    assert [message.delivery.redelivered for message in taken] == [False] * 3
    assert [message.delivery_tag for message in taken] == [1, 2, 3]
    again = Taken()
    await channel.basic_consume("queue", again)
    await other.basic_ack(taken[1].delivery_tag)
    await other.connection.close()
    await until(lambda: len(again) == 2)
    assert again.bodies == [0, 2]
    assert [message.delivery.redelivered for message in again] == [True, True]


async def test_several_are_acknowledged_at_once(channel: Any) -> None:
    taken = Taken()
    await fill(channel, 4, exclusive=True)
    consumer = await channel.basic_consume("queue", taken)
    await until(lambda: len(taken) == 4)
    await channel.basic_ack(3, multiple=True)
    await channel.basic_cancel(consumer.consumer_tag)
    assert await left(channel) == 0
    await channel.basic_nack(0, multiple=True, requeue=True)
    while not await left(channel):
        await asyncio.sleep(0.01)
    message = await channel.basic_get("queue")
    assert (message.body, message.delivery.redelivered) == (b"3", True)


async def test_an_unknown_delivery_tag_closes_the_channel(channel: Any) -> None:
    await channel.queue_declare("queue", exclusive=True)
    closed: list[Any] = []
    channel.closing.add_done_callback(closed.append)
    await channel.basic_ack(7)
    await until(lambda: closed)
    with pytest.raises(ChannelPreconditionFailed, match="unknown delivery tag 7"):
        closed[0].result()


async def test_what_is_put_back_keeps_its_place(channel: Any) -> None:
    await fill(channel, 5, exclusive=True)
    messages = [await channel.basic_get("queue") for _ in range(3)]
    await channel.basic_reject(messages[0].delivery_tag, requeue=True)
    await channel.basic_nack(messages[2].delivery_tag, requeue=True)
    await channel.basic_nack(messages[1].delivery_tag, requeue=False)
    found = [await channel.basic_get("queue") for _ in range(4)]
    assert [message.body for message in found] == [b"0", b"2", b"3", b"4"]
    assert [message.delivery.redelivered for message in found] == [True, True, False, False]
    assert (await channel.basic_get("queue")).delivery_tag is None


async def test_no_more_is_delivered_than_the_prefetch_count(channel: Any) -> None:
    taken = Taken()
    await fill(channel, 5, exclusive=True)
    await channel.basic_qos(prefetch_count=2)
    await channel.basic_consume("queue", taken)
    await until(lambda: len(taken) == 2)
    assert await left(channel) == 3
    await channel.basic_ack(taken[0].delivery_tag)
    await until(lambda: len(taken) == 3)
    await channel.basic_nack(taken[1].delivery_tag, requeue=False)
    await until(lambda: len(taken) == 4)
    assert await left(channel) == 1
    await asyncio.sleep(0.05)
    assert taken.bodies == [0, 1, 2, 3]


async def test_without_acknowledgements_there_is_no_limit(channel: Any) -> None:
    taken = Taken()
    await fill(channel, 50, exclusive=True)
    await channel.basic_qos(prefetch_count=2)
    await channel.basic_consume("queue", taken, no_ack=True)
    await until(lambda: len(taken) == 50)
    assert taken.bodies == list(range(50))


async def test_consumers_take_turns(channel: Any) -> None:
    await channel.queue_declare("queue", exclusive=True)
    each = [Taken(), Taken(), Taken()]
    for taken in each:
        await channel.basic_consume("queue", taken, no_ack=True)
    for number in range(9):
        await channel.basic_publish(str(number).encode(), routing_key="queue")
    await until(lambda: sum(map(len, each)) == 9)
    assert [len(taken) for taken in each] == [3, 3, 3]


async def test_an_exclusive_consumer_is_alone(open_channel: Any, channel: Any) -> None:
    await channel.queue_declare("queue", auto_delete=True)
    await channel.basic_consume("queue", Taken(), exclusive=True)
    other = await open_channel()
    with pytest.raises(ChannelAccessRefused, match="in exclusive use"):
        await other.basic_consume("queue", Taken())


async def test_a_tag_is_of_one_consumer(channel: Any) -> None:
    # The broker takes a moment to delete the queue of a connection that it has closed.
    await channel.queue_declare("tagged", exclusive=True)
    await channel.basic_consume("tagged", Taken(), consumer_tag="tag")
    channel.consumers.clear()  # or aiormq would say so itself
    with pytest.raises(ConnectionNotAllowed, match="attempt to reuse consumer tag 'tag'"):
        await channel.basic_consume("tagged", Taken(), consumer_tag="tag")


async def test_what_a_channel_has_not_acknowledged_is_put_back_when_it_closes(
    channel: Any,
) -> None:
    other, taken = await channel.connection.channel(), Taken()
    await fill(channel, 3, exclusive=True)
    await other.basic_consume("queue", taken)
    await until(lambda: len(taken) == 3)
    await other.close()
    assert await left(channel) == 3
    assert (await channel.basic_get("queue")).delivery.redelivered


async def test_what_was_delivered_can_be_asked_for_again(channel: Any) -> None:
    taken = Taken()
    await fill(channel, 2, exclusive=True)
    await channel.basic_consume("queue", taken)
    await until(lambda: len(taken) == 2)
    await channel.basic_recover(requeue=True)
    await until(lambda: len(taken) == 4)
    assert taken.bodies == [0, 1, 0, 1]
    assert [message.delivery.redelivered for message in taken] == [False, False, True, True]


async def test_a_consumer_is_told_that_its_queue_is_gone(open_channel: Any, channel: Any) -> None:
    await channel.queue_declare("queue", auto_delete=True)
    consumer = await channel.basic_consume("queue", Taken())
    other = await open_channel()
    await other.queue_delete("queue")
    await until(lambda: consumer.consumer_tag not in channel.consumers)


async def test_a_message_expires(channel: Any) -> None:
    from pamqp.commands import Basic

    await channel.queue_declare("queue", exclusive=True)
    for expiration in ("20", None):
        properties = Basic.Properties(expiration=expiration)
        await channel.basic_publish(b"x", routing_key="queue", properties=properties)
    await asyncio.sleep(0.2)
    message = await channel.basic_get("queue")
    assert message.header.properties.expiration is None
    assert (await channel.basic_get("queue")).delivery_tag is None


async def test_get_tells_how_many_are_left(channel: Any) -> None:
    await fill(channel, 3, exclusive=True)
    message = await channel.basic_get("queue", no_ack=True)
    assert message.delivery.message_count == 2


async def test_thousands_keep_their_order(open_channel: Any, channel: Any) -> None:
    taken = Taken()
    await channel.queue_declare("queue", auto_delete=True)
    await channel.basic_consume("queue", taken, no_ack=True)
    other = await open_channel(publisher_confirms=False)
    for number in range(3000):
        await other.basic_publish(str(number).encode(), routing_key="queue")
    await until(lambda: len(taken) == 3000)
    assert taken.bodies == list(range(3000))
