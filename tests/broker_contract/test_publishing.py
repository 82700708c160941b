"""What becomes of a message that is published, and what its receivers see of it."""

from __future__ import annotations

import asyncio
import datetime
import decimal
from typing import Any

import pytest
from aiormq.exceptions import (
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionNotImplemented,
    PublishError,
)
from pamqp.commands import Basic

NOW = datetime.datetime(2026, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
HEADERS = {
    "text": "ä€😀",
    "empty": "",
    "bytes": bytearray(b"\xff\x00"),
    "none": None,
    "true": True,
    "small": -1000,
    "large": 2**62,
    "real": 1.5,
    "decimal": decimal.Decimal("3.14"),
    "time": NOW,
    "list": [1, "a", [None, {"b": False}]],
    "table": {"a": {"b": [1, 2]}},
}
PROPERTIES: dict[str, Any] = {
    "content_type": "text/json",
    "content_encoding": "utf-8",
    "delivery_mode": 2,
    "priority": 7,
    "correlation_id": "correlation",
    "reply_to": "queue",
    "expiration": "60000",
    "message_id": "id",
    "timestamp": NOW,
    "message_type": "type",
    "user_id": "guest",
    "app_id": "app",
}


async def test_a_message_arrives_as_it_was_sent(channel: Any) -> None:
    queue = (await channel.queue_declare(exclusive=True)).queue
    sent = Basic.Properties(headers=HEADERS, **PROPERTIES)
    await channel.basic_publish(b"body", routing_key=queue, properties=sent)
    message = await channel.basic_get(queue)
    assert (message.body, message.delivery.exchange) == (b"body", "")
    received = message.header.properties
    for name, value in PROPERTIES.items():
        assert getattr(received, name) == value, name
    assert received.headers == HEADERS


@pytest.mark.parametrize("size", [0, 1, 4096, 131064, 131065, 300_000, 3_000_000])
async def test_a_body_of_any_length(channel: Any, size: int) -> None:
    queue = (await channel.queue_declare(exclusive=True)).queue
    body = bytes(number % 251 for number in range(size))
    await channel.basic_publish(body, routing_key=queue)
    message = await channel.basic_get(queue)
    assert message.body == body


async def test_a_message_for_nobody_comes_back_before_it_is_confirmed(channel: Any) -> None:
    sent = Basic.Properties(headers={"a": 1}, message_id="id")
    with pytest.raises(PublishError) as error:
        await channel.basic_publish(b"body", routing_key="nobody", mandatory=True, properties=sent)
    message = error.value.message
    assert (message.delivery.reply_code, message.delivery.reply_text) == (312, "NO_ROUTE")
    assert (message.body, message.header.properties.headers) == (b"body", {"a": 1})


async def test_a_message_that_is_not_mandatory_is_confirmed_and_gone(channel: Any) -> None:
    confirmed = await channel.basic_publish(b"body", routing_key="nobody")
    assert isinstance(confirmed, Basic.Ack)


async def test_publishing_to_what_is_not_there_closes_the_channel(channel: Any) -> None:
    with pytest.raises(ChannelNotFoundEntity, match="no exchange 'nothing' in vhost '/'"):
        await channel.basic_publish(b"body", exchange="nothing", routing_key="a")
    assert channel.is_closed
    again = await channel.connection.channel()
    assert isinstance(await again.basic_publish(b"body", routing_key="a"), Basic.Ack)


async def test_messages_at_once_are_all_confirmed(channel: Any) -> None:
    queue = (await channel.queue_declare(exclusive=True)).queue
    confirmed = await asyncio.gather(
        *(channel.basic_publish(b"body", routing_key=queue) for _ in range(500)),
        *(channel.basic_publish(b"body", routing_key="nobody", mandatory=True) for _ in range(50)),
        return_exceptions=True,
    )
    assert [isinstance(one, Basic.Ack) for one in confirmed] == [True] * 500 + [False] * 50
    assert (await channel.queue_declare(queue, passive=True)).message_count == 500


async def test_nobody_publishes_as_somebody_else(channel: Any) -> None:
    properties = Basic.Properties(user_id="somebody")
    with pytest.raises(ChannelPreconditionFailed, match="user_id property set to 'somebody'"):
        await channel.basic_publish(b"body", routing_key="a", properties=properties)


async def test_immediate_is_not_implemented(channel: Any) -> None:
    with pytest.raises((ConnectionNotImplemented, asyncio.CancelledError)):
        await channel.basic_publish(b"body", routing_key="a", immediate=True)


async def test_an_expiration_must_be_a_number(channel: Any) -> None:
    properties = Basic.Properties(expiration="soon")
    with pytest.raises(ChannelPreconditionFailed, match="invalid expiration 'soon'"):
        await channel.basic_publish(b"body", routing_key="a", properties=properties)
