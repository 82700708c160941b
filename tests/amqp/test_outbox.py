"""The outbox, with a publish function that does as the test says."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import AMQPConnectionError, DeliveryError

from clu._amqp.outbox import WINDOW, Outbox
from clu._speedups.reply import encode_json
from clu.exceptions import CluConnectionError, CluError


class Wire:
    """A connection that fails when it is told to."""

    def __init__(self, **limits: Any) -> None:
        self.sent: list[str] = []
        self.errors: list[BaseException] = []
        self.most = self.now = 0
        self.up = asyncio.Event()
        self.up.set()
        self.delay = 0.0
        self.connection = 0
        self.outbox = Outbox(
            self.publish, self.up.is_set, self.ready, logging.getLogger("clu"), **limits
        )

    async def publish(self, message: Any, routing_key: str) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        connection = self.connection
        try:
            await asyncio.sleep(self.delay)
            if self.errors:
                error = self.errors.pop(0)
                self.connection += not isinstance(error, (ValueError, DeliveryError))
                raise error
            if connection != self.connection:
                raise AMQPConnectionError("gone")
            self.sent.append(routing_key)
        finally:
            self.now -= 1

    async def ready(self) -> None:
        await self.up.wait()

    def put(self, *keys: str) -> None:
        for key in keys:
            self.outbox.put(aio_pika.Message(b"12345"), key)


async def test_a_window_of_messages_is_under_way() -> None:
    wire = Wire()
    wire.delay = 0.01
    keys = [str(number) for number in range(3 * WINDOW)]
    wire.put(*keys)
    assert len(wire.outbox) == 3 * WINDOW
    assert wire.outbox.size == 5 * 3 * WINDOW
    await wire.outbox.drain(5)
    assert wire.sent == keys
    assert wire.most == WINDOW
    assert (len(wire.outbox), wire.outbox.size, wire.outbox.published) == (0, 0, 3 * WINDOW)


async def test_lost_messages_are_published_again_in_order() -> None:
    wire = Wire()
    # The last is what aiormq makes of a connection that was closed for no reason it knows.
    wire.errors = [AMQPConnectionError("gone"), asyncio.CancelledError(), Exception()]
    wire.put(*"abcdefgh")
    await wire.outbox.drain(5)
    assert wire.sent == list("abcdefgh")
    assert wire.outbox.repeated == 8
    assert wire.outbox.dropped == 0


async def test_messages_wait_while_there_is_no_connection() -> None:
    wire = Wire(max_messages=5)
    wire.up.clear()
    wire.put(*"abcdefg")
    await asyncio.sleep(0.02)
    assert wire.sent == []
    assert wire.outbox.dropped == 2
    wire.up.set()
    await wire.outbox.drain(5)
    assert wire.sent == list("abcde")
    wire.put("h")
    await wire.outbox.drain(5)
    assert wire.sent[-1] == "h"


async def test_an_overflow_is_logged_when_it_begins_and_when_half_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wire = Wire(max_messages=10)
    for lost in (5, 7):
        caplog.clear()
        wire.up.clear()
        wire.put(*"x" * (10 + lost))
        wire.up.set()
        await wire.outbox.drain(5)
        assert caplog.messages == [
            "The outbox is full (10 messages, 50 bytes): replies are lost.",
            f"The outbox has room again; {lost} replies were lost.",
        ]
    assert wire.outbox.dropped == 12


async def test_a_body_takes_no_more_memory_than_it_has_bytes() -> None:
    wire = Wire()
    wire.up.clear()
    tracemalloc.start()
    for _ in range(100):
        wire.outbox.put(aio_pika.Message(encode_json({"word": "x" * 2000})), "a")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert wire.outbox.size > 200_000
    assert size < 2 * wire.outbox.size
    await wire.outbox.close()


async def test_a_message_that_cannot_be_published_does_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wire = Wire()
    wire.errors = [ValueError("too long"), DeliveryError(None, None)]
    wire.put("a", "b", "c")
    await wire.outbox.drain(5)
    assert wire.sent == ["c"]
    assert wire.outbox.dropped == 2
    assert "Cannot publish to a: ValueError" in caplog.text


async def test_a_message_that_breaks_every_connection_is_given_up() -> None:
    wire = Wire()
    publish = wire.outbox._publish

    async def poisoned(message: Any, key: str) -> None:
        if key == "poison":
            wire.connection += 1
            raise AMQPConnectionError("again")
        await publish(message, key)

    wire.outbox._publish = poisoned
    wire.put("a", "poison", *"bcd")
    await wire.outbox.drain(5)
    assert wire.sent[-3:] == list("bcd")
    assert wire.outbox.dropped == 1


async def test_what_is_sent_once_is_not_repeated() -> None:
    wire = Wire()
    wire.errors = [AMQPConnectionError("gone")]
    with pytest.raises(AMQPConnectionError) as caught:
        await wire.outbox.send(aio_pika.Message(b""), "a")
    assert isinstance(caught.value, CluConnectionError)
    assert str(caught.value) == "The connection to the broker was lost (gone)."
    wire.errors = [asyncio.CancelledError()]
    with pytest.raises(AMQPConnectionError):
        await wire.outbox.send(aio_pika.Message(b""), "b")
    assert wire.sent == []
    await wire.outbox.send(aio_pika.Message(b""), "c")
    assert wire.sent == ["c"]


async def test_what_is_sent_once_can_be_withdrawn() -> None:
    wire = Wire()
    wire.up.clear()
    sending = asyncio.create_task(wire.outbox.send(aio_pika.Message(b""), "a"))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert len(wire.outbox) == 0
    wire.up.set()
    await asyncio.sleep(0.02)
    assert wire.sent == []


async def test_close_forgets_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire()
    wire.up.clear()
    wire.put("a", "b")
    sending = asyncio.create_task(wire.outbox.send(aio_pika.Message(b""), "c"))
    await asyncio.sleep(0)
    await wire.outbox.drain(0.05)
    await wire.outbox.close()
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said == ["2 replies could not be published: the client was stopped"]
    with pytest.raises(CluError, match="stopped"):
        await sending
    assert len(wire.outbox) == 0
    assert wire.outbox.dropped == 2
    wire.up.set()
    wire.put("d")
    await wire.outbox.drain(5)
    assert wire.sent == ["d"]
    await wire.outbox.close()


async def test_without_a_connection_to_wait_for_everything_fails() -> None:
    wire = Wire()
    wire.up.clear()

    async def never() -> None:
        raise AMQPConnectionError("closed")

    wire.outbox._wait_ready = never
    with pytest.raises(AMQPConnectionError):
        await wire.outbox.send(aio_pika.Message(b""), "a")
    assert len(wire.outbox) == 0
