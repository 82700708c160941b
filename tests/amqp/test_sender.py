"""The sender of the data plane, on a connection that takes what it is told to."""

from __future__ import annotations

import logging
from typing import Any

import pamqp.frame
import pytest
from aio_pika.exceptions import AMQPConnectionError, DeliveryError

from clu._amqp.plane import is_available
from clu.exceptions import CluError

if not is_available():
    pytest.skip("there is no data plane", allow_module_level=True)

from clu._amqp.sender import Sender

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


def make(max_messages: int = 100, max_bytes: int = 10**6) -> Sender:
    return Sender("ex", logging.getLogger("clu"), max_messages, max_bytes)


def connect(sender: Sender, channel: int = 2, frame_max: int = FRAME_MAX, **wire: Any) -> Any:
    link: Any = Wire(**wire)
    link.sender = sender
    sender.attach(link, channel, frame_max)
    return link


def put(sender: Sender, *keys: str, body: bytes = b"{}") -> list[bool]:
    return [sender.put(key, body, {"a": key}, None, 0) for key in keys]


def send(sender: Sender, key: str) -> tuple[Any, list[Any]]:
    outcome: list[Any] = []
    return sender.send(key, b"{}", {}, "c", "r", outcome.append), outcome


def test_messages_are_written_at_once_and_confirmed_later() -> None:
    sender = make()
    wire = connect(sender)
    put(sender, *"abc")
    assert wire.keys == list("abc")
    assert (len(sender), sender.published) == (3, 0)
    assert sender.size > 0
    sender.confirm(3, True, True)
    assert (len(sender), sender.size, sender.published) == (0, 0, 3)


def test_confirmations_may_come_in_any_order() -> None:
    sender = make()
    connect(sender)
    put(sender, *"abcdef")
    for tag in (2, 3, 1, 5):
        sender.confirm(tag, False, True)
    assert (len(sender), sender.published) == (2, 4)
    sender.confirm(6, True, True)
    assert (len(sender), sender.published, sender.size) == (0, 6, 0)
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


def test_a_message_that_the_broker_refuses_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    sender = make()
    connect(sender)
    put(sender, "a", "b")
    _, outcome = send(sender, "c")
    sender.confirm(1, False, False)
    sender.confirm(2, False, True)
    sender.confirm(3, True, False)
    assert (sender.published, sender.dropped) == (1, 1)
    assert "Cannot publish to a" in caplog.text
    (error,) = outcome
    assert isinstance(error, DeliveryError)
    assert "Nack" in str(error)


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
    assert (sender.published, sender.dropped) == (1, 1)
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
    assert (len(sender), sender.size, sender.repeated, sender.published) == (0, 0, 2, 6)


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


def test_the_outbox_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    sender = make(max_messages=5)
    assert put(sender, *"abcdefg") == [True] * 5 + [False] * 2
    assert sender.dropped == 2
    assert caplog.text.count("The outbox is full") == 1
    wire = connect(sender)
    assert wire.keys == list("abcde")
    assert put(sender, "h") == [False]
    sender.confirm(5, True, True)
    assert "The outbox has room again; 3 replies were lost." in caplog.text
    assert put(sender, "h") == [True]


def test_its_bytes_are_limited() -> None:
    sender = make(max_bytes=1000)
    assert put(sender, *"abc", body=b"x" * 400).count(True) < 3
    assert sender.size <= 1000
    assert put(sender, "d", body=b"x" * 1000) == [False]


def test_an_overflow_of_bytes_is_over_when_half_of_them_are_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sender = make(max_bytes=3000)
    connect(sender)
    while all(put(sender, "a", body=b"x" * 400)):
        pass
    count = len(sender)
    for tag in range(1, count + 1):
        assert ("has room again" in caplog.text) is (len(sender) <= count // 2)
        sender.confirm(tag, False, True)
    assert caplog.text.count("has room again; 1 replies were lost") == 1


def test_what_cannot_be_encoded_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    sender = make()
    wire = connect(sender)
    assert put(sender, "a", "k" * 256, "b") == [True, False, True]
    assert sender.dropped == 1
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
    assert sender.dropped == 1
    wire = connect(sender)
    assert wire.keys == ["a"]
    sender.confirm(1, False, True)
    assert wire.keys == ["a", "b"]
    put(sender, *"cd")
    assert wire.keys == list("abcd")


async def test_drain_waits_until_everything_is_confirmed() -> None:
    import asyncio

    sender = make()
    await sender.drain(0.01)
    connect(sender)
    put(sender, "a", "b")
    await sender.drain(0.01)
    assert len(sender) == 2
    draining = asyncio.create_task(sender.drain(5))
    await asyncio.sleep(0)
    sender.confirm(2, True, True)
    await asyncio.wait_for(draining, 1)


def test_giving_up_settles_everything_and_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    sender = make()
    connect(sender)
    put(sender, "a")
    _, outcome = send(sender, "b")
    sender.detach()
    put(sender, "c")
    sender.give_up(CluError("the client was stopped"))
    assert (len(sender), sender.size, sender.dropped) == (0, 0, 2)
    assert len(outcome) == 1
    said = [record.getMessage() for record in caplog.records]
    assert said == ["2 replies could not be published: the client was stopped"]
