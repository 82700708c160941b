"""Exchanges and queues: who may declare, bind and delete what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiormq.exceptions import (
    AMQPChannelError,
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionCommandInvalid,
)


async def has_exchange(open_channel: Any, name: str) -> bool:
    channel = await open_channel()
    try:
        await channel.exchange_declare(name, passive=True)
    except ChannelNotFoundEntity:
        return False
    await channel.close()
    return True


async def has_queue(open_channel: Any, name: str) -> bool:
    channel = await open_channel()
    try:
        await channel.queue_declare(name, passive=True)
    except ChannelNotFoundEntity:
        return False
    except ChannelLockedResource:
        return True
    await channel.close()
    return True


async def test_a_queue_that_belongs_to_another_connection_is_locked(open_channel: Any) -> None:
    owner = await open_channel()
    await owner.queue_declare("own", exclusive=True)
    for call in (
        lambda other: other.queue_declare("own", exclusive=True),
        lambda other: other.queue_declare("own", passive=True),
        lambda other: other.queue_bind("own", "amq.topic", "a"),
        lambda other: other.queue_delete("own"),
        lambda other: other.queue_purge("own"),
        lambda other: other.basic_get("own"),
        lambda other: other.basic_consume("own", print),
    ):
        other = await open_channel()
        with pytest.raises(ChannelLockedResource, match=r"RESOURCE_LOCKED.*queue 'own'"):
            await call(other)
        assert other.is_closed
    assert (await owner.queue_declare("own", exclusive=True)).queue == "own"


async def test_an_exclusive_queue_goes_with_its_connection(open_channel: Any) -> None:
    owner = await open_channel()
    await owner.queue_declare("own", exclusive=True)
    await owner.connection.close()
    while await has_queue(open_channel, "own"):  # the broker has said good-bye before
        await asyncio.sleep(0.01)


async def test_an_exclusive_queue_outlives_the_channel(open_channel: Any) -> None:
    owner = await open_channel()
    await owner.queue_declare("own", exclusive=True)
    await owner.close()
    again = await owner.connection.channel()
    assert (await again.queue_declare("own", exclusive=True)).queue == "own"


async def test_an_exchange_goes_with_its_last_binding_and_not_before_its_first(
    open_channel: Any, channel: Any
) -> None:
    await channel.exchange_declare("auto", exchange_type="topic", auto_delete=True)
    await channel.queue_declare("one", exclusive=True)
    await channel.queue_declare("two", exclusive=True)
    assert await has_exchange(open_channel, "auto")
    await channel.queue_bind("one", "auto", "a")
    await channel.queue_bind("two", "auto", "b")
    await channel.queue_unbind("one", "auto", "a")
    assert await has_exchange(open_channel, "auto")
    await channel.queue_delete("two")
    assert not await has_exchange(open_channel, "auto")


async def test_a_queue_goes_with_its_last_consumer(open_channel: Any, channel: Any) -> None:
    async def take(_: Any) -> None:
        pass

    await channel.queue_declare("auto", auto_delete=True)
    assert await has_queue(open_channel, "auto")
    first = await channel.basic_consume("auto", take)
    second = await channel.basic_consume("auto", take)
    await channel.basic_cancel(first.consumer_tag)
    assert await has_queue(open_channel, "auto")
    await channel.basic_cancel(second.consumer_tag)
    assert not await has_queue(open_channel, "auto")


async def test_what_differs_from_what_is_there_is_refused(open_channel: Any, channel: Any) -> None:
    await channel.exchange_declare("kind", exchange_type="topic", auto_delete=True)
    await channel.queue_declare("queue", exclusive=True)
    await channel.queue_bind("queue", "kind", "a")
    for arguments, reason in (
        ({"exchange_type": "direct", "auto_delete": True}, "inequivalent arg 'type'"),
        ({"exchange_type": "topic"}, "inequivalent arg 'auto_delete'"),
        ({"exchange_type": "topic", "auto_delete": True, "durable": True}, "arg 'durable'"),
    ):
        other = await open_channel()
        with pytest.raises(ChannelPreconditionFailed, match=reason):
            await other.exchange_declare("kind", **arguments)
    with pytest.raises(ChannelLockedResource):
        await channel.queue_declare("queue")


async def test_what_is_there_can_be_declared_again(channel: Any) -> None:
    for _ in range(2):
        await channel.exchange_declare("again", exchange_type="topic", auto_delete=True)
        await channel.queue_declare("queue", exclusive=True)
        await channel.queue_bind("queue", "again", "a")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("exchange_declare", ("nothing",)),
        ("queue_declare", ("nothing",)),
    ],
)
async def test_what_is_not_there_cannot_be_looked_for(
    channel: Any, method: str, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ChannelNotFoundEntity, match=r"NOT_FOUND - no .* 'nothing' in vhost '/'"):
        await getattr(channel, method)(*arguments, passive=True)


async def test_nothing_is_bound_to_what_is_not_there(open_channel: Any) -> None:
    for queue, exchange in (("there", "nothing"), ("nothing", "amq.topic")):
        channel = await open_channel()
        await channel.queue_declare("there", exclusive=True)
        with pytest.raises(ChannelNotFoundEntity, match="'nothing'"):
            await channel.queue_bind(queue, exchange, "a")
        await channel.connection.close()


async def test_what_is_not_there_may_be_deleted(channel: Any) -> None:
    assert (await channel.queue_delete("nothing")).message_count == 0
    await channel.exchange_delete("nothing")


async def test_names_that_begin_with_amq_are_the_brokers(open_channel: Any) -> None:
    for method in ("queue_declare", "exchange_declare"):
        channel = await open_channel()
        with pytest.raises(ChannelAccessRefused, match="reserved prefix"):
            await getattr(channel, method)("amq.own")
    channel = await open_channel()
    with pytest.raises(AMQPChannelError, match="ACCESS_REFUSED"):
        await channel.exchange_delete("amq.topic")


async def test_the_default_exchange_stays_as_it_is(open_channel: Any) -> None:
    for method in ("queue_bind", "queue_unbind"):
        channel = await open_channel()
        await channel.queue_declare("queue", exclusive=True)
        with pytest.raises(ChannelAccessRefused, match="not permitted on the default exchange"):
            await getattr(channel, method)("queue", "", "a")
        await channel.connection.close()


async def test_a_queue_without_a_name_gets_one(channel: Any) -> None:
    first = await channel.queue_declare(exclusive=True)
    second = await channel.queue_declare(exclusive=True)
    assert first.queue.startswith("amq.gen-")
    assert first.queue != second.queue


async def test_what_is_in_use_or_not_empty_is_not_deleted_if_that_is_asked_for(
    open_channel: Any, channel: Any
) -> None:
    await channel.exchange_declare("used", exchange_type="topic", auto_delete=True)
    await channel.queue_declare("full", exclusive=True)
    await channel.queue_bind("full", "used", "a")
    await channel.basic_publish(b"1", exchange="used", routing_key="a")
    other = await open_channel()
    with pytest.raises(ChannelPreconditionFailed, match="exchange 'used' in vhost '/' in use"):
        await other.exchange_delete("used", if_unused=True)
    with pytest.raises(ChannelPreconditionFailed, match="queue 'full' in vhost '/' not empty"):
        await channel.queue_delete("full", if_empty=True)
    again = await channel.connection.channel()
    assert (await again.queue_delete("full")).message_count == 1


async def test_messages_can_be_purged(channel: Any) -> None:
    await channel.queue_declare("queue", exclusive=True)
    for _ in range(3):
        await channel.basic_publish(b"1", routing_key="queue")
    assert (await channel.queue_purge("queue")).message_count == 3
    assert (await channel.queue_declare("queue", exclusive=True)).message_count == 0


async def test_an_exchange_of_an_unknown_type_is_refused(channel: Any) -> None:
    # By the connection, or since RabbitMQ 4 by the channel.
    with pytest.raises((ConnectionCommandInvalid, ChannelPreconditionFailed)):
        await channel.exchange_declare("odd", exchange_type="odd")
