"""The sender of the data plane, on a connection that takes what it is told to."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from typing import Any

import pamqp.frame
import pytest
from aio_pika.exceptions import AMQPConnectionError, DeliveryError

from clu._amqp.backlog import DRAIN_HIGH, DRAIN_LOW, Backlog
from clu._amqp.sender import Sender
from clu._amqp.sending import ITEM_COST, Envelope, Sending
from clu._speedups.amqp import Publisher
from clu.exceptions import CluError

FRAME_MAX = 131072


class Wire:
    """A connection, and what was written to it."""

    def __init__(self, room: int | None = None) -> None:
        self.is_paused = self.is_blocked = self.is_closed = False
        self.frames: list[Any] = []
        self.channels: set[int] = set()
        self.room = room
        self.sender: Sender | None = None

    def send(self, data: bytes, is_urgent: bool = False) -> None:
        while data:
            size, channel, frame = pamqp.frame.unmarshal(data)
            self.frames.append(frame)
            self.channels.add(channel)
            data = data[size:]

    def encoder(self, exchange: str) -> Any:
        return Publisher(exchange, "text/json").encode

    def flush(self) -> None:
        if self.room is not None and len(self.keys) >= self.room:
            self.is_paused = True
            assert self.sender is not None
            self.sender.update()

    @property
    def keys(self) -> list[str]:
        return [frame.routing_key for frame in self.frames if frame.name == "Basic.Publish"]

    @property
    def ids(self) -> list[str]:
        headers = [frame for frame in self.frames if frame.name == "ContentHeader"]
        return [header.properties.message_id for header in headers]


class Returned:
    """A message that comes back."""

    exchange = "ex"
    routing_key = "k"
    reply_code = 312
    reply_text = "NO_ROUTE"

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id


def make(max_messages: int = 100, max_bytes: int = 10**6, backlog_bytes: int = 10**7) -> Sender:
    log = logging.getLogger("clu")
    return Sender("ex", log, Backlog(log, max_messages, max_bytes, backlog_bytes))


def connect(sender: Sender, channel: int = 2, frame_max: int = FRAME_MAX, **wire: Any) -> Any:
    link: Any = Wire(**wire)
    link.sender = sender
    sender.attach(link, channel, frame_max)
    return link


def put(sender: Sender, *keys: str, body: bytes = b"{}") -> list[bool]:
    return [sender.put(Envelope(key, {"a": key}), body, 0) for key in keys]


def send(sender: Sender, key: str) -> tuple[Any, list[Any]]:
    outcome: list[Any] = []
    return sender.send(Envelope(key, {}, "c", "r", True), b"{}", outcome.append), outcome


def test_messages_are_written_at_once_and_confirmed_later() -> None:
    sender = make()
    wire = connect(sender)
    put(sender, *"abc")
    assert wire.keys == list("abc")
    assert (len(sender), sender.published) == (3, 0)
    assert sender.backlog.size > 0
    sender.confirm(3, True, True)
    assert (len(sender), sender.backlog.size, sender.published) == (0, 0, 3)


def test_confirmations_may_come_in_any_order() -> None:
    sender = make()
    connect(sender)
    put(sender, *"abcdef")
    for tag in (2, 3, 1, 5):
        sender.confirm(tag, False, True)
    assert (len(sender), sender.published) == (2, 4)
    sender.confirm(6, True, True)
    assert (len(sender), sender.published, sender.backlog.size) == (0, 6, 0)
    put(sender, "g")
    sender.confirm(7, False, True)
    assert sender.published == 7


@pytest.mark.parametrize("tag", [0, 9, 2**63])
def test_confirmations_of_what_was_not_published_are_ignored(tag: int) -> None:
    sender = make()
    connect(sender)
    put(sender, "a")
    sender.confirm(tag, False, True)
    assert len(sender) == 1


def test_a_message_that_not_every_queue_got_is_published(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sender = make()
    connect(sender)
    nacked: list[Any] = []
    sender.on_nacked = nacked.append
    put(sender, "a", "b", "c")
    item, outcome = send(sender, "d")
    sender.confirm(2, True, False)
    assert (sender.published, sender.nacked, sender.unpublished) == (2, 2, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "A queue for a is gone: messages reach only the others."
    ]
    sender.confirm(4, True, False)
    assert nacked == [item]  # a command, of which only its actor knows more
    assert outcome == [None]
    assert len(caplog.records) == 1
    put(sender, "e", "f", "g")
    sender.confirm(5, False, True)
    sender.confirm(6, False, False)
    assert len(caplog.records) == 1  # it is the same outage
    sender._nacked_at -= 100
    sender.confirm(7, False, False)
    assert len(caplog.records) == 2


def test_a_message_that_comes_back_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    sender = make()
    wire = connect(sender)
    put(sender, "a")
    _, outcome = send(sender, "b")
    put(sender, "c")
    message: Any
    for message_id in (*wire.ids[:2], "unknown"):
        message = Returned(message_id)
        sender.take_return(message)
    sender.confirm(3, True, True)
    assert (sender.published, sender.unpublished) == (1, 1)
    (error,) = outcome
    assert isinstance(error, DeliveryError)
    assert error.frame.reply_text == "NO_ROUTE"
    assert "Cannot publish to a" in caplog.text


def test_what_was_not_confirmed_is_published_again_in_order() -> None:
    sender = make()
    first = connect(sender)
    put(sender, *"abcd")
    sender.confirm(1, False, True)
    sender.confirm(3, False, True)
    sender.detach()
    put(sender, *"ef")
    assert len(sender) == 4
    second = connect(sender, channel=5, frame_max=8192)
    assert second.keys == list("bdef")
    assert second.ids[:2] == [first.ids[1], first.ids[3]]
    assert len(set(first.ids + second.ids)) == 6
    assert (first.channels, second.channels) == ({2}, {5})
    sender.confirm(4, True, True)
    assert (len(sender), sender.backlog.size, sender.repeated, sender.published) == (0, 0, 2, 6)


def test_a_long_body_fits_the_frames_of_another_broker() -> None:
    sender = make()
    connect(sender)
    put(sender, "a", body=b"x" * 20_000)
    sender.detach()
    wire = connect(sender, frame_max=4096)
    bodies = [frame.value for frame in wire.frames if frame.name == "ContentBody"]
    assert b"".join(bodies) == b"x" * 20_000
    assert max(map(len, bodies)) == 4096 - 8


def test_commands_are_published_once() -> None:
    sender = make()
    connect(sender)
    _, lost = send(sender, "a")
    sender.detach()
    (error,) = lost
    assert isinstance(error, AMQPConnectionError)
    _, waits = send(sender, "b")
    wire = connect(sender)
    assert wire.keys == ["b"]
    sender.confirm(1, False, True)
    assert waits == [None]


def test_a_command_that_came_back_before_the_loss_reached_no_queue() -> None:
    sender = make()
    wire = connect(sender)
    _, outcome = send(sender, "a")
    message: Any = Returned(wire.ids[0])
    sender.take_return(message)
    sender.detach()
    assert isinstance(outcome[0], DeliveryError)


def test_a_command_can_be_withdrawn() -> None:
    sender = make()
    item, outcome = send(sender, "a")
    sender.withdraw(item)
    assert len(sender) == 0
    wire = connect(sender)
    item, outcome = send(sender, "b")
    sender.withdraw(item)
    sender.confirm(1, False, True)
    assert (wire.keys, outcome, len(sender)) == (["b"], [], 0)


def test_many_withdrawn_commands_leave_the_queue_and_those_that_stay_keep_their_order() -> None:
    sender = make()
    items = [send(sender, f"k{number}")[0] for number in range(1000)]
    for item in reversed(items[10:]):
        sender.withdraw(item)
    assert len(sender) == 10
    assert len(sender._waiting) < 200
    wire = connect(sender)
    assert wire.keys == [f"k{number}" for number in range(10)]
    sender.confirm(10, True, True)
    assert (len(sender), sender.backlog.size) == (0, 0)


def test_without_a_connection_the_outbox_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    sender = make(max_messages=5)
    assert put(sender, *"abcdefg") == [True] * 5 + [False] * 2
    assert (sender.backlog.dropped_outbox, sender.backlog.dropped_backlog) == (2, 0)
    assert caplog.text.count("The outbox is full") == 1
    wire = connect(sender)
    assert wire.keys == list("abcde")
    sender.confirm(5, True, True)
    assert "There is room for replies again; 2 were dropped." in caplog.text


def test_with_a_connection_only_memory_is_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    sender = make(max_messages=5, max_bytes=2000, backlog_bytes=100_000)
    connect(sender)
    count = 0
    while all(put(sender, "a", body=b"x" * 100)):
        count += 1
    assert count > 200
    assert sender.backlog.size <= 100_000
    assert (sender.backlog.dropped_outbox, sender.backlog.dropped_backlog) == (0, 1)
    assert put(sender, "b") == [False]
    warning, error = [record.getMessage() for record in caplog.records]
    assert warning.startswith("The broker is slow")
    assert error.startswith(f"The backlog is full ({count} messages, ")
    sender.confirm(count // 2, True, True)
    sender.confirm(count // 2 + 1, True, True)
    assert caplog.text.count("There is room for replies again; 2 were dropped.") == 1
    assert all(put(sender, "c"))


def test_a_slow_broker_is_reported_again_after_it_has_caught_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sender = make(backlog_bytes=10_000)
    connect(sender)
    for tag in (1, 2):
        put(sender, "a", body=b"x" * 6000)
        sender.confirm(tag, True, True)
    assert caplog.text.count("The broker is slow: 0 replies, 6176 bytes") == 2


def test_the_first_and_the_last_reply_are_taken_whatever_the_limit() -> None:
    sender = make(max_messages=2)
    assert put(sender, *"abc") == [True, True, False]
    assert sender.put(Envelope("d", {}), b"{}", 0, is_essential=True)
    wire = connect(sender)
    assert wire.keys == list("abd")


def test_its_bytes_are_limited() -> None:
    sender = make(max_bytes=1500)
    assert put(sender, *"abc", body=b"x" * 400).count(True) == 2
    assert sender.backlog.size <= 1500
    assert put(sender, "d", body=b"x" * 1000) == [False]


@pytest.mark.parametrize("length", [6, 40, 300])
def test_a_message_costs_what_is_counted(length: int) -> None:
    sender = make(max_messages=10**6, max_bytes=10**9)
    envelope = Envelope("reply.broadcast", {})
    number = 20_000
    bodies = [b"%0*d" % (length, i) for i in range(number)]
    put(sender, *["a"] * 100)  # from now on each body has its own memory
    before = sender.backlog.size
    tracemalloc.start()
    for body in bodies:
        sender.put(envelope, body, 10**9)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counted = sender.backlog.size - before
    assert counted == number * (length + ITEM_COST)
    assert 0.9 * counted < taken < 1.1 * counted
    assert Sending.__slots__


def test_what_cannot_be_encoded_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    sender = make()
    wire = connect(sender)
    assert put(sender, "a", "k" * 256, "b") == [True, False, True]
    assert sender.unpublished == 1
    assert "routing key is longer" in caplog.text
    assert wire.keys == ["a", "b"]


@pytest.mark.parametrize("reason", ["is_paused", "is_blocked"])
def test_nothing_is_written_to_a_connection_that_takes_nothing(reason: str) -> None:
    sender = make()
    wire = connect(sender)
    put(sender, "a")
    setattr(wire, reason, True)
    sender.update()
    put(sender, "b", "c")
    assert wire.keys == ["a"]
    setattr(wire, reason, False)
    sender.update()
    put(sender, "d")
    assert wire.keys == list("abcd")


def test_what_waits_is_written_as_far_as_the_connection_takes_it() -> None:
    sender = make()
    put(sender, *"abcdef", body=b"x" * 100_000)
    wire = connect(sender, room=2)
    assert wire.keys == list("ab")
    wire.room = None
    wire.is_paused = False
    sender.update()
    assert wire.keys == list("abcdef")


def test_a_message_that_breaks_every_connection_takes_no_other_with_it() -> None:
    sender = make()
    put(sender, "poison", "a", "b")
    for _ in range(10):
        wire = connect(sender)
        assert wire.keys[0] == "poison"
        sender.detach()
    assert wire.keys == ["poison"]
    assert sender.unpublished == 1
    wire = connect(sender)
    assert wire.keys == ["a"]
    sender.confirm(1, False, True)
    assert wire.keys == ["a", "b"]
    put(sender, *"cd")
    assert wire.keys == list("abcd")


async def test_it_waits_until_everything_is_confirmed() -> None:
    sender = make()
    await sender.wait_confirmed(0.01)
    connect(sender)
    put(sender, "a", "b")
    await sender.wait_confirmed(0.01)
    assert len(sender) == 2
    waiting = [asyncio.create_task(sender.wait_confirmed(20)) for _ in range(2)]
    await asyncio.sleep(0)
    sender.confirm(2, True, True)
    await asyncio.wait_for(asyncio.gather(*waiting), 10)


async def test_drain_returns_at_once_while_little_is_unconfirmed_and_else_waits() -> None:
    sender = make(backlog_bytes=10**8)
    connect(sender)
    body = b"x" * 10_000
    while sender.backlog.size + len(body) + ITEM_COST <= DRAIN_HIGH:
        put(sender, "a", body=body)
        coroutine = sender.backlog.drain()
        with pytest.raises(StopIteration):
            coroutine.send(None)
    put(sender, "a", body=body)
    draining = asyncio.create_task(sender.backlog.drain())
    tag = 0
    while sender.backlog.size > DRAIN_LOW:
        await asyncio.sleep(0)
        assert not draining.done()
        tag += 1
        sender.confirm(tag, False, True)
    await asyncio.wait_for(draining, 10)


async def test_giving_up_ends_what_waits_for_room() -> None:
    sender = make(backlog_bytes=10**8)
    connect(sender)
    put(sender, "a", body=b"x" * 2 * DRAIN_HIGH)
    draining = asyncio.create_task(sender.backlog.drain())
    await asyncio.sleep(0)
    sender.give_up(CluError("the client was stopped"))
    await asyncio.wait_for(draining, 10)


def test_giving_up_settles_everything_and_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    sender = make()
    connect(sender)
    put(sender, "a")
    _, outcome = send(sender, "b")
    sender.detach()
    put(sender, "c")
    sender.give_up(CluError("the client was stopped"))
    assert (len(sender), sender.backlog.size, sender.unpublished) == (0, 0, 2)
    assert len(outcome) == 1
    said = [record.getMessage() for record in caplog.records]
    assert said == ["2 replies could not be published: the client was stopped"]
